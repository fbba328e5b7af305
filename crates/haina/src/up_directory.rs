//! The data directory of a center: one server at a time, and the operator's first token.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use haina_core::Digest;
use rustix::fs::{FlockOperation, flock};

use crate::complaint::{Complaint, FAILED, UNAVAILABLE};
use crate::language::say;

/// How long a lock may be shared by a child of a server that was killed.
const LOCK_MOST: Duration = Duration::from_secs(2);
const LOCK_AGAIN: Duration = Duration::from_millis(20);

/// A data directory that this process alone serves, for as long as this lives.
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes it where it does not exist, and takes it.
    pub fn take(path: &Path) -> Result<DataDirectory> {
        let unusable = |error: std::io::Error| {
            let what = say(
                format!("the data directory {} cannot be used", path.display()),
                format!("无法使用数据目录 {}", path.display()),
            );
            let hint = say(
                "Make it writable for this user, or choose another with --data.",
                "请确保当前用户可写，或用 --data 指定其他目录。",
            );
            Complaint::new(FAILED, what).because(error).hint(hint)
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let mut how = OpenOptions::new();
        how.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = how.open(path.join("lock")).map_err(unusable)?;
        // A server that was killed a moment ago may have been starting a supervisor: that child shares the lock until
        // its own program begins.
        let began = Instant::now();
        loop {
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < LOCK_MOST => std::thread::sleep(LOCK_AGAIN),
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(taken(&path, &mut lock).into()),
                Err(error) => return Err(unusable(error.into()).into()),
            }
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(unusable)?;
        Ok(DataDirectory { path, _lock: lock })
    }

    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Something in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The digest of the operator's first token. The first run writes the token, for its owner only.
    pub fn operator_token(&self) -> Result<Digest> {
        let path = self.join("admin.token");
        let token = match std::fs::read_to_string(&path) {
            Ok(token) => token,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut bytes = [0; 24];
                getrandom::fill(&mut bytes).map_err(|error| anyhow!("the kernel gave no random bytes: {error}"))?;
                let token = bytes.iter().fold("haina_".to_owned(), |text, byte| text + &format!("{byte:02x}"));
                self.write("admin.token", format!("{token}\n").as_bytes())?;
                token
            }
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let token = token.trim();
        if token.len() < 16 {
            return Err(Complaint::new(FAILED, format!("{} holds no token", path.display()))
                .because("it is shorter than 16 characters")
                .hint("Remove the file; the next start writes a new token.")
                .into());
        }
        Ok(Digest::of(token.as_bytes()))
    }

    /// From which the tokens of attempts are made. The first run draws it; it is kept, so that jobs that outlive this
    /// server are known to the next.
    pub fn job_token_secret(&self) -> Result<[u8; 32]> {
        let path = self.join("job-token.secret");
        match std::fs::read(&path) {
            Ok(secret) => Ok(secret.try_into().map_err(|_| {
                Complaint::new(FAILED, format!("{} holds no secret of 32 bytes", path.display()))
                    .hint("Remove the file; the next start draws a new one, and jobs that run now lose their access.")
            })?),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut secret = [0; 32];
                getrandom::fill(&mut secret).map_err(|error| anyhow!("the kernel gave no random bytes: {error}"))?;
                self.write("job-token.secret", &secret)?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes a file in it, durably, all of it or nothing, for its owner only.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.join(name);
        let partial = self.join(&format!("{name}.partial"));
        let write = || {
            _ = std::fs::remove_file(&partial);
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

fn taken(path: &Path, lock: &mut File) -> Complaint {
    let mut holder = String::new();
    _ = lock.read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => String::new(),
        id => say(format!(" (process {id})"), format!("（进程 {id}）")),
    };
    let what = say(
        format!("another server{holder} already runs on the data directory {}", path.display()),
        format!("另一个服务{holder}正在使用数据目录 {}", path.display()),
    );
    Complaint::new(UNAVAILABLE, what).hint(say(
        "Use that one, end it first, or choose another directory with --data.",
        "请使用该服务、先将其停止，或用 --data 指定其他目录。",
    ))
}
