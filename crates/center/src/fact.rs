//! What the core decided. Durable, and the only thing that changes the state.

use haina_core::center_definition::CardModelDefinition;
use haina_core::{
    AdjustmentId, AgreementId, AgreementTerms, Allocation, ArrayRequest, AttemptId, CardMillis, CardModelId, CardUse,
    ClassId, Condition, Currency, Digest, Ending, Entitlement, Epoch, FailedTask, JobId, JobState, Milliseconds, Money,
    NodeId, OrganizationId, OrganizationKind, Policy, PoolId, ProgrammeId, ProgrammeRules, ProjectId, Qualification,
    QuotaId, Role, TaskUse, Timestamp, TokenId, UnusableCard, UserId, VoucherId, WaitReason,
};
use haina_ledger::{Portion, Transaction, Voucher};
use haina_scheduler::{ClassKey, NodeSpec, Promise, Similar};
use serde::{Deserialize, Serialize};

use crate::{Adjustment, ScopedQuota};

/// Something that happened. The moment is the input's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
#[expect(missing_docs, reason = "fields are named by what they are; each fact says what happened")]
pub enum Fact {
    /// A process took the leadership.
    LeadershipTaken { epoch: Epoch },
    /// The center has this name and currency.
    CenterNamed { name: String, currency: Currency },
    /// A card model is defined so; a changed price has a new version.
    CardModelSet { id: CardModelId, definition: CardModelDefinition, price_version: u32 },
    /// A pool exists.
    PoolAdded { id: PoolId, name: String },
    /// A node exists.
    NodeAdded { name: String, spec: NodeSpec },
    /// A node was taken out of service for new work, or back in.
    NodeSet { id: NodeId, draining: bool, reason: String },
    /// These cards of a node get no new work, and all others do.
    CardsSet { id: NodeId, unusable: Vec<UnusableCard> },
    /// An organization exists, with these properties.
    OrganizationSet {
        id: OrganizationId,
        name: String,
        title: String,
        card_limit: Option<CardMillis>,
        suspended: bool,
        #[serde(default, skip_serializing_if = "Entitlement::is_plain")]
        entitlement: Entitlement,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<OrganizationKind>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        qualifications: Vec<Qualification>,
    },
    /// A project exists.
    ProjectAdded {
        id: ProjectId,
        name: String,
        organization: OrganizationId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<ProjectId>,
    },
    /// So many cards may be held within a scope; nothing is said of it any more where the quota is plain.
    QuotaSet {
        id: QuotaId,
        #[serde(flatten)]
        set: ScopedQuota,
    },
    /// Jobs are scheduled so.
    PolicySet { policy: Policy },
    /// A user exists.
    UserAdded { id: UserId, name: String, role: Role, organization: Option<OrganizationId> },
    /// A token is valid.
    TokenIssued { id: TokenId, user: UserId, digest: Digest, label: String, expires: Option<Timestamp> },
    /// A token is no longer valid.
    TokenRevoked { id: TokenId },
    /// Money moved.
    Posted {
        transaction: Transaction,
        /// Its place in the chain of the books, put on after it was decided. Journals of before 2026-12 have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seal: Option<Digest>,
    },
    /// A change of an account was proposed. Approving it posts it.
    AdjustmentProposed { id: AdjustmentId, adjustment: Adjustment },
    /// A proposed change of an account will not be.
    AdjustmentRejected { id: AdjustmentId, by: UserId },
    /// An agreement has these terms: drafted, or amended.
    AgreementSet {
        id: AgreementId,
        organization: OrganizationId,
        version: u32,
        terms: AgreementTerms,
        by: UserId,
        at: Timestamp,
        reason: String,
    },
    /// An agreement is binding.
    AgreementSigned { id: AgreementId, by: UserId },
    /// An agreement pays from now on.
    AgreementBegun { id: AgreementId },
    /// An agreement is over, and nothing is held of it.
    AgreementClosed { id: AgreementId },
    /// A programme of vouchers has these rules.
    ProgrammeSet { id: ProgrammeId, version: u32, rules: ProgrammeRules, by: UserId },
    /// A voucher was claimed.
    VoucherClaimed { id: VoucherId, voucher: Voucher },
    /// A voucher pays from now on.
    VoucherIssued {
        id: VoucherId,
        by: UserId,
        at: Timestamp,
        expires: Timestamp,
        share_of_charge: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<PoolId>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// A claimed voucher will not be.
    VoucherRejected { id: VoucherId, by: UserId, reason: String },
    /// Nothing more is taken from a voucher.
    VoucherRevoked { id: VoucherId, by: UserId, at: Timestamp, reason: String },
    /// A voucher expired or was revoked, and nothing is held of it.
    VoucherClosed { id: VoucherId },
    /// Jobs of a new kind, to the scheduler.
    ClassAdded { id: ClassId, key: ClassKey },
    /// A job was accepted.
    JobSubmitted {
        id: JobId,
        name: String,
        organization: OrganizationId,
        user: UserId,
        class: ClassId,
        tasks_per_node: u32,
        time_limit: Milliseconds,
        grace: Milliseconds,
        retries: u16,
        not_before: Option<Timestamp>,
        array: Option<ArrayRequest>,
        dependencies: Vec<(JobId, Condition)>,
        payload: Digest,
        #[serde(default)]
        outlook: JobOutlook,
    },
    /// The moment has come before which a job was not to start.
    JobDue { job: JobId },
    /// The head of a class could not start.
    ClassBlocked { class: ClassId, reason: WaitReason, at: Timestamp },
    /// A job that could not start now will start then at the latest, unless it is cancelled, a node of these fails, or a
    /// job of a higher priority comes.
    PromiseMade { job: JobId, promise: Promise },
    /// A job cannot use what it was promised, for reasons of its own.
    PromiseWithdrawn { job: JobId },
    /// An attempt holds its cards and its money.
    AttemptPlaced {
        attempt: AttemptId,
        organization: OrganizationId,
        class: ClassId,
        allocation: Allocation,
        hold: Money,
        price_per_card_hour: Money,
        price_version: u32,
        at: Timestamp,
        #[serde(default)]
        user: UserId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectId>,
        #[serde(default)]
        predicted: Milliseconds,
        #[serde(default)]
        similar: Similar,
        /// Who pays, unless the prepaid account pays all of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        funding: Vec<Portion>,
    },
    /// Its first task started.
    AttemptStarted { attempt: AttemptId, at: Timestamp },
    /// It was told to stop.
    AttemptStopping { attempt: AttemptId },
    /// It ended: cards and hold are free again. `retry`: its element waits for another attempt.
    AttemptEnded {
        attempt: AttemptId,
        state: JobState,
        ending: Ending,
        started: Option<Timestamp>,
        ended: Timestamp,
        used: TaskUse,
        metered: CardUse,
        charged: Money,
        retry: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed_task: Option<FailedTask>,
    },
    /// Somebody asked to stop a job; nothing of it starts any more.
    JobCancelled { job: JobId, by: UserId },
    /// Somebody asked to stop one element that was not under way; it is skipped.
    ElementCancelled { job: JobId, element: u32, by: UserId },
    /// Nothing more will happen to a job.
    JobEnded {
        job: JobId,
        organization: OrganizationId,
        class: ClassId,
        state: JobState,
        counts: ElementCounts,
        cause: Option<JobId>,
        at: Timestamp,
    },
}

/// What is known of how long a job will take when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct JobOutlook {
    /// When it was accepted.
    #[serde(rename = "m")]
    pub submitted: Timestamp,
    /// How long it is likely to run.
    #[serde(rename = "e")]
    pub predicted: Milliseconds,
    /// The jobs that are like it.
    #[serde(rename = "k")]
    pub similar: Similar,
}

/// How many elements of a job ended in which way; a single job has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct ElementCounts {
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub lost: u32,
}

impl ElementCounts {
    /// Counts `elements` more that ended as `state`.
    pub fn add(&mut self, state: JobState, elements: u32) {
        match state {
            JobState::Succeeded => self.succeeded += elements,
            JobState::Failed => self.failed += elements,
            JobState::Cancelled => self.cancelled += elements,
            JobState::Lost => self.lost += elements,
            other => panic!("{} is no end", other.word()),
        }
    }

    /// All that ended.
    pub fn total(&self) -> u32 {
        self.succeeded + self.failed + self.cancelled + self.lost
    }

    /// What the job as a whole ended as: the worst that happened to an element.
    pub fn outcome(&self) -> JobState {
        match self {
            ElementCounts { failed: 1.., .. } => JobState::Failed,
            ElementCounts { lost: 1.., .. } => JobState::Lost,
            ElementCounts { cancelled: 1.., .. } => JobState::Cancelled,
            _ => JobState::Succeeded,
        }
    }
}
