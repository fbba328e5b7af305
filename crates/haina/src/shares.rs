//! `haina shares`.

use haina_api::Share;

use crate::client::Client;
use crate::language::say;
use crate::print::{self, Format};
use crate::table::Table;

/// Options of `haina shares`.
#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    format: Format,
}

/// Lists shares: each organization, followed by its users.
pub fn list(arguments: &Arguments, client: &Client) -> anyhow::Result<u8> {
    let (items, _) = client.list("/api/v1/shares", None)?;
    if arguments.format.json {
        print::json(&items.into());
        return Ok(0);
    }
    let mut table = Table::new(say(
        [
            "ORGANIZATION",
            "USER",
            "WEIGHT",
            "SHARES",
            "CARD-HOURS",
            "USE",
            "LEVEL FS",
            "POSITION",
            "FAIR SHARE",
            "CLASSIC",
        ],
        ["单位", "用户", "权重", "份额", "卡时", "用量占比", "同级公平值", "次序", "公平因子", "经典因子"],
    ))
    .expendable([9, 8, 2, 3]);
    for item in items {
        let share: Share = print::read(item)?;
        let six = |number: f64| format!("{number:.6}");
        table.row([
            share.organization,
            share.user.unwrap_or_default(),
            share.weight.to_string(),
            six(share.normalized_shares),
            share.card_hours,
            six(share.effective_use),
            share.level_fair_share.map_or_else(|| "inf".to_owned(), six),
            share.position.map(|position| position.to_string()).unwrap_or_default(),
            share.fair_share.map(six).unwrap_or_default(),
            six(share.classic_fair_share),
        ]);
    }
    table.print();
    Ok(0)
}
