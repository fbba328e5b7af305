//! A real PostgreSQL for one test binary: private directory, private socket, no TCP port.
//!
//! A keeper, a small shell process, owns the server and its directory. It ends both when its standard input closes,
//! which the kernel does however the test binary ends; so nothing is left behind, even after SIGKILL.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use crate::require;

/// Started as `sh -c KEEPER keeper BIN`; says `ready DIRECTORY`, or why not, on one line. Where nobody hears it any more
/// the shell gets SIGPIPE, which would end it without its trap.
const KEEPER: &str = r#"
bin=$1
directory=$(mktemp -d /tmp/haina-postgres-$$-XXXXXX) || { echo "no temporary directory"; exit 1; }
end() {
    trap - EXIT HUP INT TERM PIPE
    "$bin/pg_ctl" -D "$directory/data" -m immediate -w stop >/dev/null 2>&1
    rm -rf "$directory"
    exit
}
trap end EXIT HUP INT TERM PIPE
fail() { echo "$1: $(tail -n 3 "$directory/log" | tr '\n' ' ')"; exit 1; }
cd "$directory"
"$bin/initdb" -D data -U haina -A trust -E UTF8 --no-locale --no-sync >log 2>&1 </dev/null || fail initdb
cat >>data/postgresql.conf <<END
unix_socket_directories = '$directory'
listen_addresses = ''
fsync = off
max_connections = 200
shared_buffers = 32MB
END
"$bin/pg_ctl" -D data -l log -w -t 60 start >/dev/null 2>&1 </dev/null || fail "pg_ctl start"
echo "ready $directory"
cat >/dev/null
"#;

/// A running server. Ends, with all of its data, when this is dropped or the process ends.
pub struct Postgres {
    keeper: Child,
    bin: PathBuf,
    directory: PathBuf,
    databases: AtomicU32,
}

impl Postgres {
    /// The server of this test binary, started at first use. `None` after a visible skip where PostgreSQL is not
    /// installed.
    ///
    /// # Panics
    /// Where it is installed but does not start, or is not installed but required.
    pub fn shared() -> Option<&'static Postgres> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Postgres::start).as_ref()
    }

    /// Another server. `None` after a visible skip; panics like [`Postgres::shared`].
    pub fn start() -> Option<Postgres> {
        let Some(bin) = find_programs() else {
            require::skip("postgres", "is not installed (Debian: apt-get install postgresql)");
            return None;
        };
        let mut keeper = spawn_keeper(&bin);
        let mut line = String::new();
        let output = keeper.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("the keeper says how it went");
        match line.trim_end().strip_prefix("ready ") {
            Some(directory) => {
                let directory = PathBuf::from(directory);
                Some(Postgres { keeper, bin, directory, databases: AtomicU32::new(0) })
            }
            None => panic!("PostgreSQL in {} did not start: {line}", bin.display()),
        }
    }

    /// The URL of a new, empty database.
    pub fn fresh_database(&self) -> String {
        // Two at once would wait for each other's copy of the template, and may fail.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://haina@localhost/{database}?host={}", self.directory.display())
    }

    /// Runs SQL in a database with `psql`; returns what it prints, without headers.
    ///
    /// # Panics
    /// Where the SQL fails.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "haina", "-d", database, "-c", sql]);
        let output = command.arg("-h").arg(&self.directory).output().expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Stops the server at once, as a crash would: who is connected is not asked.
    pub fn stop(&self) {
        self.control(&["-m", "immediate", "-w", "stop"]);
    }

    /// Starts the server again after [`Postgres::stop`], with the data that it had.
    pub fn start_again(&self) {
        self.control(&["-l", &self.directory.join("log").to_string_lossy(), "-w", "-t", "60", "start"]);
    }

    fn control(&self, arguments: &[&str]) {
        let mut command = as_its_user(&self.bin.join("pg_ctl"));
        command.arg("-D").arg(self.directory.join("data")).args(arguments).current_dir("/");
        // A group of its own, as the keeper has: an interrupt from the terminal is not for the server.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        assert!(command.status().expect("pg_ctl starts").success(), "pg_ctl {arguments:?}");
    }

    /// Ends every connection to a database, as a server that restarts would.
    pub fn disconnect_all(&self, database: &str) {
        let of_it = format!("datname = '{database}' AND pid <> pg_backend_pid()");
        self.execute(
            "postgres",
            &format!("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {of_it}"),
        );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        _ = self.keeper.wait();
    }
}

fn spawn_keeper(bin: &Path) -> Child {
    let mut command = as_its_user(Path::new("sh"));
    command.args(["-c", KEEPER, "keeper"]).arg(bin).current_dir("/");
    // A group of its own: an interrupt from the terminal must not end the server before the tests.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    command.spawn().expect("sh (as root: setpriv) starts")
}

/// A program, run by a user that PostgreSQL accepts: it refuses to run as root.
fn as_its_user(program: &Path) -> Command {
    if !runs_as_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// The directory that has all programs that are needed: from PATH, or Debian's, the newest version first.
fn find_programs() -> Option<PathBuf> {
    let complete = |bin: &Path| ["initdb", "postgres", "pg_ctl", "psql"].iter().all(|name| bin.join(name).exists());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).filter_map(|entry| entry.join("postgres").canonicalize().ok());
    let on_path = on_path.filter_map(|program| program.parent().map(Path::to_owned));
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    on_path.chain(versions.into_iter().map(|(_, bin)| bin)).find(|bin| complete(bin))
}

fn runs_as_root() -> bool {
    let mut status = String::new();
    let opened = std::fs::File::open("/proc/self/status");
    _ = opened.and_then(|mut file| file.read_to_string(&mut status));
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    // Real, effective, saved, file system.
    line.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_starts_answers_and_leaves_nothing() {
        let Some(postgres) = Postgres::start() else { return };
        let directory = postgres.directory.clone();
        let url = postgres.fresh_database();
        assert!(url.contains("/test_0?host=/tmp/haina-postgres-"), "{url}");
        assert_eq!(postgres.execute("test_0", "SELECT 40 + 2"), "42");
        postgres.execute("test_0", "CREATE TABLE kept (id bigint)");
        postgres.stop();
        postgres.start_again();
        assert_eq!(postgres.execute("test_0", "SELECT count(*) FROM kept"), "0", "what was there still is");
        let pid = postgres.execute("test_0", "SELECT pg_backend_pid()");
        drop(postgres);
        assert!(!directory.exists(), "the directory is gone");
        assert!(!Path::new("/proc").join(&pid).exists(), "the server is gone");
    }

    #[test]
    fn a_test_that_dies_while_the_server_starts_leaves_nothing() {
        let Some(bin) = find_programs() else { return require::skip("postgres", "is not installed") };
        let mut keeper = spawn_keeper(&bin);
        // As the kernel does for a process that was killed.
        drop((keeper.stdin.take(), keeper.stdout.take()));
        keeper.wait().unwrap();
        let prefix = format!("haina-postgres-{}-", keeper.id());
        let left = std::fs::read_dir("/tmp").unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with(&prefix)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
