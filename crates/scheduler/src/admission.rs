//! Whether a demand could ever be met: asked once when a job is submitted, so that nothing waits for what cannot come.

use haina_core::reason::show_cards;
use haina_core::{Bytes, CardMillis, CpuMillis};

use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand};
use crate::index::{Capability, Group};

impl Cluster {
    /// Whether `demand` would fit if all nodes of the cluster were available and idle. If not, the error says why as a
    /// clause for `No part of pool POOL could ever host this job: …`.
    ///
    /// Looks at the distinct kinds of nodes, not at nodes. `find` accepts every demand that passes.
    pub fn could_ever_host(&self, demand: &Demand) -> Result<(), String> {
        let Some(cards) = demand.cards() else {
            let asked = show_cards(demand.cards_per_node);
            return Err(format!("{asked} cards a node are neither whole cards nor a part of one card"));
        };
        if demand.nodes == 0 {
            return Err("at least one node must be asked for".to_owned());
        }
        let groups: Vec<&Group> = self.groups(demand.pool, demand.card_model).collect();
        let mut kinds = groups.iter().flat_map(|group| group.capabilities.keys());
        if kinds.clone().next().is_none() {
            return Err(match demand.card_model {
                Some(_) => "it has no node with this card model".to_owned(),
                None => "it has no nodes".to_owned(),
            });
        }
        let hosts = |kind: &&Capability| hosts_cards(kind, cards);
        if !kinds.clone().any(|kind| hosts(&kind)) {
            let most = kinds.map(|kind| kind.cards).max().unwrap_or(0);
            return Err(match cards {
                CardDemand::Fraction(_) if most > 0 => "its cards are not given out in parts".to_owned(),
                _ if most == 0 => "its nodes have no cards".to_owned(),
                _ => format!(
                    "{} cards a node are asked for, and no node has more than {most}",
                    show_cards(demand.cards_per_node)
                ),
            });
        }
        let cpu_most = kinds.clone().filter(hosts).map(|kind| kind.cpu).max().unwrap_or_default();
        if cpu_most < demand.cpu_per_node {
            let (asked, most) = (show_cores(demand.cpu_per_node), show_cores(cpu_most));
            return Err(format!("{asked} processor cores a node are asked for, and no such node has more than {most}"));
        }
        let memory_most = kinds.clone().filter(hosts).map(|kind| kind.memory).max().unwrap_or_default();
        if memory_most < demand.memory_per_node {
            let (asked, most) = (show_bytes(demand.memory_per_node), show_bytes(memory_most));
            return Err(format!("{asked} of memory a node are asked for, and no such node has more than {most}"));
        }
        let hosts_all = |kind: &Capability| {
            hosts_cards(kind, cards) && kind.cpu >= demand.cpu_per_node && kind.memory >= demand.memory_per_node
        };
        if !kinds.any(hosts_all) {
            return Err("no single node has the cards, processors and memory together".to_owned());
        }
        let nodes_of = |group: &&Group| -> u64 {
            let fitting = group.capabilities.iter().filter(|(kind, _)| hosts_all(kind));
            fitting.map(|(_, count)| u64::from(*count)).sum()
        };
        // Cards of a gang are of one model; without cards, nodes of all models serve together.
        let nodes_most: u64 = match cards {
            CardDemand::None => groups.iter().map(nodes_of).sum(),
            _ => groups.iter().map(nodes_of).max().unwrap_or(0),
        };
        if nodes_most < u64::from(demand.nodes) {
            let alike =
                if cards != CardDemand::None && demand.card_model.is_none() { " of one card model" } else { "" };
            return Err(format!(
                "{} nodes{alike} are asked for, and it has only {nodes_most} large enough",
                demand.nodes
            ));
        }
        Ok(())
    }
}

fn hosts_cards(kind: &Capability, cards: CardDemand) -> bool {
    match cards {
        CardDemand::None => true,
        CardDemand::Fraction(_) => kind.fractions && kind.cards > 0,
        CardDemand::Whole(count) => kind.cards >= count,
    }
}

fn show_cores(cpu: CpuMillis) -> String {
    // Beyond four million cores the thousandths do not matter.
    u32::try_from(cpu.0).map_or_else(|_| (cpu.0 / 1000).to_string(), |millis| show_cards(CardMillis(millis)))
}

fn show_bytes(bytes: Bytes) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes.0 >= *unit && bytes.0.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes.0 / unit),
        None => format!("{} bytes", bytes.0),
    }
}
