//! The machine: numbers mean little without it.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use super::measurements::percentile;

/// Writes to take the disk's measure.
const SYNCS: usize = 300;

/// What it is.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// What they call themselves.
    pub processor: String,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// The kernel's release.
    pub kernel: String,
    /// Median of appending 4 KiB and fdatasync where the databases lie, in milliseconds.
    pub fdatasync_p50_ms: f64,
    /// 99th percentile of the same.
    pub fdatasync_p99_ms: f64,
}

impl Machine {
    /// Asks the kernel, and the disk of `directory`.
    ///
    /// # Errors
    /// Where nothing can be written there.
    pub fn look(directory: &Path) -> anyhow::Result<Machine> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let memory_kib: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or(0);
        let syncs_ms = syncs_ms(directory)?;
        Ok(Machine {
            cores: std::thread::available_parallelism()?.get(),
            processor: field(&read("/proc/cpuinfo"), "model name"),
            memory_bytes: memory_kib * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            fdatasync_p50_ms: percentile(&syncs_ms, 0.5),
            fdatasync_p99_ms: percentile(&syncs_ms, 0.99),
        })
    }
}

fn syncs_ms(directory: &Path) -> anyhow::Result<Vec<f64>> {
    let path = directory.join("fdatasync");
    let mut file = std::fs::File::create(&path)?;
    let block = [7; 4096];
    let mut times_ms = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        times_ms.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    std::fs::remove_file(&path)?;
    times_ms.sort_by(f64::total_cmp);
    Ok(times_ms)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cores of {}, {:.0} GiB, Linux {}, fdatasync p50 {:.2} ms, p99 {:.2} ms",
            self.cores,
            self.processor,
            self.memory_bytes as f64 / f64::from(1 << 30),
            self.kernel,
            self.fdatasync_p50_ms,
            self.fdatasync_p99_ms
        )
    }
}
