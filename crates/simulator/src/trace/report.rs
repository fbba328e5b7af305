//! What a reader made of a trace.

use haina_core::{Language, Phrase, both};
use serde::Serialize;

/// What is wrong with a line. Those that are only noted are used nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Complaint {
    /// Too few or too many fields.
    Fields,
    /// A field that should be a number or a moment is none.
    Unreadable,
    /// It never ran, or its end is missing.
    NeverRan,
    /// A time before the beginning, or a negative length.
    Negative,
    /// Longer than ten years, or more than a million cards.
    Absurd,
    /// It asks for no cards.
    WithoutCards,
    /// It ran longer than its own limit and is stopped there. Noted only.
    PastItsLimit,
    /// It was cancelled before it started, or still waits.
    NeverStarted,
    /// It was under way at the end of the journal. Noted only.
    StillRan,
    /// It accepts certain card models only, which is not kept to. Noted only.
    CardModels,
}

impl Complaint {
    /// For people.
    pub fn phrase(self) -> Phrase {
        match self {
            Complaint::Fields => both("wrong number of fields", "字段数不对"),
            Complaint::Unreadable => both("a number or moment that cannot be read", "无法读取的数字或时间"),
            Complaint::NeverRan => both("never ran, or no end is known", "从未运行，或没有结束时间"),
            Complaint::Negative => both("a negative time", "时间为负"),
            Complaint::Absurd => both("longer than ten years or more than a million cards", "长于十年或超过一百万张卡"),
            Complaint::WithoutCards => both("asks for no cards", "不需要卡"),
            Complaint::PastItsLimit => both("ran past its limit: stopped there", "超过其时限：在时限处停止"),
            Complaint::NeverStarted => {
                both("never started: cancelled before, or still waiting", "从未启动：提前取消或仍在等待")
            }
            Complaint::StillRan => {
                both("not ended yet: taken to run as long as was expected", "尚未结束：按预计时长计算")
            }
            Complaint::CardModels => both("asks for certain card models: not kept to", "指定了卡型号：未予考虑"),
        }
    }

    /// Whether the job is used all the same.
    pub fn is_note(self) -> bool {
        matches!(self, Complaint::PastItsLimit | Complaint::StillRan | Complaint::CardModels)
    }
}

/// How many lines have one complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// What is wrong.
    pub complaint: Complaint,
    /// Of how many lines.
    pub lines: u64,
    /// The first of them, from 1.
    pub first_line: u64,
}

/// What was read and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadReport {
    /// Jobs that are used.
    pub jobs: u64,
    /// Whether the lines were not in the order of submission; they are sorted.
    pub unsorted: bool,
    /// Complaints, in the order in which they were met first.
    pub counts: Vec<Count>,
    /// Cards of the machine that the trace names.
    pub cards: Option<u32>,
}

impl ReadReport {
    /// Counts a complaint about a line.
    pub(super) fn complain(&mut self, complaint: Complaint, line: usize) {
        match self.counts.iter_mut().find(|count| count.complaint == complaint) {
            Some(count) => count.lines += 1,
            None => self.counts.push(Count { complaint, lines: 1, first_line: line as u64 }),
        }
    }

    /// Lines that are not used.
    pub fn skipped(&self) -> u64 {
        self.counts.iter().filter(|count| !count.complaint.is_note()).map(|count| count.lines).sum()
    }

    /// What is wrong with the first line that something is wrong with.
    pub(super) fn first_phrase(&self) -> Phrase {
        match self.counts.first() {
            None => both("no jobs", "没有作业"),
            Some(Count { complaint, first_line, .. }) => {
                let phrase = complaint.phrase();
                let (english, chinese) = (phrase.say(Language::English), phrase.say(Language::Chinese));
                both(format!("line {first_line}: {english}"), format!("第 {first_line} 行：{chinese}"))
            }
        }
    }
}
