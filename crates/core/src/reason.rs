//! Why a job waits.

use serde::{Deserialize, Serialize};

use crate::{CardMillis, JobId, Language, Money, Timestamp};

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
    /// Its organization holds as many cards as it may.
    Quota {
        /// The organization's limit.
        limit: CardMillis,
        /// What it holds.
        held: CardMillis,
        /// What the job asks for.
        asked: CardMillis,
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
            (Language::English, WaitReason::Quota { limit, held, asked }) => format!(
                "It needs {} card(s); its organization holds {} of the {} that it may.",
                cards(asked),
                cards(held),
                cards(limit)
            ),
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
            (Language::Chinese, WaitReason::Quota { limit, held, asked }) => {
                format!("需要 {} 张卡；本单位已占用 {} 张，上限 {} 张。", cards(asked), cards(held), cards(limit))
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
