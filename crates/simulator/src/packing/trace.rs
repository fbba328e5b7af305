//! The nodes and pods of a trace, read from the tables as they were published (cluster-trace-gpu-v2023).

/// A machine of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceNode {
    /// Processors in thousandths.
    pub cpu_millis: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Cards.
    pub cards: u32,
    /// The model of the cards.
    pub model: String,
}

/// A pod of the trace: what one task asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TracePod {
    /// Processors in thousandths.
    pub cpu_millis: u64,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Cards.
    pub cards: u32,
    /// How much of each card, in thousandths; less than 1000 only of one card. 0 without cards.
    pub millis_per_card: u32,
}

impl TracePod {
    /// All it asks for of cards, in thousandths.
    pub fn card_millis(&self) -> u32 {
        self.cards * self.millis_per_card
    }
}

/// Reads the table of nodes, by ascending name. The error says which line is not as expected.
pub fn read_nodes(table: &str) -> Result<Vec<TraceNode>, String> {
    read(table, ["sn", "cpu_milli", "memory_mib", "gpu", "model"], |[_, cpu, memory, cards, model]| {
        Some(TraceNode {
            cpu_millis: cpu.parse().ok()?,
            memory_mib: memory.parse().ok()?,
            cards: cards.parse().ok()?,
            model: model.to_owned(),
        })
    })
}

/// Reads a table of pods, by ascending name. The error says which line is not as expected; so is a pod that accepts only some models,
/// which the published experiments that are repeated here do not have.
pub fn read_pods(table: &str) -> Result<Vec<TracePod>, String> {
    let has_models = table.lines().next().is_some_and(|head| head.split(',').any(|name| name == "gpu_spec"));
    let models = if has_models { "gpu_spec" } else { "" };
    let names = ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", models];
    read(table, names, |[_, cpu, memory, cards, millis, models]| {
        let cards: u32 = cards.parse().ok()?;
        let millis: u32 = millis.parse().ok()?;
        let is_known = models.is_empty() && (cards == 0 || millis == 1000 || (cards == 1 && millis < 1000));
        is_known.then_some(TracePod {
            cpu_millis: cpu.parse().ok()?,
            memory_mib: memory.parse().ok()?,
            cards,
            millis_per_card: if cards == 0 { 0 } else { millis },
        })
    })
}

/// Reads each line's fields of these names, of which the first is the line's own and decides the order; a field without a
/// name is empty.
fn read<T, const N: usize>(
    table: &str,
    names: [&str; N],
    line_of: impl Fn([&str; N]) -> Option<T>,
) -> Result<Vec<T>, String> {
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut columns = [None; N];
    for (column, name) in columns.iter_mut().zip(names) {
        *column = head.iter().position(|known| *known == name);
        if column.is_none() && !name.is_empty() {
            return Err(format!("line 1 has no column {name}"));
        }
    }
    let mut read = Vec::new();
    for (number, line) in (2..).zip(lines) {
        let fields: Vec<&str> = line.split(',').collect();
        let field = |column: Option<usize>| column.map_or(Some(""), |column| fields.get(column).copied());
        let known = columns.map(field);
        let known = known.iter().all(Option::is_some).then(|| known.map(Option::unwrap_or_default));
        let line = known.and_then(|known| Some((known[0].to_owned(), line_of(known)?)));
        read.push(line.ok_or_else(|| format!("line {number} is not understood"))?);
    }
    read.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(read.into_iter().map(|(_, line)| line).collect())
}
