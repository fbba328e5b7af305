//! Whether a demand could ever be met: asked once when a job is submitted, so that nothing waits for what cannot come.

use std::collections::BTreeMap;

use haina_core::reason::show_cards;
use haina_core::{Bytes, CardMillis, CpuMillis, Force, Level, Phrase, both};

use crate::cluster::Cluster;
use crate::demand::{CardDemand, Demand};
use crate::index::{Capability, Group};

impl Cluster {
    /// Whether `demand` would fit if all nodes of the cluster were available and idle. If not, the error says why as a
    /// clause for `No part of pool POOL could ever host this job: …`.
    ///
    /// Looks at the distinct kinds of nodes, not at nodes. `find` accepts every demand that passes.
    pub fn could_ever_host(&self, demand: &Demand) -> Result<(), Phrase> {
        let Some(cards) = demand.cards() else {
            let asked = show_cards(demand.cards_per_node);
            return Err(both(
                format!("{asked} cards a node are neither whole cards nor a part of one card"),
                format!("每个节点 {asked} 张卡既不是整数张，也不是一张卡的一部分"),
            ));
        };
        if demand.nodes == 0 {
            return Err(both("at least one node must be asked for", "至少需要一个节点"));
        }
        let near = demand.topology.filter(|topology| topology.force == Force::Required).map(|topology| topology.level);
        if demand.nodes > 1 && matches!(near, Some(Level::Ring | Level::Node)) {
            return Err(both(
                "several nodes are asked for, and all within one",
                "需要多个节点，却要求都在同一个节点之内",
            ));
        }
        let groups: Vec<&Group> = self.groups(demand.pool, demand.card_model).collect();
        let mut kinds = groups.iter().flat_map(|group| group.capabilities.keys());
        if kinds.clone().next().is_none() {
            return Err(match demand.card_model {
                Some(_) => both("it has no node with this card model", "其中没有该卡型号的节点"),
                None => both("it has no nodes", "其中没有节点"),
            });
        }
        if near == Some(Level::Ring)
            && let CardDemand::Whole(asked) = cards
            && !kinds.clone().any(|kind| kind.ring >= asked)
        {
            let most = kinds.map(|kind| kind.ring).max().unwrap_or(0);
            return Err(both(
                format!("{asked} cards within one ring are asked for, and no ring has more than {most}"),
                format!("需要同一个环内的 {asked} 张卡，而任何环最多只有 {most} 张"),
            ));
        }
        let hosts_cards = |kind: &Capability, cards: CardDemand| {
            hosts_cards(kind, cards)
                && (near != Some(Level::Ring) || !matches!(cards, CardDemand::Whole(asked) if kind.ring < asked))
        };
        let hosts = |kind: &&Capability| hosts_cards(kind, cards);
        if !kinds.clone().any(|kind| hosts(&kind)) {
            let most = kinds.map(|kind| kind.cards).max().unwrap_or(0);
            return Err(match cards {
                CardDemand::Fraction(_) if most > 0 => {
                    both("its cards are not given out in parts", "其中的卡不能按份分配")
                }
                _ if most == 0 => both("its nodes have no cards", "其中的节点没有卡"),
                _ => {
                    let asked = show_cards(demand.cards_per_node);
                    both(
                        format!("{asked} cards a node are asked for, and no node has more than {most}"),
                        format!("每个节点需要 {asked} 张卡，而任何节点最多只有 {most} 张"),
                    )
                }
            });
        }
        let cpu_most = kinds.clone().filter(hosts).map(|kind| kind.cpu).max().unwrap_or_default();
        if cpu_most < demand.cpu_per_node {
            let (asked, most) = (show_cores(demand.cpu_per_node), show_cores(cpu_most));
            return Err(both(
                format!("{asked} processor cores a node are asked for, and no such node has more than {most}"),
                format!("每个节点需要 {asked} 个处理器核，而这样的节点最多只有 {most} 个"),
            ));
        }
        let memory_most = kinds.clone().filter(hosts).map(|kind| kind.memory).max().unwrap_or_default();
        if memory_most < demand.memory_per_node {
            let (asked, most) = (show_bytes(demand.memory_per_node), show_bytes(memory_most));
            return Err(both(
                format!("{asked} of memory a node are asked for, and no such node has more than {most}"),
                format!("每个节点需要 {asked} 内存，而这样的节点最多只有 {most}"),
            ));
        }
        let hosts_all = |kind: &Capability| {
            hosts_cards(kind, cards) && kind.cpu >= demand.cpu_per_node && kind.memory >= demand.memory_per_node
        };
        if !kinds.any(hosts_all) {
            return Err(both(
                "no single node has the cards, processors and memory together",
                "没有一个节点同时具备所需的卡、处理器和内存",
            ));
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
            let alike = cards != CardDemand::None && demand.card_model.is_none();
            let (english, chinese) = if alike { (" of one card model", "卡型号相同的") } else { ("", "") };
            return Err(both(
                format!("{} nodes{english} are asked for, and it has only {nodes_most} large enough", demand.nodes),
                format!("需要 {} 个{chinese}节点，而其中足够大的只有 {nodes_most} 个", demand.nodes),
            ));
        }
        if let Some(level @ (Level::Rack | Level::Pod)) = near
            && demand.nodes > 1
        {
            let able = |kinds: &BTreeMap<Capability, u32>| -> u64 {
                let fitting = kinds.iter().filter(|(kind, _)| hosts_all(kind));
                fitting.map(|(_, count)| u64::from(*count)).sum()
            };
            let domains = groups.iter().flat_map(|group| group.domains.capabilities(level));
            let most = domains.map(able).max().unwrap_or(0);
            if most < u64::from(demand.nodes) {
                let (name, chinese) = if level == Level::Rack { ("rack", "机柜") } else { ("pod", "网络分区") };
                return Err(both(
                    format!(
                        "{} nodes in one {name} are asked for, and no {name} has more than {most} large enough",
                        demand.nodes
                    ),
                    format!(
                        "需要同一个{chinese}内的 {} 个节点，而任何{chinese}中足够大的最多只有 {most} 个",
                        demand.nodes
                    ),
                ));
            }
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
