//! Processors and memory that this process may use.

use std::fs;
use std::path::Path;

use haina_core::{Bytes, CpuMillis};

use crate::confinement;

/// Processors: as many as its affinity and the quotas of its control groups let it use, in whole ones.
pub fn processors() -> CpuMillis {
    CpuMillis(std::thread::available_parallelism().map_or(1, usize::from) as u64 * 1000)
}

/// Memory: the machine's, or the least limit of a control group that this process is in.
pub fn memory() -> Result<Bytes, String> {
    let text = fs::read_to_string("/proc/meminfo").map_err(|error| format!("/proc/meminfo: {error}"))?;
    let total = total(&text).ok_or("/proc/meminfo has no MemTotal")?;
    let limits = confinement::memory_groups().into_iter().filter_map(|group| limit(&group));
    Ok(limits.fold(total, Bytes::min))
}

fn total(meminfo: &str) -> Option<Bytes> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(Bytes(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10))
}

/// The limit of one group; none where it has none, which version 2 says by a word and version 1 by a huge number.
fn limit(group: &Path) -> Option<Bytes> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let text = read("memory.max").or_else(|| read("memory.limit_in_bytes"))?;
    text.trim().parse().ok().map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_in_kibibytes() {
        assert_eq!(total("MemFree: 1 kB\nMemTotal:       32780660 kB\n"), Some(Bytes(32_780_660 << 10)));
        assert_eq!(total("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn a_groups_limit_is_read_in_both_versions() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(limit(directory.path()), None);
        fs::write(directory.path().join("memory.limit_in_bytes"), "1073741824\n").unwrap();
        assert_eq!(limit(directory.path()), Some(Bytes(1 << 30)));
        fs::write(directory.path().join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(directory.path()), None);
    }

    #[test]
    fn this_machine_has_some() {
        assert!(memory().unwrap().0 > 1 << 20);
        assert!(processors().0 >= 1000);
    }
}
