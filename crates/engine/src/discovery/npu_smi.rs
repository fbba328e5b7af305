//! What `npu-smi` prints, read. Text in, values out: nothing here runs anything.
//!
//! The shapes are those of `npu-smi` 22 to 26 as people published them; `crates/engine/tests/fixtures/npu-smi` has one of
//! each. Huawei's reference says what the words of health mean.

use haina_core::{Bytes, Health};

/// One chip as `npu-smi info` shows it, in two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipLine {
    /// The number of its board, which need not be counted from 0.
    pub npu: u32,
    /// The chip's number on its board.
    pub chip: u32,
    /// The number of its device file, where the table has it.
    pub device: Option<u32>,
    /// `910B3`, `310P3`; `Ascend910` for the two chips of a 910C.
    pub name: String,
    /// Where it is on the bus.
    pub bus: String,
    /// The word for its health.
    pub health: String,
    /// Power in milliwatts; of two chips of a board only the first has it.
    pub power_milliwatts: Option<u64>,
    /// In degrees Celsius.
    pub temperature_celsius: Option<i32>,
    /// In percent.
    pub utilization_percent: Option<u32>,
    /// High-bandwidth memory where it has some, else its other memory.
    pub memory_used: Option<Bytes>,
    /// All of that.
    pub memory: Option<Bytes>,
}

/// All chips of `npu-smi info`, in its order. The table of processes is left out.
///
/// # Errors
/// Where there is no such table, or a line of it cannot be read: half a machine would be worse than none.
pub fn chips(text: &str) -> Result<Vec<ChipLine>, String> {
    let mut rows = text.lines().filter_map(cells);
    let is_head = |row: &Vec<String>| row[0].starts_with("NPU") && row.get(1).is_some_and(|cell| cell == "Health");
    rows.find(is_head).ok_or("there is no table of chips in its output")?;
    let second = rows.next().ok_or("the head of its table is cut off")?;
    let has_device = second[0].split_whitespace().nth(1).is_some_and(|word| word == "Phy-ID" || word == "Device");
    let mut chips = Vec::new();
    while let Some(first) = rows.next().filter(|row| !row[0].starts_with("NPU")) {
        let second = rows.next().ok_or_else(|| format!("the second line of `{}` is missing", first[0]))?;
        let unread = || format!("these lines cannot be read: `{}` and `{}`", first.join(" | "), second.join(" | "));
        chips.push(chip(&first, &second, has_device).ok_or_else(unread)?);
    }
    Ok(chips)
}

/// The cells of a line of a table; none of rulers and of what is no table.
fn cells(line: &str) -> Option<Vec<String>> {
    let inside = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inside.split('|').map(|cell| cell.trim().to_owned()).collect())
}

fn chip(first: &[String], second: &[String], has_device: bool) -> Option<ChipLine> {
    let ([place, health, state], [number, bus, load]) = (first, second) else { return None };
    let (npu, name) = place.split_once(char::is_whitespace)?;
    let mut numbers = number.split_whitespace();
    let chip = numbers.next()?.parse().ok()?;
    let mut state = state.split_whitespace();
    let (power, temperature) = (state.next()?, state.next()?);
    // `41697/ 65536` and `994  / 21534` are the same.
    let load = load.replace('/', " ");
    let load: Vec<&str> = load.split_whitespace().collect();
    let megabytes = |at: usize| Some(Bytes(load.get(at)?.parse::<u64>().ok()? << 20));
    let is_used = |total: Option<Bytes>| total.is_some_and(|total| total.0 > 0);
    // Columns: AICore, memory used and total, and where there is such memory, high-bandwidth memory used and total.
    let at = if is_used(megabytes(4)) { 3 } else { 1 };
    Some(ChipLine {
        npu: npu.parse().ok()?,
        chip,
        device: numbers.next().filter(|_| has_device).and_then(|word| word.parse().ok()),
        name: name.trim().to_owned(),
        bus: bus.clone(),
        health: health.clone(),
        power_milliwatts: power.parse::<f64>().ok().map(|watts| (watts * 1000.0).round() as u64),
        temperature_celsius: temperature.parse().ok(),
        utilization_percent: load.first().and_then(|word| word.parse().ok()),
        memory_used: megabytes(at),
        memory: megabytes(at + 1).filter(|total| total.0 > 0),
    })
}

/// `npu-smi info -m`: board, chip, and the number by which programs know the chip. Chips that do not compute have none.
pub fn logic_ids(text: &str) -> Vec<(u32, u32, u32)> {
    let number = |words: &[&str], at: usize| words.get(at)?.parse().ok();
    text.lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            Some((number(&words, 0)?, number(&words, 1)?, number(&words, 2)?))
        })
        .collect()
}

/// What a word of health means here. As in Huawei's own device plugin for Kubernetes, a chip with a general alarm still
/// takes work, and one with a worse alarm does not.
pub fn health(word: &str) -> Health {
    match word {
        "OK" => Health::Healthy,
        "Warning" => Health::Degraded("npu-smi says Warning".to_owned()),
        other => Health::Unhealthy(format!("npu-smi says {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_general_alarm_leaves_a_chip_in_service() {
        assert_eq!(health("OK"), Health::Healthy);
        assert_eq!(health("Warning").word(), "degraded");
        for word in ["Alarm", "Critical", "UNKNOWN", "something new"] {
            assert_eq!(health(word), Health::Unhealthy(format!("npu-smi says {word}")));
        }
    }

    #[test]
    fn half_a_table_is_an_error() {
        assert!(chips("").unwrap_err().contains("no table"));
        let head = "| NPU Name | Health | Power(W) Temp(C) |\n| Chip | Bus-Id | AICore(%) Memory-Usage(MB) |\n";
        assert_eq!(chips(head).unwrap(), []);
        assert!(chips(&format!("{head}| 0 910B3 | OK | 90.0 30 |\n")).unwrap_err().contains("missing"));
        let wrong = chips(&format!("{head}| x 910B3 | OK | 90.0 30 |\n| 0 | 0000:C1:00.0 | 0 0 / 0 |\n"));
        assert!(wrong.unwrap_err().contains("x 910B3"));
    }
}
