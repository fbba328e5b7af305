//! The things that the state holds, as they are stored.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{
    AdjustmentId, AgreementId, AgreementTerms, Allocation, ArrayRequest, CardMillis, ClassId, Condition, Currency,
    Digest, Entitlement, Epoch, JobId, Milliseconds, Money, OrganizationId, OrganizationKind, Policy, PoolId,
    ProjectId, Qualification, Quota, QuotaScope, Role, Timestamp, TokenId, UnusableCard, UserId, VoucherId, WaitReason,
};
use haina_ledger::{Chain, Portion};
use haina_scheduler::{Attempted, ClassKey, History, NodeSpec, Outlook, Run, Similar, Waiting};
use serde::{Deserialize, Serialize};

use crate::JobOutlook;

/// The center itself, with the counters that ids come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Center {
    /// A name for people.
    pub name: String,
    /// The one currency.
    pub currency: Currency,
    /// The leadership under which it runs.
    pub epoch: Epoch,
    /// The next job's id.
    pub next_job: JobId,
    /// The next class's id.
    pub next_class: ClassId,
    /// The next token's id; an id is never used again.
    pub next_token: TokenId,
    /// The last adjustment's id; an id is never used again.
    #[serde(default)]
    pub last_adjustment: AdjustmentId,
    /// The last agreement's id.
    #[serde(default)]
    pub last_agreement: AgreementId,
    /// The last voucher's id.
    #[serde(default)]
    pub last_voucher: VoucherId,
    /// Postings so far to the center's own accounts.
    pub revenue: Option<Money>,
    /// What was paid in, negative.
    pub cash: Option<Money>,
    /// How far the books are.
    #[serde(default)]
    pub chain: Chain,
    /// How jobs are scheduled.
    #[serde(default)]
    pub policy: Policy,
}

/// A change of an account that was proposed and waits for another person's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Whose account.
    pub organization: OrganizationId,
    /// What it gets back, or owes more where that is negative.
    pub amount: Money,
    /// Why, for people.
    pub reason: String,
    /// Who proposed it.
    pub proposed_by: UserId,
    /// When.
    pub proposed: Timestamp,
}

/// The terms of an agreement at one version, who set them and why: its history is all of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// The version.
    pub version: u32,
    /// What was agreed from then on.
    pub terms: AgreementTerms,
    /// Who set them.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// A kind of card, with the price in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardModel {
    /// As the center file defines it.
    #[serde(flatten)]
    pub definition: haina_core::center_definition::CardModelDefinition,
    /// Counts up with each change of the price.
    pub price_version: u32,
}

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Unique name.
    pub name: String,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Unique name.
    pub name: String,
    /// What the scheduler knows of it.
    pub spec: NodeSpec,
    /// Whether it takes no new work.
    pub draining: bool,
    /// Why, for people.
    pub reason: String,
    /// Its cards that get no new work, by index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unusable: Vec<UnusableCard>,
}

impl Node {
    /// The cards that get no new work, as bits.
    pub fn unusable_bits(&self) -> u64 {
        self.unusable.iter().fold(0, |bits, card| bits | 1 << card.index)
    }
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Unique short name.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Cards that it may hold at once.
    pub card_limit: Option<CardMillis>,
    /// Whether it may not start work.
    pub suspended: bool,
    /// What it is entitled to when others compete with it.
    #[serde(default, skip_serializing_if = "Entitlement::is_plain")]
    pub entitlement: Entitlement,
    /// What kind of body it is, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<OrganizationKind>,
    /// What it is recognized as.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualifications: Vec<Qualification>,
}

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its name, unique within its organization.
    pub name: String,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Itself, after those that it is a part of, outermost first.
    pub lineage: Vec<ProjectId>,
}

/// A quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopedQuota {
    /// Where it holds.
    #[serde(flatten)]
    pub scope: QuotaScope,
    /// What it says.
    #[serde(flatten)]
    pub quota: Quota,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Unique login name.
    pub name: String,
    /// What it is to the center.
    pub role: Role,
    /// Its organization.
    pub organization: Option<OrganizationId>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Whose.
    pub user: UserId,
    /// The digest of the secret.
    pub digest: Digest,
    /// What it is for.
    pub label: String,
    /// When it stops being valid.
    pub expires: Option<Timestamp>,
}

/// Jobs that are alike to the scheduler, and why their head waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// What is alike.
    pub key: ClassKey,
    /// Why the head could not start when it was last looked at; none after a start.
    pub reason: Option<WaitReason>,
    /// Since when.
    pub reason_since: Timestamp,
    /// Jobs that have not ended.
    pub jobs: u32,
}

/// A job that has not ended. Kept small: a million may wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Who pays.
    #[serde(rename = "o")]
    pub organization: OrganizationId,
    /// Who asked.
    #[serde(rename = "u")]
    pub user: UserId,
    /// Its class.
    #[serde(rename = "c")]
    pub class: ClassId,
    /// Processes on each node.
    #[serde(rename = "t")]
    pub tasks_per_node: u32,
    /// How long an attempt may run.
    #[serde(rename = "l")]
    pub time_limit: Milliseconds,
    /// Between SIGTERM and SIGKILL.
    #[serde(rename = "g")]
    pub grace: Milliseconds,
    /// Further attempts after one that failed or was lost.
    #[serde(rename = "r")]
    pub retries: u16,
    /// What to run.
    #[serde(rename = "p")]
    pub payload: Digest,
    /// Not before this moment; cleared when it has come.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Jobs that it still waits for.
    #[serde(rename = "d", default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<(JobId, Condition)>,
    /// Somebody asked to stop all of it.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// How long it is likely to take.
    #[serde(flatten)]
    pub outlook: JobOutlook,
    /// How far it is.
    #[serde(rename = "s")]
    pub progress: Progress,
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// A single job.
    #[serde(rename = "s")]
    Single {
        /// Attempts made.
        #[serde(rename = "n")]
        attempts: u16,
        /// Whether one is under way.
        #[serde(rename = "a")]
        active: bool,
    },
    /// A job array.
    #[serde(rename = "a")]
    Array(Box<ArrayProgress>),
}

/// How far a job array is: one record, whatever its length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayProgress {
    /// As asked for.
    pub request: ArrayRequest,
    /// The first element that was never started.
    pub next: u32,
    /// Elements before `next` that wait for another attempt, with the attempts made.
    pub returned: BTreeMap<u32, u16>,
    /// Elements that are under way, with the attempts made, this one included.
    pub active: BTreeMap<u32, u16>,
    /// Elements from `next` on that will not be started.
    pub skipped: BTreeSet<u32>,
    /// Elements that have ended.
    pub counts: crate::ElementCounts,
}

impl Job {
    /// The element that would start next and the number that its attempt would have; none if there is nothing to
    /// start now, or the array's own cap is reached.
    pub fn startable(&self) -> Option<(u32, u16)> {
        if self.cancelled || self.not_before.is_some() || !self.dependencies.is_empty() {
            return None;
        }
        match &self.progress {
            Progress::Single { attempts, active } => (!active).then_some((0, attempts + 1)),
            Progress::Array(array) => {
                if array.request.concurrency.is_some_and(|cap| array.active.len() as u32 >= cap) {
                    return None;
                }
                let returned = array.returned.first_key_value().map(|(element, made)| (*element, made + 1));
                returned.or((array.next < array.request.count).then_some((array.next, 1)))
            }
        }
    }

    /// How many attempts of it could start at once: more than one only of an array.
    pub fn startable_now(&self) -> u32 {
        let Progress::Array(array) = &self.progress else { return u32::from(self.startable().is_some()) };
        let left = array.returned.len() as u32 + array.remaining();
        let cap = array.request.concurrency.map_or(u32::MAX, |cap| cap.saturating_sub(array.active.len() as u32));
        self.startable().map_or(0, |_| left.min(cap))
    }

    /// The array's own cap, if it is what keeps the next element from starting.
    pub fn at_concurrency_cap(&self) -> Option<u32> {
        let Progress::Array(array) = &self.progress else { return None };
        let left = !array.returned.is_empty() || array.next < array.request.count;
        array.request.concurrency.filter(|cap| left && array.active.len() as u32 >= *cap)
    }

    /// Whether it is an array.
    pub fn is_array(&self) -> bool {
        matches!(self.progress, Progress::Array(_))
    }

    /// Elements that are neither under way nor ended; a single job has one.
    pub fn elements_waiting(&self) -> u32 {
        match &self.progress {
            Progress::Single { active, .. } => u32::from(!active),
            Progress::Array(array) => array.returned.len() as u32 + array.remaining(),
        }
    }

    /// Attempts under way.
    pub fn active(&self) -> u32 {
        match &self.progress {
            Progress::Single { active, .. } => u32::from(*active),
            Progress::Array(array) => array.active.len() as u32,
        }
    }

    /// How it waits by a policy.
    pub fn waiting(&self, job: JobId, policy: &Policy) -> Waiting {
        let (submitted, similar) = (self.outlook.submitted, self.outlook.similar);
        let (time_limit, longest) = (self.time_limit, self.longest());
        Outlook { job, user: self.user, submitted, time_limit, longest, similar }.waiting(policy)
    }

    /// How long it is likely to run: as jobs like it did; as long as none has ended, as was predicted when it was accepted.
    pub fn expected(&self, history: &History) -> Milliseconds {
        history.mean(self.outlook.similar).unwrap_or(self.outlook.predicted).min(self.time_limit)
    }

    /// The most that one attempt may be metered: its limit and the grace to stop.
    pub fn longest(&self) -> Milliseconds {
        self.time_limit + self.grace
    }
}

/// A try that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Who pays.
    pub organization: OrganizationId,
    /// The cards that it holds.
    pub allocation: Allocation,
    /// Since when.
    pub placed: Timestamp,
    /// When its first task started.
    pub started: Option<Timestamp>,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Held for it.
    pub hold: Money,
    /// Price of a card-hour, fixed when it was placed; where several pay, that of the first.
    pub price_per_card_hour: Money,
    /// That price's version.
    pub price_version: u32,
    /// Whose it is.
    #[serde(default)]
    pub user: UserId,
    /// Its project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// How long it was expected to run.
    #[serde(default)]
    pub predicted: Milliseconds,
    /// The jobs that are like its own.
    #[serde(default)]
    pub similar: Similar,
    /// Who pays, unless the prepaid account pays all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub funding: Vec<Portion>,
}

impl Attempt {
    /// When it ends at the latest, by the contract of its job.
    pub fn ends(&self, job: &Job) -> Timestamp {
        self.started.unwrap_or(self.placed) + job.longest()
    }

    /// Whose it is, and how long it probably runs.
    pub fn run(&self) -> Run {
        let Attempt { organization, project, user, predicted, .. } = *self;
        Run { organization, project, user, since: self.started.unwrap_or(self.placed), predicted }
    }

    /// What counts as use of its user.
    pub fn attempted(&self) -> Attempted {
        let (organization, user, cards) = (self.organization, self.user, self.allocation.cards());
        let expected = cards.used_for(self.predicted);
        Attempted { organization, user, cards, expected, placed: self.placed }
    }
}

/// A pool and priority: the line in which a job's place is counted.
pub type Line = (PoolId, i32);
