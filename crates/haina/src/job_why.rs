//! Why a job waits, as a colleague would say it: what for, which place, what is promised, when it will probably start,
//! and how it stands with its organization. Every number is one of the values that the center gives.

use haina_api::{Moment, OrganizationCards, PromisedStart, WaitingDemand, WhyState};
use haina_core::Language;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// All of it.
pub fn text(waiting: &WhyState, clock: &Clock, language: Language) -> String {
    let mut sentences = vec![place(waiting, language)];
    if waiting.in_line.is_none() || waiting.code != "turn" {
        sentences.push(waiting.sentence.clone());
    }
    sentences.extend(waiting.promised.as_ref().map(|promised| promise(promised, clock, language)));
    sentences.push(estimate(waiting, clock, language));
    if waiting.in_line.is_some() {
        sentences.push(organization(&waiting.organization, language));
    }
    let between = if language == Language::English { " " } else { "" };
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(between)
}

fn pick(language: Language, english: String, chinese: String) -> String {
    if language == Language::English { english } else { chinese }
}

/// `Waits for 8 ascend-910 on one node; place 4 of 31 in pool public.`
fn place(waiting: &WhyState, language: Language) -> String {
    let (Some(ahead), Some(of)) = (waiting.ahead, waiting.in_line) else { return String::new() };
    let (pool, place) = (&waiting.demand.pool, ahead + 1);
    let [least, least_chinese] = if waiting.ahead_is_least { ["at least ", "至少"] } else { ["", ""] };
    let demand = demand(&waiting.demand, language);
    pick(
        language,
        format!("Waits for {demand}; {least}place {place} of {of} in pool {pool}."),
        format!("等待{demand}；在资源池 {pool} 的 {of} 个排队作业中{least_chinese}排第 {place}。"),
    )
}

fn demand(demand: &WaitingDemand, language: Language) -> String {
    let WaitingDemand { nodes, cards, card_model, .. } = demand;
    let model = card_model.as_deref();
    let english = match (model, *cards == 1.0) {
        (Some(model), _) => format!("{cards} {model}"),
        (None, true) => "1 card".to_owned(),
        (None, false) => format!("{cards} cards"),
    };
    let chinese = model.map_or(format!("{cards} 张卡"), |model| format!("{cards} 张 {model}"));
    match (*nodes, *cards == 0.0) {
        (1, true) => pick(language, "room on one node".to_owned(), "一个节点的空闲资源".to_owned()),
        (_, true) => pick(language, format!("room on {nodes} nodes"), format!(" {nodes} 个节点的空闲资源")),
        (1, false) => pick(language, format!("{english} on one node"), format!("同一节点的 {chinese}")),
        (_, false) => {
            pick(language, format!("{nodes} nodes with {english} each"), format!(" {nodes} 个节点各 {chinese}"))
        }
    }
}

/// `Node n17 is promised to it from 14:20 at the latest, when job 812 has ended.`
fn promise(promised: &PromisedStart, clock: &Clock, language: Language) -> String {
    let start = minute(promised.start, clock, true);
    let nodes = match &promised.nodes[..] {
        [node] => pick(language, format!("Node {node} is"), format!("节点 {node} ")),
        nodes => pick(language, format!("Nodes {} are", nodes.join(", ")), format!("节点 {} ", nodes.join("、"))),
    };
    let after = promised.after.as_ref().map(|job| {
        pick(
            language,
            format!(", when job {job} has ended at its time limit"),
            format!("（届时作业 {job} 已到时限结束）"),
        )
    });
    let after = after.unwrap_or_default();
    pick(
        language,
        format!("{nodes} promised to it from {start} at the latest{after}."),
        format!("{nodes}已承诺最迟从 {start} 起归其使用{after}。"),
    )
}

fn estimate(waiting: &WhyState, clock: &Clock, language: Language) -> String {
    let Some(estimated) = waiting.estimated_start else { return String::new() };
    let start = minute(estimated, clock, false);
    match waiting.estimated_start_is_least {
        true => {
            pick(language, format!("It will probably not start before {start}."), format!("预计不早于 {start} 开始。"))
        }
        false => pick(language, format!("It will probably start about {start}."), format!("预计约 {start} 开始。")),
    }
}

/// `Its organization ocean uses 96 of 96 guaranteed cards and may borrow 32, of which 30 are in use.`
fn organization(cards: &OrganizationCards, language: Language) -> String {
    let OrganizationCards { name, held, guaranteed, limit } = cards;
    let round = |cards: f64| (cards * 1000.0).round() / 1000.0;
    let (own, borrowed) = (held.min(*guaranteed), round((held - guaranteed).max(0.0)));
    match limit {
        Some(limit) if *guaranteed > 0.0 => {
            let more = round((limit - guaranteed).max(0.0));
            pick(
                language,
                format!(
                    "Its organization {name} uses {own} of {guaranteed} guaranteed cards and may borrow {more}, \
                     of which {borrowed} are in use."
                ),
                format!(
                    "所属单位 {name} 已使用保障量 {guaranteed} 张卡中的 {own} 张，另可借用 {more} 张，已借用 {borrowed} 张。"
                ),
            )
        }
        None if *guaranteed > 0.0 => pick(
            language,
            format!("Its organization {name} uses {own} of {guaranteed} guaranteed cards, and {borrowed} beyond."),
            format!("所属单位 {name} 已使用保障量 {guaranteed} 张卡中的 {own} 张，另外借用 {borrowed} 张。"),
        ),
        Some(limit) => pick(
            language,
            format!("Its organization {name} uses {held} of the {limit} cards that it may."),
            format!("所属单位 {name} 已使用 {held} 张卡，上限 {limit} 张。"),
        ),
        None => pick(
            language,
            format!("Its organization {name} uses {held} cards."),
            format!("所属单位 {name} 已使用 {held} 张卡。"),
        ),
    }
}

/// The clock of who reads.
pub struct Clock {
    now: Timestamp,
    zone: TimeZone,
}

impl Clock {
    /// Of this machine.
    pub fn here() -> Clock {
        Clock { now: Timestamp::now(), zone: TimeZone::system() }
    }
}

/// Minutes, with the day where it is another one. What happens by then at the latest is rounded up.
fn minute(moment: Moment, clock: &Clock, up: bool) -> String {
    let Ok(at) = Timestamp::from_microsecond(moment.0.0) else { return moment.to_string() };
    let rounded = at.checked_add(SignedDuration::from_micros(if up { 59_999_999 } else { 0 }));
    let at = clock.zone.to_datetime(rounded.unwrap_or(at));
    let is_today = at.date() == clock.zone.to_datetime(clock.now).date();
    at.strftime(if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        text.parse().unwrap()
    }

    fn waiting() -> WhyState {
        WhyState {
            code: "capacity".to_owned(),
            sentence: "SENTENCE.".to_owned(),
            values: Default::default(),
            since: None,
            ahead: Some(3),
            ahead_is_least: false,
            starts_by: None,
            in_line: Some(31),
            demand: WaitingDemand {
                pool: "public".to_owned(),
                nodes: 1,
                cards: 8.0,
                card_model: Some("ascend-910".to_owned()),
            },
            promised: Some(PromisedStart {
                start: at("2026-01-31T14:19:30Z"),
                nodes: vec!["n17".to_owned()],
                after: Some("812".to_owned()),
            }),
            estimated_start: Some(at("2026-01-31T13:05:59Z")),
            estimated_start_is_least: false,
            organization: OrganizationCards {
                name: "ocean".to_owned(),
                held: 126.0,
                guaranteed: 96.0,
                limit: Some(128.0),
            },
        }
    }

    fn said(waiting: &WhyState, language: Language) -> String {
        let clock = Clock { now: "2026-01-31T12:00:00Z".parse().unwrap(), zone: TimeZone::UTC };
        text(waiting, &clock, language)
    }

    #[test]
    fn it_reads_like_a_colleague() {
        assert_eq!(
            said(&waiting(), Language::English),
            "Waits for 8 ascend-910 on one node; place 4 of 31 in pool public. SENTENCE. Node n17 is promised to it from 14:20 \
             at the latest, when job 812 has ended at its time limit. It will probably start about 13:05. Its organization \
             ocean uses 96 of 96 guaranteed cards and may borrow 32, of which 30 are in use."
        );
        assert_eq!(
            said(&waiting(), Language::Chinese),
            "等待同一节点的 8 张 ascend-910；在资源池 public 的 31 个排队作业中排第 4。SENTENCE.节点 n17 已承诺最迟从 14:20 \
             起归其使用（届时作业 812 已到时限结束）。预计约 13:05 开始。所属单位 ocean 已使用保障量 96 张卡中的 96 张，另可借用 \
             32 张，已借用 30 张。"
        );
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let gang = WaitingDemand { pool: "p".to_owned(), nodes: 2, cards: 0.5, card_model: None };
        let cards = OrganizationCards { name: "o".to_owned(), held: 0.5, guaranteed: 0.0, limit: None };
        let far = WhyState {
            code: "turn".to_owned(),
            ahead: Some(10_000),
            ahead_is_least: true,
            in_line: Some(1_000_000),
            demand: gang,
            promised: None,
            estimated_start: Some(at("2026-02-03T08:00:00Z")),
            estimated_start_is_least: true,
            organization: cards.clone(),
            ..waiting()
        };
        assert_eq!(
            said(&far, Language::English),
            "Waits for 2 nodes with 0.5 cards each; at least place 10001 of 1000000 in pool p. It will probably not start \
             before 2026-02-03 08:00. Its organization o uses 0.5 cards."
        );
        let out = WhyState { ahead: None, in_line: None, estimated_start: None, promised: None, ..waiting() };
        assert_eq!(said(&out, Language::English), "SENTENCE.");
        let limited = OrganizationCards { limit: Some(12.0), ..cards };
        assert_eq!(
            organization(&limited, Language::English),
            "Its organization o uses 0.5 of the 12 cards that it may."
        );
    }
}
