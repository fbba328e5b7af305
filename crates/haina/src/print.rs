//! Printing things: as one JSON document, or for people.

use haina_api::Amount;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::language::say;

/// Whether to print JSON.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Format {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Prints JSON.
pub fn json(value: &Value) {
    println!("{value:#}");
}

/// Reads things of a list that was printed as JSON otherwise.
pub fn read<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    Ok(serde_json::from_value(value)?)
}

/// Says that a list goes on.
pub fn more(more: bool) {
    if more {
        eprintln!("{}", say("There are more; --limit 0 shows all.", "还有更多；--limit 0 显示全部。"));
    }
}

/// An amount, or nothing.
pub fn amount(amount: &Option<Amount>) -> String {
    amount.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// A length of time for people: `3m 20s`.
pub fn length(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 if seconds < 10.0 => format!("{seconds:.1}s"),
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Bytes for people: `8 GiB`.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let text = format!("{value:.1}");
    format!("{} {}", text.trim_end_matches(".0"), units[unit])
}

/// A line of a description: a name and a value; nothing where there is no value.
pub fn line(name: &str, value: impl std::fmt::Display) {
    use unicode_width::UnicodeWidthStr;
    let value = value.to_string();
    if !value.is_empty() {
        println!("{name}{} {value}", " ".repeat(14usize.saturating_sub(name.width())));
    }
}
