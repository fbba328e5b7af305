//! `scontrol show hostnames`, which batch scripts ask for the first node.

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
    names.iter().for_each(|name| println!("{name}"));
    Ok(0)
}
