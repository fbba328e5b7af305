//! What is asked of the core.

use haina_core::center_definition::{CenterDefinition, ProjectDefinition, QuotaDefinition};
use haina_core::{
    Actor, AdjustmentId, AgreementId, AgreementTerms, CardMillis, Digest, Epoch, JobId, JobRequest, JobState,
    JobTarget, Money, OrganizationId, OrganizationKind, Policy, ProgrammeRules, ProjectId, Qualification, QuotaScope,
    Report, Role, Timestamp, TokenId, UnusableCard, UserId, VoucherId,
};
use serde::{Deserialize, Serialize};

/// A command with all that it is decided from. Journaled as it is: the same inputs give the same facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Who asks.
    pub actor: Actor,
    /// What is asked.
    pub command: Command,
    /// When; never before the previous input's.
    pub now: Timestamp,
    /// How many probes it may spend.
    pub fuel: u64,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// A process took the leadership. Everything that is blocked is looked at again.
    Lead {
        /// The new epoch.
        epoch: Epoch,
    },
    /// Brings the center in line with its file. What exists is never removed; opening balances are paid in once.
    Apply {
        /// The file.
        definition: Box<CenterDefinition>,
    },
    /// Accepts all jobs, or none.
    Submit {
        /// The jobs.
        jobs: Vec<JobRequest>,
        /// How jobs that they depend on, and that the state no longer holds, have ended.
        known_ends: Vec<KnownEnd>,
    },
    /// Stops a job, or one element of it.
    Cancel {
        /// Which.
        target: JobTarget,
    },
    /// Takes a node out of service for new work, or back in.
    SetNode {
        /// Its name.
        node: String,
        /// Whether it takes new work.
        draining: bool,
        /// Why, for people.
        reason: String,
    },
    /// Sets which cards of a node get no new work; all others do.
    SetCards {
        /// The node's name.
        node: String,
        /// Which, and why.
        unusable: Vec<UnusableCard>,
    },
    /// Pays into an organization's account.
    TopUp {
        /// Its name.
        organization: String,
        /// How much; more than nothing.
        amount: Money,
        /// The payment's reference.
        reference: String,
    },
    /// Proposes a change of an account; another person approves it.
    ProposeAdjustment {
        /// The organization's name.
        organization: String,
        /// What it gets back, or owes more where that is negative.
        amount: Money,
        /// Why, for people.
        reason: String,
    },
    /// Approves a proposed change of an account, which posts it, or rejects it.
    DecideAdjustment {
        /// Which.
        adjustment: AdjustmentId,
        /// Whether it is approved.
        approve: bool,
    },
    /// Drafts an agreement.
    DraftAgreement {
        /// The organization's name.
        organization: String,
        /// What is agreed.
        terms: AgreementTerms,
    },
    /// Changes the terms of an agreement.
    AmendAgreement {
        /// Which,
        agreement: AgreementId,
        /// as it was at this version.
        version: u32,
        /// What is agreed now.
        terms: AgreementTerms,
        /// How many thousandths of its pool may be sold; 1000 if absent.
        #[serde(default)]
        oversell: Option<u32>,
        /// Why, for people.
        reason: String,
    },
    /// Makes a draft binding.
    SignAgreement {
        /// Which,
        agreement: AgreementId,
        /// as it was at this version.
        version: u32,
        /// How many thousandths of its pool may be sold; 1000 if absent.
        oversell: Option<u32>,
    },
    /// An organization paid what it owes for an agreement.
    PayAgreement {
        /// Which.
        agreement: AgreementId,
        /// How much.
        amount: Money,
        /// The payment's reference.
        reference: String,
    },
    /// Adds a programme of vouchers, or changes the rules of one.
    SetProgramme {
        /// The rules, with the programme's name.
        rules: ProgrammeRules,
        /// The version that is changed; 0 for a new one.
        version: u32,
    },
    /// Claims a voucher.
    ClaimVoucher {
        /// The programme's name.
        programme: String,
        /// For whom; the own organization if absent.
        organization: Option<String>,
        /// For which agreement.
        agreement: Option<AgreementId>,
        /// How much.
        amount: Money,
        /// What for.
        purpose: String,
        /// Whether it is declared that the organization is not related to the center.
        unrelated: bool,
    },
    /// Issues a voucher that was claimed, or rejects the claim.
    ReviewVoucher {
        /// Which.
        voucher: VoucherId,
        /// Whether it is issued.
        approve: bool,
        /// Why, for people.
        reason: String,
    },
    /// Nothing more is taken from a voucher.
    RevokeVoucher {
        /// Which.
        voucher: VoucherId,
        /// Why, for people.
        reason: String,
    },
    /// The sponsor paid what was used of a voucher.
    CashOutVoucher {
        /// Which.
        voucher: VoucherId,
        /// The payment's reference.
        reference: String,
    },
    /// Adds an organization, or changes what is given.
    SetOrganization {
        /// Its unique name.
        name: String,
        /// Its name for people.
        title: Option<String>,
        /// Cards that it may hold at once.
        card_limit: Option<CardMillis>,
        /// Whether it may not start work.
        suspended: Option<bool>,
        /// By how much it takes part where cards beyond the guarantees are divided.
        #[serde(default)]
        weight: Option<u32>,
        /// Cards that it gets before anybody gets more than is guaranteed.
        #[serde(default)]
        guaranteed: Option<CardMillis>,
        /// What kind of body it is.
        #[serde(default)]
        kind: Option<OrganizationKind>,
        /// What it is recognized as, in the place of what was before.
        #[serde(default)]
        qualifications: Option<Vec<Qualification>>,
    },
    /// Adds a project.
    AddProject {
        /// The project.
        definition: ProjectDefinition,
    },
    /// Sets how many cards may be held within a scope, in the place of what held there.
    SetQuota {
        /// The quota; a plain one takes it away.
        definition: QuotaDefinition,
    },
    /// Changes how jobs are scheduled.
    SetPolicy {
        /// The policy.
        policy: Policy,
    },
    /// Adds a user.
    AddUser {
        /// Unique login name.
        name: String,
        /// What the user is to the center.
        role: Role,
        /// Its organization's name.
        organization: Option<String>,
    },
    /// Makes a token valid; only its digest comes here.
    IssueToken {
        /// The user's name.
        user: String,
        /// The digest of the secret.
        digest: Digest,
        /// What it is for.
        label: String,
        /// When it stops being valid, if ever.
        expires: Option<Timestamp>,
    },
    /// Makes a token invalid.
    RevokeToken {
        /// Which.
        token: TokenId,
    },
    /// An engine reports.
    Report(Report),
    /// Time has passed, or there may be work: due timers, then placements, as far as the fuel goes.
    Advance,
}

/// How a job ended that the state no longer holds; looked up by the runtime before it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownEnd {
    /// The job.
    pub job: JobId,
    /// Whose it was.
    pub organization: OrganizationId,
    /// Its final state.
    pub state: JobState,
}

/// What a command is answered when it is not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done.
    Done,
    /// The jobs' ids, in the order of the request.
    Submitted(Vec<JobId>),
    /// The token's id.
    Issued(TokenId),
    /// The user's id.
    Added(UserId),
    /// The project's id.
    ProjectAdded(ProjectId),
    /// The proposed adjustment's id.
    Proposed(AdjustmentId),
    /// The drafted agreement's id.
    Agreed(AgreementId),
    /// The claimed voucher's id.
    Claimed(VoucherId),
    /// Where the quota holds.
    QuotaSet(QuotaScope),
}
