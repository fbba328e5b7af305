//! `haina nodes`, `haina node`.

use clap::Subcommand;
use haina_api::{DrainRequest, Node};
use serde_json::Value;

use crate::client::{Client, escaped};
use crate::connection::Connection;
use crate::jobs::limit;
use crate::language::say;
use crate::node_discover;
use crate::print::{self, Format, line};
use crate::table::Table;

/// Options of `haina nodes`.
#[derive(clap::Args, Debug)]
pub struct ListArguments {
    /// At most so many; 0 for all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    format: Format,
}

/// What to do with a node.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show it, with what runs on it
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Take it out of service for new work; what runs may end
    Drain {
        /// Its name
        name: String,
        /// Why, for people
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        format: Format,
    },
    /// Show what this machine has: processors, memory and cards. Needs no center
    Discover {
        #[command(flatten)]
        format: Format,
    },
    /// Put it back into service
    Resume {
        /// Its name
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Lists nodes.
pub fn list(arguments: &ListArguments, client: &Client) -> anyhow::Result<u8> {
    let (items, more) = client.list("/api/v1/nodes", limit(arguments.limit, arguments.format, 200))?;
    if arguments.format.json {
        print::json(&items.into());
        print::more(more);
        return Ok(0);
    }
    let mut table = Table::new(say(
        ["NAME", "POOL", "STATE", "CARD MODEL", "CARDS", "HELD", "CPU FREE", "MEMORY FREE", "REASON"],
        ["名称", "资源池", "状态", "卡型号", "卡", "占用", "空闲 CPU", "空闲内存", "原因"],
    ))
    .expendable([7, 6, 3, 1, 8]);
    for item in items {
        let node: Node = print::read(item)?;
        table.row([
            node.name.clone(),
            node.pool.clone(),
            node.state.clone(),
            model(&node),
            node.cards.to_string(),
            node.cards_allocated.to_string(),
            format!("{}/{}", node.cpus_free, node.cpus),
            print::bytes(node.memory_free_bytes),
            node.reason.unwrap_or_default(),
        ]);
    }
    table.print();
    print::more(more);
    Ok(0)
}

fn model(node: &Node) -> String {
    match (&node.card_model, node.simulated) {
        (None, _) => String::new(),
        (Some(model), true) => say(format!("{model} (simulated)"), format!("{model}（模拟）")),
        (Some(model), false) => model.clone(),
    }
}

/// Runs the command.
pub fn run(command: Command, connection: &Connection) -> anyhow::Result<u8> {
    if let Command::Discover { format } = command {
        return node_discover::run(format);
    }
    let client = connection.client()?;
    let path = |name: &str| format!("/api/v1/nodes/{}", escaped(name));
    let (value, format): (Value, Format) = match command {
        Command::Show { name, format } => (client.get(&path(&name))?, format),
        Command::Drain { name, reason, format } => {
            (client.post(&(path(&name) + "/drain"), &DrainRequest { reason })?, format)
        }
        Command::Discover { .. } => unreachable!("it needs no center"),
        Command::Resume { name, format } => (client.post(&(path(&name) + "/resume"), &Value::Null)?, format),
    };
    if format.json {
        print::json(&value);
        return Ok(0);
    }
    let node: Node = print::read(value)?;
    line(say("Node", "节点"), &node.name);
    line(say("State", "状态"), &node.state);
    line(say("Reason", "原因"), node.reason.as_deref().unwrap_or(""));
    line(say("Pool", "资源池"), &node.pool);
    line(say("Cards", "卡"), format!("{} × {}", node.cards, model(&node)));
    line(say("Held", "占用"), node.cards_allocated);
    let unusable: Vec<String> =
        node.cards_unusable.iter().map(|card| format!("{} ({})", card.index, card.reason)).collect();
    line(say("Out of use", "停用的卡"), unusable.join(", "));
    line(say("Attempts", "运行"), node.attempts.unwrap_or_default().join(", "));
    if let Some(cards) = node.real_cards.filter(|cards| !cards.is_empty()) {
        println!();
        node_discover::print_cards(&cards);
        println!();
    }
    if let Some(confinement) = node.confinement {
        line(say("Confined", "作业隔离"), confinement.enforced.join(", "));
        for (what, why) in confinement.not_enforced {
            line(say("Not confined", "未隔离"), format!("{what}: {why}"));
        }
    }
    Ok(0)
}
