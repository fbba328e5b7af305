//! Where in a center file an entry stands that a refusal is about.

use haina_core::Refusal;
use toml::de::{DeArray, DeTable, DeValue};

use crate::nearest::place;
use crate::node_names::expand_names;

/// The line of the entry of `text`, a center file, that `refusal` is about, from 1; none if it is about no entry.
///
/// The refusal names the table, and the entry from 0, or the node from 0 of those that are not this machine.
pub fn entry_line(text: &str, refusal: &Refusal) -> Option<usize> {
    let number = |name: &str| refusal.values.get(name)?.parse::<usize>().ok();
    let table = refusal.values.get("table")?;
    let file = DeTable::parse(text).ok()?;
    let (_, value) = file.get_ref().iter().find(|(name, _)| name.get_ref() == table)?;
    let DeValue::Array(entries) = value.get_ref() else { return None };
    let entry = match number("node") {
        Some(node) => entries.get(entry_of_node(entries, node)?),
        None => entries.get(number("entry")?),
    };
    Some(place(text, entry?.span().start).0)
}

/// The entry by which the nth node is added.
fn entry_of_node(entries: &DeArray<'_>, node: usize) -> Option<usize> {
    let mut first = 0;
    for (index, entry) in entries.iter().enumerate() {
        let DeValue::Table(entry) = entry.get_ref() else { return None };
        let field =
            |field: &str| entry.iter().find(|(name, _)| name.get_ref() == field).map(|(_, value)| value.get_ref());
        if matches!(field("discover"), Some(DeValue::Boolean(true))) {
            continue;
        }
        let Some(DeValue::String(names)) = field("name") else { return None };
        first += expand_names(names).ok()?.len();
        if node < first {
            return Some(index);
        }
    }
    None
}
