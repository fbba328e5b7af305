//! What must not have happened, in types for programs and in words for people.

use std::fmt;

use super::scene::Scope;
use crate::plan_log::{Attempt, Level};

/// A rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at_us: i64,
    /// In which line of the log, from 1.
    pub line: usize,
    /// How.
    pub broken: Broken,
}

/// How a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is said in words below")]
pub enum Broken {
    // Capacity.
    NoSuchNode { attempt: Attempt, node: u32 },
    NoSuchCard { attempt: Attempt, node: u32, card: u8 },
    NodeDraining { attempt: Attempt, node: u32 },
    CardUnusable { attempt: Attempt, node: u32, card: u8 },
    CardOverfull { attempt: Attempt, node: u32, card: u8, millis: u32 },
    PartsNotAllowed { attempt: Attempt, node: u32, card: u8 },
    ProcessorsOverfull { attempt: Attempt, node: u32, asked_millis: u64, free_millis: u64 },
    MemoryOverfull { attempt: Attempt, node: u32, asked_bytes: u64, free_bytes: u64 },
    // Gangs.
    GangNotWhole { attempt: Attempt, nodes: u32, asked: u32 },
    NodeTwice { attempt: Attempt, node: u32 },
    ShareNotAsAsked { attempt: Attempt, node: u32 },
    WrongPool { attempt: Attempt, node: u32 },
    WrongModel { attempt: Attempt, node: u32 },
    MixedModels { attempt: Attempt },
    RingLeft { attempt: Attempt, node: u32 },
    Apart { job: u64, level: Level },
    // Who may start.
    QuotaExceeded { attempt: Attempt, scope: Scope, held_millis: u64, limit_millis: u64 },
    Suspended { attempt: Attempt, organization: u32 },
    TooEarly { attempt: Attempt, not_before_us: i64 },
    DependencyUnmet { attempt: Attempt, on: u64 },
    TooManyElements { attempt: Attempt, concurrency: u32 },
    // Attempts.
    TimeWentBack { before_us: i64 },
    JobTwice { job: u64 },
    NotWaiting { attempt: Attempt },
    WrongNumber { attempt: Attempt, expected: u16 },
    NotUnderWay { attempt: Attempt },
    RetryNotDue { attempt: Attempt },
    JobEndedEarly { job: u64 },
    NoSuchJob { job: u64 },
    NeverEnded { attempt: Attempt },
    Forgotten { job: u64 },
    // Order.
    PassedOver { attempt: Attempt, waiting: u64 },
    LeftWaiting { job: u64 },
    // Promises.
    PromiseBroken { job: u64, start_us: i64 },
    PromiseHopeless { job: u64, start_us: i64, node: u32 },
    PromiseMoved { job: u64, from_us: i64, to_us: i64 },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} at {} µs: {}", self.line, self.at_us, self.broken)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Broken::*;
        match self {
            NoSuchNode { attempt, node } => write!(f, "attempt {attempt} is on node {node}, which does not exist"),
            NoSuchCard { attempt, node, card } => {
                write!(f, "attempt {attempt} has card {card} of node {node}, which does not exist")
            }
            NodeDraining { attempt, node } => write!(f, "attempt {attempt} is on node {node}, which takes no new work"),
            CardUnusable { attempt, node, card } => {
                write!(f, "attempt {attempt} has card {card} of node {node}, which gets no new work")
            }
            CardOverfull { attempt, node, card, millis } => write!(
                f,
                "attempt {attempt} makes it {millis} thousandths of card {card} of node {node} that are held; at most 1000"
            ),
            PartsNotAllowed { attempt, node, card } => {
                write!(
                    f,
                    "attempt {attempt} has a part of card {card} of node {node}, whose cards are whole or nothing"
                )
            }
            ProcessorsOverfull { attempt, node, asked_millis, free_millis } => write!(
                f,
                "attempt {attempt} takes {asked_millis} thousandths of a processor of node {node}; {free_millis} are free"
            ),
            MemoryOverfull { attempt, node, asked_bytes, free_bytes } => {
                write!(f, "attempt {attempt} takes {asked_bytes} bytes of node {node}; {free_bytes} are free")
            }
            GangNotWhole { attempt, nodes, asked } => {
                write!(f, "attempt {attempt} is on {nodes} nodes; it asked for {asked}, all or none")
            }
            NodeTwice { attempt, node } => write!(f, "attempt {attempt} has two shares on node {node}"),
            ShareNotAsAsked { attempt, node } => {
                write!(f, "attempt {attempt} holds other cards, processors or memory on node {node} than it asked for")
            }
            WrongPool { attempt, node } => write!(f, "attempt {attempt} is on node {node}, which is not of its pool"),
            WrongModel { attempt, node } => {
                write!(f, "attempt {attempt} is on node {node}, whose cards are not of the model that it asked for")
            }
            MixedModels { attempt } => write!(f, "attempt {attempt} has cards of more than one model"),
            RingLeft { attempt, node } => {
                write!(f, "attempt {attempt} is spread over rings of node {node}, of which one could hold its share")
            }
            Apart { job, level } => {
                write!(f, "job {job} must have all it holds within one {level:?}, and has or was promised it otherwise")
            }
            QuotaExceeded { attempt, scope, held_millis, limit_millis } => write!(
                f,
                "attempt {attempt} makes it {held_millis} thousandths of cards that are held or kept in {scope:?}; at \
                 most {limit_millis}"
            ),
            Suspended { attempt, organization } => {
                write!(f, "attempt {attempt} is placed for organization {organization}, which is suspended")
            }
            TooEarly { attempt, not_before_us } => {
                write!(f, "attempt {attempt} is placed, and was not to be before {not_before_us} µs")
            }
            DependencyUnmet { attempt, on } => {
                write!(f, "attempt {attempt} is placed, and job {on}, which it waits for, has not ended as it must")
            }
            TooManyElements { attempt, concurrency } => {
                write!(
                    f,
                    "attempt {attempt} is placed beside {concurrency} others, as many as its array allows at once"
                )
            }
            TimeWentBack { before_us } => write!(f, "the line above is of {before_us} µs: time went back"),
            JobTwice { job } => write!(f, "job {job} was accepted before"),
            NotWaiting { attempt } => write!(f, "attempt {attempt} is placed, and nothing of the kind was waiting"),
            WrongNumber { attempt, expected } => {
                write!(f, "attempt {attempt} is placed; its number should be {expected}")
            }
            NotUnderWay { attempt } => write!(f, "attempt {attempt} is not under way"),
            RetryNotDue { attempt } => {
                write!(
                    f,
                    "attempt {attempt} is followed by another, though it succeeded, was cancelled or was the last"
                )
            }
            JobEndedEarly { job } => write!(f, "job {job} ends while something of it is under way or still to be done"),
            NoSuchJob { job } => write!(f, "job {job} was never accepted, or has ended"),
            NeverEnded { attempt } => write!(f, "attempt {attempt} never ended"),
            Forgotten { job } => write!(f, "job {job} was accepted and never ended"),
            PassedOver { attempt, waiting } => {
                write!(f, "attempt {attempt} is placed before job {waiting}, which is ahead of it and could start")
            }
            LeftWaiting { job } => write!(f, "nothing is left to decide, and job {job} waits though it could start"),
            PromiseBroken { job, start_us } => {
                write!(f, "job {job} should have started by {start_us} µs, and nothing excuses that it has not")
            }
            PromiseHopeless { job, start_us, node } => write!(
                f,
                "job {job} cannot start on node {node} at {start_us} µs, as promised, unless something ends before it must"
            ),
            PromiseMoved { job, from_us, to_us } => {
                write!(
                    f,
                    "the promised start of job {job} moves from {from_us} to {to_us} µs, and nothing excuses that"
                )
            }
        }
    }
}
