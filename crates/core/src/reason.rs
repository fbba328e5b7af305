//! Why a job waits.

use serde::{Deserialize, Serialize};

use crate::{CardMillis, JobId, Language, Money, QuotaLevel, Timestamp};

/// What a waiting job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum WaitReason {
    /// It was not looked at yet, or others are ahead of it in its line.
    Turn,
    /// Not enough free cards, processors or memory together.
    Capacity {
        /// Nodes asked for.
        nodes: u32,
        /// Cards asked for on each.
        cards_per_node: CardMillis,
        /// Nodes that could host one share now.
        nodes_free: u32,
    },
    /// What is free is promised to others from a moment on, and it could take longer.
    Promised {
        /// The first such moment.
        start: Timestamp,
    },
    /// As many cards are held as may be, at a level that it belongs to.
    Quota {
        /// The most that may be held there.
        limit: CardMillis,
        /// What is held there.
        held: CardMillis,
        /// What the job asks for.
        asked: CardMillis,
        /// The level.
        #[serde(default, skip_serializing_if = "QuotaLevel::is_organization")]
        level: QuotaLevel,
        /// Whether only what is held in the job's pool counts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_pool: bool,
        /// What is kept there for others, beyond what they hold.
        #[serde(default, skip_serializing_if = "CardMillis::is_zero")]
        kept: CardMillis,
    },
    /// The account covers it only when something that runs now has ended.
    Funds {
        /// What must be held.
        needed: Money,
        /// What is neither spent nor held.
        available: Money,
    },
    /// Its organization is suspended.
    Suspended,
    /// It waits for another job.
    Dependency {
        /// The first job that it still waits for.
        on: JobId,
    },
    /// It asked not to start before a moment.
    NotBefore {
        /// The moment.
        at: Timestamp,
    },
    /// As many elements of the array run as it allows itself.
    Concurrency {
        /// The cap.
        cap: u32,
    },
}

impl WaitReason {
    /// The stable word.
    pub fn word(&self) -> &'static str {
        match self {
            WaitReason::Turn => "turn",
            WaitReason::Capacity { .. } => "capacity",
            WaitReason::Promised { .. } => "promised",
            WaitReason::Quota { .. } => "quota",
            WaitReason::Funds { .. } => "funds",
            WaitReason::Suspended => "suspended",
            WaitReason::Dependency { .. } => "dependency",
            WaitReason::NotBefore { .. } => "not_before",
            WaitReason::Concurrency { .. } => "concurrency",
        }
    }

    /// A plain sentence with the values.
    pub fn sentence(&self, language: Language) -> String {
        let cards = |millis: &CardMillis| show_cards(*millis);
        match (language, self) {
            (Language::English, WaitReason::Turn) => "Others are ahead of it in line.".to_owned(),
            (Language::English, WaitReason::Capacity { nodes, cards_per_node, nodes_free }) => format!(
                "It needs {nodes} node(s) with {} free card(s) each; {nodes_free} such node(s) are free.",
                cards(cards_per_node)
            ),
            (Language::English, WaitReason::Promised { .. }) => {
                "What is free is promised to jobs before it, and its time limit reaches beyond their start.".to_owned()
            }
            (Language::English, WaitReason::Quota { limit, held, asked, level, in_pool, kept }) => {
                let who = match level {
                    QuotaLevel::Center => "the center",
                    QuotaLevel::Pool => "its pool",
                    QuotaLevel::Organization => "its organization",
                    QuotaLevel::Project => "its project",
                    QuotaLevel::User => "its user",
                };
                let place = if *in_pool && *level > QuotaLevel::Pool { " in this pool" } else { "" };
                let (asked, held, limit) = (cards(asked), cards(held), cards(limit));
                let kept = match kept.0 {
                    0 => String::new(),
                    _ => format!(", and {} are kept for others", cards(kept)),
                };
                format!("It needs {asked} card(s); {who} holds {held} of the {limit} that it may{place}{kept}.")
            }
            (Language::English, WaitReason::Funds { needed, available }) => {
                format!("It needs {needed} to be held; {available} is neither spent nor held.")
            }
            (Language::English, WaitReason::Suspended) => "Its organization is suspended.".to_owned(),
            (Language::English, WaitReason::Dependency { on }) => format!("It waits for job {on}."),
            (Language::English, WaitReason::NotBefore { .. }) => "It asked to start later.".to_owned(),
            (Language::English, WaitReason::Concurrency { cap }) => {
                format!("The array allows itself {cap} element(s) at once.")
            }
            (Language::Chinese, WaitReason::Turn) => "前面还有其他作业排队。".to_owned(),
            (Language::Chinese, WaitReason::Capacity { nodes, cards_per_node, nodes_free }) => {
                format!("需要 {nodes} 个各有 {} 张空闲卡的节点；目前有 {nodes_free} 个。", cards(cards_per_node))
            }
            (Language::Chinese, WaitReason::Promised { .. }) => {
                "空闲资源已承诺给前面的作业，而本作业的时限超过其开始时间。".to_owned()
            }
            (Language::Chinese, WaitReason::Quota { limit, held, asked, level, in_pool, kept }) => {
                let who = match level {
                    QuotaLevel::Center => "本中心",
                    QuotaLevel::Pool => "本资源池",
                    QuotaLevel::Organization => "本单位",
                    QuotaLevel::Project => "本项目",
                    QuotaLevel::User => "提交用户",
                };
                let place = if *in_pool && *level > QuotaLevel::Pool { "在该资源池中" } else { "" };
                let (asked, held, limit) = (cards(asked), cards(held), cards(limit));
                let kept = match kept.0 {
                    0 => String::new(),
                    _ => format!("，另有 {} 张为其他方保留", cards(kept)),
                };
                format!("需要 {asked} 张卡；{who}{place}已占用 {held} 张，上限 {limit} 张{kept}。")
            }
            (Language::Chinese, WaitReason::Funds { needed, available }) => {
                format!("需要预扣 {needed}；目前可用 {available}。")
            }
            (Language::Chinese, WaitReason::Suspended) => "所属单位已停用。".to_owned(),
            (Language::Chinese, WaitReason::Dependency { on }) => format!("等待作业 {on}。"),
            (Language::Chinese, WaitReason::NotBefore { .. }) => "尚未到要求的启动时间。".to_owned(),
            (Language::Chinese, WaitReason::Concurrency { cap }) => format!("该作业数组最多同时运行 {cap} 个任务。"),
        }
    }
}

/// Cards as people write them: `8`, `0.5`.
pub fn show_cards(millis: CardMillis) -> String {
    let text = format!("{}.{:03}", millis.0 / 1000, millis.0 % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
