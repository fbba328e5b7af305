//! `scontrol show hostnames`, which batch scripts ask for the first node.

use std::io::{ErrorKind, Write};

use anyhow::{Result, bail};

use super::hosts;
use crate::environment;

/// Runs it.
pub fn run(words: &[String]) -> Result<u8> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let list = match words[..] {
        ["show", "hostname" | "hostnames"] => environment::read(environment::NODE_LIST).unwrap_or_default(),
        ["show", "hostname" | "hostnames", list] => list.to_owned(),
        _ => bail!("only `scontrol show hostnames [LIST]` is answered here; `haina job show` tells of jobs"),
    };
    let Some(names) = hosts::expand(&list) else { bail!("Invalid hostlist: {list}") };
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    match std::io::stdout().write_all(text.as_bytes()) {
        // `head -n 1` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(0),
        written => Ok(written.map(|()| 0)?),
    }
}
