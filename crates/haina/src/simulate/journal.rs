//! `--from-journal`: a center's own past, from its database or from a file of its journal.

use std::path::Path;

use haina_center::Fact;
use haina_core::{Refusal, Timestamp, both};
use haina_simulator::past::{Past, PastReader};
use haina_store::{JournalReader, Location};
use serde::Deserialize;

use crate::complaint::{Complaint, FAILED};
use crate::database::location;
use crate::language::{language, say};

/// Facts that are read at once.
const PAGE: u32 = 10_000;

/// A line of a journal's file; other lines are inputs and outcomes, which are not needed.
#[derive(Deserialize)]
struct Line {
    fact: Option<LineFact>,
}

#[derive(Deserialize)]
struct LineFact {
    at: Timestamp,
    body: Fact,
}

/// Reads the past of a center: from its data directory, its SQLite file or `postgres://` URL, or a file of its journal.
pub fn read(from: &str) -> anyhow::Result<Past> {
    let mut reader = PastReader::default();
    match location(from) {
        Location::Sqlite(path) if !is_database(&path) => from_file(&path, from, &mut reader)?,
        location => from_database(location, from, &mut reader)?,
    }
    Ok(reader.finish()?)
}

fn is_database(path: &Path) -> bool {
    let mut begin = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut begin));
    read.is_ok() && &begin == b"SQLite format 3\0"
}

fn from_file(path: &Path, from: &str, reader: &mut PastReader) -> Result<(), Complaint> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(from, error))?;
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|error| {
            unreadable(from, say(format!("line {}: {error}", index + 1), format!("第 {} 行：{error}", index + 1)))
        })?;
        line.fact.iter().for_each(|fact| reader.take(fact.at, &fact.body));
    }
    Ok(())
}

fn from_database(location: Location, from: &str, reader: &mut PastReader) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let facts = JournalReader::new(location);
    let mut after = 0;
    loop {
        let page = runtime.block_on(facts.facts(after, PAGE)).map_err(|error| unreadable(from, error))?;
        page.iter().for_each(|fact| reader.take(fact.at, &fact.fact));
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = last.position,
            _ => return Ok(()),
        }
    }
}

fn unreadable(from: &str, why: impl std::fmt::Display) -> Complaint {
    let rule = both(
        "the data directory of a center, its database, or a file of its journal",
        "中心的数据目录、数据库，或其日志文件",
    );
    // A URL may hold a password.
    let shown = from.parse::<Location>().map_or_else(|_| from.to_owned(), |location| location.to_string());
    let refusal = Refusal::invalid_value("from-journal", shown, rule);
    let what = format!("{} ({})", refusal.sentence(language()), refusal.code.word());
    let hint = say(
        "Name what `haina up --data` or `--database` named; a running center is not disturbed.",
        "请填写 `haina up --data` 或 `--database` 所用的位置；不会影响正在运行的中心。",
    );
    Complaint::new(FAILED, what).because(why).hint(hint)
}
