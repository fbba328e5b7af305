//! A plan log: what a scheduler knew, promised and did, in a format of its own. One JSON object a line, in the order in
//! which it happened:
//!
//! ```json
//! {"at_us":0,"record":"node_added","node":1,"pool":1,"model":1,"cards":8,"ring":4,"fractions":true,"cpu_millis":64000,"memory_bytes":1024}
//! {"at_us":5,"record":"submitted","job":1,"organization":1,"user":1,"priority":0,"shape":{"pool":1,"nodes":1,"cards_per_node_millis":2000},"limit_ms":60000}
//! {"at_us":5,"record":"placed","attempt":{"job":1,"number":1},"shares":[{"node":1,"cards":[{"index":0,"millis":1000},{"index":1,"millis":1000}]}]}
//! {"at_us":9,"record":"ended","attempt":{"job":1,"number":1},"state":"succeeded"}
//! {"at_us":9,"record":"job_ended","job":1,"state":"succeeded"}
//! ```
//!
//! The checker reads nothing else, so that it can judge any scheduler whose doings are written so. Moments are UTC
//! microseconds; things are numbered as the scheduler numbers them. What is absent is nothing, none, or zero. Money does
//! not occur, except that a log says if anything may wait for it: `funds_limited`.

use serde::{Deserialize, Serialize};

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When; never before the line above.
    pub at_us: i64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are named by what they are; each event says what happened")]
pub enum Event {
    /// Here jobs may also wait for funds, of which the log does not tell: who could start is not known for certain.
    FundsLimited,
    /// From now on jobs are ordered and may pass each other so.
    PolicySet {
        order: Order,
        backfill: Backfill,
        /// See [`Order::Shortest`].
        #[serde(default)]
        patience_ms: u64,
    },
    /// A node exists, idle and taking work.
    NodeAdded {
        node: u32,
        pool: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<u32>,
        #[serde(default)]
        cards: u8,
        /// Cards in each ring: with 4, cards 0–3 and 4–7 are rings; 0 where all cards reach each other alike.
        #[serde(default)]
        ring: u8,
        /// Whether parts of a card may be given out.
        #[serde(default)]
        fractions: bool,
        #[serde(default)]
        cpu_millis: u64,
        #[serde(default)]
        memory_bytes: u64,
        /// Which rack it is in, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rack: Option<u32>,
        /// And which pod of the network.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pod: Option<u32>,
    },
    /// A node takes no new work any more, or takes it again.
    NodeDraining { node: u32, draining: bool },
    /// These cards of a node get no new work; all others do.
    CardsUnusable { node: u32, cards: Vec<u8> },
    /// An organization may hold so many cards at once; one that is suspended starts nothing.
    OrganizationSet {
        organization: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_millis: Option<u32>,
        #[serde(default)]
        suspended: bool,
        /// By how much it takes part where cards beyond the guarantees are divided; 0 counts as 1.
        #[serde(default)]
        weight: u32,
        /// Cards that it gets before anybody gets more than is guaranteed.
        #[serde(default)]
        guaranteed_millis: u32,
    },
    /// An organization has a project, which may be a part of another.
    ProjectAdded {
        project: u32,
        organization: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<u32>,
    },
    /// So many cards may be held in a scope, which each of the first four narrows: over all pools, organizations and users
    /// what is absent. What is guaranteed and not lendable counts as held. Replaces what held in the same scope.
    QuotaSet {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<u32>,
        #[serde(default)]
        guaranteed_millis: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit_millis: Option<u32>,
        /// All that is guaranteed if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lendable_millis: Option<u32>,
    },
    /// A job was accepted.
    Submitted(Submitted),
    /// A job will start here, at `start_us` at the latest. Replaces an earlier promise to it.
    Promised { job: u64, start_us: i64, shares: Vec<Share> },
    /// A job has no promise any more, because it is not entitled to one any more.
    PromiseWithdrawn { job: u64 },
    /// An attempt holds all this from now on.
    Placed { attempt: Attempt, shares: Vec<Share> },
    /// Its first task runs, and has since then.
    Started {
        attempt: Attempt,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since_us: Option<i64>,
    },
    /// It holds nothing any more. With `retry`, its element waits for another attempt.
    Ended {
        attempt: Attempt,
        state: State,
        #[serde(default)]
        retry: bool,
        /// Since its first task's start, if it came to that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ran_ms: Option<u64>,
    },
    /// Nothing of the job is started any more.
    JobCancelled { job: u64 },
    /// One element that was not under way will not be.
    ElementCancelled { job: u64, element: u32 },
    /// Nothing more happens to a job.
    JobEnded { job: u64, state: State },
    /// The scheduler has nothing left to decide before something else happens.
    Settled,
    /// All that was accepted must have come to its end.
    Closed,
}

/// Who is next among the jobs of one priority. Ties go to the lower number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Who was submitted first.
    Fifo,
    /// The organization that holds least of what it is entitled to; of one user, as [`Order::Shortest`].
    Fair,
    /// The organization that used least of late, of which the log does not tell; of one user, as [`Order::Shortest`].
    FairTree,
    /// Who may be passed for the least time: each card-second that it is likely to use is passed for a hundred seconds;
    /// beyond the policy's patience only for the geometric mean of the two. Jobs that are alike to the scheduler, similar
    /// and with limits of the same binary logarithm keep their order; all are passed as long as the first of them.
    Shortest,
    /// Whose time limit, counted from its submission, comes first.
    Deadline,
    /// Who has the most points for age, size, priority and fair share. Here the priority is no class of its own; what each
    /// is worth, the log does not tell.
    Multifactor,
}

/// Who may start while a job before it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backfill {
    /// Nobody of its pool that could use the same cards.
    None,
    /// Whoever fits.
    BestEffort,
    /// Whoever does not delay the promised starts of the blocked heads of line.
    Easy,
    /// Whoever does not delay any promised start.
    Conservative,
}

/// A job as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Submitted {
    pub job: u64,
    pub organization: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<u32>,
    pub user: u32,
    /// Higher goes first.
    #[serde(default)]
    pub priority: i32,
    pub shape: Shape,
    /// How long an attempt may run from its first task's start.
    pub limit_ms: u64,
    /// How long it is likely to run, as long as no similar job has succeeded or failed; then, as those did in the mean.
    #[serde(default)]
    pub predicted_ms: u64,
    /// A number that similar jobs have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub similar: Option<u64>,
    /// How much longer it may take to stop.
    #[serde(default)]
    pub grace_ms: u64,
    /// Further attempts after one that failed or was lost.
    #[serde(default)]
    pub retries: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_us: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<After>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<Array>,
}

/// What one attempt needs: the same share on each of `nodes` different nodes, all or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Shape {
    pub pool: u32,
    /// If absent any model serves, one and the same for all cards of a gang.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<u32>,
    pub nodes: u32,
    /// A multiple of 1000 for whole cards, less for a part of one card, 0 for none.
    #[serde(default)]
    pub cards_per_node_millis: u32,
    #[serde(default)]
    pub cpu_per_node_millis: u64,
    #[serde(default)]
    pub memory_per_node_bytes: u64,
    /// All of it must be within one of these. In a rack or pod, a gang's nodes are of one model also if it has no cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Level>,
}

/// What cards can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say what")]
pub enum Level {
    Ring,
    Node,
    Rack,
    Pod,
}

/// Another job must have ended before this one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct After {
    pub job: u64,
    /// Whether it must have succeeded.
    #[serde(default)]
    pub succeeded: bool,
}

/// Elements 0..count of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Array {
    pub count: u32,
    /// How many may run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

/// One try of a job, or of one element of it; tries count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Attempt {
    pub job: u64,
    #[serde(default)]
    pub element: u32,
    pub number: u16,
}

/// What is held on one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Share {
    pub node: u32,
    #[serde(default)]
    pub cards: Vec<Slot>,
    #[serde(default)]
    pub cpu_millis: u64,
    #[serde(default)]
    pub memory_bytes: u64,
}

/// A card, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields are named by what they are")]
pub struct Slot {
    pub index: u8,
    /// How much of it: 1 to 1000.
    pub millis: u16,
}

/// How an attempt or a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say how")]
pub enum State {
    Succeeded,
    Failed,
    Cancelled,
    Lost,
}

/// Reads a log; blank lines are passed over.
///
/// # Errors
/// With the number of the first line that is no record, and why.
pub fn read(text: &str) -> Result<Vec<Record>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let record = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))
    };
    lines.map(record).collect()
}

/// Writes a log.
pub fn write(records: &[Record]) -> String {
    let line = |record| serde_json::to_string(record).expect("a record is plain data") + "\n";
    records.iter().map(line).collect()
}

impl Shape {
    /// All cards of an attempt, in thousandths.
    pub fn cards_millis(&self) -> u64 {
        u64::from(self.cards_per_node_millis) * u64::from(self.nodes)
    }
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}.{}", self.job, self.element, self.number)
    }
}
