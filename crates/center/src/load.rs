//! The state as stored things, and back. The stored form is JSON with fields in a fixed order: readable, able to
//! grow, and canonical, so that equal states have equal digests.

use std::collections::BTreeSet;

use haina_core::{
    AdjustmentId, AgreementId, AttemptId, CardModelId, ClassId, Digest, JobId, NodeId, OrganizationId, PoolId,
    ProgrammeId, ProjectId, QuotaId, TokenId, UserId, VoucherId,
};
use haina_ledger::{Account, Ledger, LedgerAccount, Payer, Portion, TransactionKind};
use haina_scheduler::{History, NodeState, Similar};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dues::Dues;
use crate::{Fact, State};

/// Names a stored thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum EntityKey {
    Center,
    CardModel(CardModelId),
    Pool(PoolId),
    Node(NodeId),
    Organization(OrganizationId),
    Project(ProjectId),
    Quota(QuotaId),
    User(UserId),
    Token(TokenId),
    Account(OrganizationId),
    Adjustment(AdjustmentId),
    Agreement(AgreementId),
    /// All versions of its terms.
    Amendments(AgreementId),
    Programme(ProgrammeId),
    Voucher(VoucherId),
    Class(ClassId),
    /// What an organization has used, or with a user, what that one did.
    Used(OrganizationId, Option<UserId>),
    History(Similar),
    Promise(JobId),
    Job(JobId),
    Attempt(AttemptId),
}

impl EntityKey {
    /// Kind and number under which small things are stored; `None` for jobs and attempts, which have their own tables.
    pub fn small(self) -> Option<(&'static str, u64)> {
        Some(match self {
            EntityKey::Center => ("center", 0),
            EntityKey::CardModel(id) => ("card_model", id.0.into()),
            EntityKey::Pool(id) => ("pool", id.0.into()),
            EntityKey::Node(id) => ("node", id.0.into()),
            EntityKey::Organization(id) => ("organization", id.0.into()),
            EntityKey::Project(id) => ("project", id.0.into()),
            EntityKey::Quota(id) => ("quota", id.0.into()),
            EntityKey::User(id) => ("user", id.0.into()),
            EntityKey::Token(id) => ("token", id.0.into()),
            EntityKey::Account(id) => ("account", id.0.into()),
            EntityKey::Adjustment(id) => ("adjustment", id.0.into()),
            EntityKey::Agreement(id) => ("agreement", id.0.into()),
            EntityKey::Amendments(id) => ("amendments", id.0.into()),
            EntityKey::Programme(id) => ("programme", id.0.into()),
            EntityKey::Voucher(id) => ("voucher", id.0.into()),
            EntityKey::Class(id) => ("class", id.0.into()),
            EntityKey::Used(organization, user) => {
                ("used", u64::from(organization.0) << 32 | user.map_or(0, |user| u64::from(user.0)))
            }
            EntityKey::History(similar) => ("history", similar.0),
            EntityKey::Promise(job) => ("promise", job.0),
            EntityKey::Job(_) | EntityKey::Attempt(_) => return None,
        })
    }

    /// The key of a small thing.
    pub fn from_small(kind: &str, number: u64) -> Option<EntityKey> {
        match kind {
            "promise" => return Some(EntityKey::Promise(JobId(number))),
            "history" => return Some(EntityKey::History(Similar(number))),
            "used" => {
                let user = Some(UserId(number as u32)).filter(|user| user.0 > 0);
                return Some(EntityKey::Used(OrganizationId((number >> 32) as u32), user));
            }
            _ => {}
        }
        let id = u32::try_from(number).ok()?;
        Some(match kind {
            "center" => EntityKey::Center,
            "card_model" => EntityKey::CardModel(CardModelId(id)),
            "pool" => EntityKey::Pool(PoolId(id)),
            "node" => EntityKey::Node(NodeId(id)),
            "organization" => EntityKey::Organization(OrganizationId(id)),
            "project" => EntityKey::Project(ProjectId(id)),
            "quota" => EntityKey::Quota(QuotaId(id)),
            "user" => EntityKey::User(UserId(id)),
            "token" => EntityKey::Token(TokenId(id)),
            "account" => EntityKey::Account(OrganizationId(id)),
            "adjustment" => EntityKey::Adjustment(AdjustmentId(id)),
            "agreement" => EntityKey::Agreement(AgreementId(id)),
            "amendments" => EntityKey::Amendments(AgreementId(id)),
            "programme" => EntityKey::Programme(ProgrammeId(id)),
            "voucher" => EntityKey::Voucher(VoucherId(id)),
            "class" => EntityKey::Class(ClassId(id)),
            _ => return None,
        })
    }
}

impl State {
    /// The stored form of a thing; `None` where it is not, or no longer, part of the state.
    pub fn encode(&self, key: EntityKey) -> Option<String> {
        match key {
            EntityKey::Center => {
                let &Ledger { revenue, cash, chain, .. } = &self.view.ledger;
                Some(text(&crate::Center { revenue, cash, chain, ..self.view.center.clone() }))
            }
            EntityKey::CardModel(id) => self.view.card_models.get(&id).map(text),
            EntityKey::Pool(id) => self.view.pools.get(&id).map(text),
            EntityKey::Node(id) => self.view.nodes.get(&id).map(text),
            EntityKey::Organization(id) => self.view.organizations.get(&id).map(text),
            EntityKey::Project(id) => self.view.projects.get(&id).map(text),
            EntityKey::Quota(id) => self.view.quotas.get(&id).map(text),
            EntityKey::User(id) => self.view.users.get(&id).map(text),
            EntityKey::Token(id) => self.view.tokens.get(&id).map(text),
            EntityKey::Account(id) => self.view.ledger.accounts.get(&id).map(text),
            EntityKey::Adjustment(id) => self.view.adjustments.get(&id).map(text),
            EntityKey::Agreement(id) => self.view.ledger.agreements.get(&id).map(text),
            EntityKey::Amendments(id) => self.view.amendments.get(&id).map(text),
            EntityKey::Programme(id) => self.view.ledger.programmes.get(&id).map(text),
            EntityKey::Voucher(id) => self.view.ledger.vouchers.get(&id).map(text),
            EntityKey::Class(id) => self.view.classes.get(&id).map(text),
            EntityKey::Used(organization, user) => self.view.shares.used(organization, user).as_ref().map(text),
            EntityKey::History(similar) => self.view.history.get(similar).map(text),
            EntityKey::Promise(job) => self.plan.promised(job).map(text),
            EntityKey::Job(id) => self.jobs.get(&id).map(text),
            EntityKey::Attempt(id) => self.view.attempts.get(&id).map(text),
        }
    }

    /// Takes a stored thing in. [`State::rebuild`] must follow when all are in.
    ///
    /// # Errors
    /// Where the text is not that of such a thing.
    pub fn load(&mut self, key: EntityKey, body: &str) -> Result<(), serde_json::Error> {
        match key {
            EntityKey::Center => {
                self.view.center = read(body)?;
                self.view.ledger = Ledger {
                    revenue: self.view.center.revenue.take(),
                    cash: self.view.center.cash.take(),
                    chain: std::mem::take(&mut self.view.center.chain),
                    ..std::mem::take(&mut self.view.ledger)
                };
            }
            EntityKey::CardModel(id) => _ = self.view.card_models.insert(id, read(body)?),
            EntityKey::Pool(id) => _ = self.view.pools.insert(id, read(body)?),
            EntityKey::Node(id) => _ = self.view.nodes.insert(id, read(body)?),
            EntityKey::Organization(id) => _ = self.view.organizations.insert(id, read(body)?),
            EntityKey::Project(id) => _ = self.view.projects.insert(id, read(body)?),
            EntityKey::Quota(id) => _ = self.view.quotas.insert(id, read(body)?),
            EntityKey::User(id) => _ = self.view.users.insert(id, read(body)?),
            EntityKey::Token(id) => _ = self.view.tokens.insert(id, read(body)?),
            EntityKey::Account(id) => _ = self.view.ledger.accounts.insert(id, read::<Account>(body)?),
            EntityKey::Adjustment(id) => _ = self.view.adjustments.insert(id, read(body)?),
            EntityKey::Agreement(id) => _ = self.view.ledger.agreements.insert(id, read(body)?),
            EntityKey::Amendments(id) => _ = self.view.amendments.insert(id, read(body)?),
            EntityKey::Programme(id) => _ = self.view.ledger.programmes.insert(id, read(body)?),
            EntityKey::Voucher(id) => _ = self.view.ledger.vouchers.insert(id, read(body)?),
            EntityKey::Class(id) => _ = self.view.classes.insert(id, read(body)?),
            EntityKey::Used(organization, user) => self.view.shares.load(organization, user, read(body)?),
            EntityKey::History(similar) => self.view.history.load(similar, read(body)?),
            EntityKey::Promise(job) => self.plan.promise(job, read(body)?),
            EntityKey::Job(id) => _ = self.jobs.insert(id, read(body)?),
            EntityKey::Attempt(id) => _ = self.view.attempts.insert(id, read(body)?),
        }
        Ok(())
    }

    /// Derives all that is derived, after the stored things were loaded.
    pub fn rebuild(&mut self) {
        for (id, pool) in &self.view.pools {
            self.view.pool_of_name.insert(pool.name.clone(), *id);
        }
        for (id, model) in &self.view.card_models {
            self.view.card_model_of_name.insert(model.definition.name.clone(), *id);
        }
        for (id, organization) in &self.view.organizations {
            self.view.organization_of_name.insert(organization.name.clone(), *id);
        }
        for (id, project) in &self.view.projects {
            self.view.project_of_name.insert((project.organization, project.name.clone()), *id);
        }
        for (id, token) in &self.view.tokens {
            self.view.token_of_digest.insert(token.digest, *id);
        }
        for (id, user) in &self.view.users {
            self.view.user_of_name.insert(user.name.clone(), *id);
            user.organization.iter().for_each(|organization| self.view.shares.join(*organization, *id));
        }
        for (id, node) in &self.view.nodes {
            self.view.node_of_name.insert(node.name.clone(), *id);
            self.view.cluster.add_node(node.spec.clone());
        }
        for (id, class) in &self.view.classes {
            self.class_of_key.insert(class.key, *id);
        }
        let view = &mut self.view;
        for (id, attempt) in &view.attempts {
            self.plan.begin(*id, &attempt.allocation, attempt.ends(&self.jobs[&id.job]), attempt.run());
            view.cluster.claim(&attempt.allocation);
            view.shares.share(attempt.organization).held.0 += attempt.allocation.cards().0;
        }
        self.view.rebuild_quotas();
        self.view.rebuild_sources();
        self.dues = Dues::of(&self.view);
        // Draining nodes and unusable cards keep what they hold: claimed first, closed after.
        for (id, node) in &self.view.nodes {
            self.view.cluster.set_unusable(*id, node.unusable_bits());
            if node.draining {
                self.view.cluster.set_state(*id, NodeState::Draining);
            }
        }
        self.learn_mix_anew();
        self.queue = self.lined_up();
        let ids: Vec<JobId> = self.jobs.keys().copied().collect();
        ids.into_iter().for_each(|id| self.index_job(id));
    }

    /// Every key of the state, in order.
    pub fn keys(&self) -> impl Iterator<Item = EntityKey> + '_ {
        std::iter::once(EntityKey::Center)
            .chain(self.view.card_models.keys().copied().map(EntityKey::CardModel))
            .chain(self.view.pools.keys().copied().map(EntityKey::Pool))
            .chain(self.view.nodes.keys().copied().map(EntityKey::Node))
            .chain(self.view.organizations.keys().copied().map(EntityKey::Organization))
            .chain(self.view.projects.keys().copied().map(EntityKey::Project))
            .chain(self.view.quotas.keys().copied().map(EntityKey::Quota))
            .chain(self.view.users.keys().copied().map(EntityKey::User))
            .chain(self.view.tokens.keys().copied().map(EntityKey::Token))
            .chain(self.view.ledger.accounts.keys().copied().map(EntityKey::Account))
            .chain(self.view.adjustments.keys().copied().map(EntityKey::Adjustment))
            .chain(self.view.ledger.agreements.keys().copied().map(EntityKey::Agreement))
            .chain(self.view.amendments.keys().copied().map(EntityKey::Amendments))
            .chain(self.view.ledger.programmes.keys().copied().map(EntityKey::Programme))
            .chain(self.view.ledger.vouchers.keys().copied().map(EntityKey::Voucher))
            .chain(self.view.classes.keys().copied().map(EntityKey::Class))
            .chain(self.view.shares.keys().map(|(organization, user)| EntityKey::Used(organization, user)))
            .chain(self.view.history.keys().map(EntityKey::History))
            .chain(self.plan.promises().map(|(job, _)| EntityKey::Promise(job)))
            .chain(self.jobs.keys().copied().map(EntityKey::Job))
            .chain(self.view.attempts.keys().copied().map(EntityKey::Attempt))
    }

    /// The digest of the canonical encoding of all stored things.
    pub fn digest(&self) -> Digest {
        let mut all = String::new();
        for key in self.keys() {
            all.push_str(&format!("{key:?} {}\n", self.encode(key).expect("a key of the state has a thing")));
        }
        Digest::of(all.as_bytes())
    }

    /// The things that a fact is about to change.
    pub(crate) fn touched(fact: &Fact, state: &State, keys: &mut BTreeSet<EntityKey>) {
        keys.extend(state.promises_touched(fact).into_iter().map(EntityKey::Promise));
        match fact {
            Fact::LeadershipTaken { .. } | Fact::CenterNamed { .. } | Fact::PolicySet { .. } => {
                _ = keys.insert(EntityKey::Center)
            }
            Fact::CardModelSet { id, .. } => _ = keys.insert(EntityKey::CardModel(*id)),
            Fact::PoolAdded { id, .. } => _ = keys.insert(EntityKey::Pool(*id)),
            Fact::NodeAdded { spec, .. } => _ = keys.insert(EntityKey::Node(spec.id)),
            Fact::NodeSet { id, .. } | Fact::CardsSet { id, .. } => _ = keys.insert(EntityKey::Node(*id)),
            Fact::OrganizationSet { id, .. } => {
                keys.extend([EntityKey::Organization(*id), EntityKey::Account(*id)]);
            }
            Fact::ProjectAdded { id, .. } => _ = keys.insert(EntityKey::Project(*id)),
            Fact::QuotaSet { id, .. } => _ = keys.insert(EntityKey::Quota(*id)),
            Fact::UserAdded { id, .. } => _ = keys.insert(EntityKey::User(*id)),
            Fact::TokenIssued { id, .. } => keys.extend([EntityKey::Center, EntityKey::Token(*id)]),
            Fact::TokenRevoked { id } => _ = keys.insert(EntityKey::Token(*id)),
            Fact::Posted { transaction, .. } => {
                keys.extend([EntityKey::Center, EntityKey::Account(transaction.organization)]);
                keys.extend(transaction.postings.iter().filter_map(|posting| entity_of(posting.account)));
                if let TransactionKind::CashOut { voucher, .. } = transaction.kind {
                    keys.insert(EntityKey::Voucher(voucher));
                }
                if let TransactionKind::Adjustment { adjustment, .. } = transaction.kind {
                    keys.insert(EntityKey::Adjustment(adjustment));
                }
            }
            Fact::AdjustmentProposed { id, .. } => keys.extend([EntityKey::Center, EntityKey::Adjustment(*id)]),
            Fact::AdjustmentRejected { id, .. } => _ = keys.insert(EntityKey::Adjustment(*id)),
            Fact::AgreementSet { id, .. } => {
                keys.extend([EntityKey::Center, EntityKey::Agreement(*id), EntityKey::Amendments(*id)]);
            }
            Fact::AgreementSigned { id, .. } | Fact::AgreementBegun { id } | Fact::AgreementClosed { id } => {
                keys.insert(EntityKey::Agreement(*id));
            }
            Fact::ProgrammeSet { id, .. } => _ = keys.insert(EntityKey::Programme(*id)),
            Fact::VoucherClaimed { id, .. } => keys.extend([EntityKey::Center, EntityKey::Voucher(*id)]),
            Fact::VoucherIssued { id, .. }
            | Fact::VoucherRejected { id, .. }
            | Fact::VoucherRevoked { id, .. }
            | Fact::VoucherClosed { id } => _ = keys.insert(EntityKey::Voucher(*id)),
            Fact::ClassAdded { id, .. } => keys.extend([EntityKey::Center, EntityKey::Class(*id)]),
            Fact::JobSubmitted { id, class, .. } => {
                keys.extend([EntityKey::Center, EntityKey::Class(*class), EntityKey::Job(*id)]);
            }
            Fact::PromiseMade { .. } | Fact::PromiseWithdrawn { .. } => {}
            Fact::ClassBlocked { class, .. } => _ = keys.insert(EntityKey::Class(*class)),
            Fact::JobDue { job } | Fact::JobCancelled { job, .. } | Fact::ElementCancelled { job, .. } => {
                keys.insert(EntityKey::Job(*job));
            }
            Fact::AttemptPlaced { attempt, funding, .. } => {
                keys.extend(funding.iter().flat_map(entities_of));
                let job = &state.jobs[&attempt.job];
                keys.extend([EntityKey::Class(job.class), EntityKey::Account(job.organization)]);
                keys.extend([EntityKey::Job(attempt.job), EntityKey::Attempt(*attempt)]);
                keys.extend([None, Some(job.user)].map(|user| EntityKey::Used(job.organization, user)));
            }
            Fact::AttemptStarted { attempt, .. } | Fact::AttemptEnded { attempt, .. } => {
                if let (Fact::AttemptEnded { .. }, Some(entry)) = (fact, state.view.attempts.get(attempt)) {
                    keys.extend([None, Some(entry.user)].map(|user| EntityKey::Used(entry.organization, user)));
                    let changed = History::keys_of(entry.similar, entry.allocation.cards());
                    keys.extend(changed.map(EntityKey::History));
                    keys.extend(entry.funding.iter().flat_map(entities_of));
                }
                keys.insert(EntityKey::Account(state.jobs[&attempt.job].organization));
                keys.extend([EntityKey::Job(attempt.job), EntityKey::Attempt(*attempt)]);
            }
            Fact::AttemptStopping { attempt } => {
                keys.extend([EntityKey::Job(attempt.job), EntityKey::Attempt(*attempt)]);
            }
            Fact::JobEnded { job, .. } => {
                keys.extend([EntityKey::Class(state.jobs[job].class), EntityKey::Job(*job)]);
                keys.extend(state.dependents.get(job).into_iter().flatten().copied().map(EntityKey::Job));
            }
        }
    }
}

/// What holds the balance of an account, besides the organization's own.
fn entity_of(account: LedgerAccount) -> Option<EntityKey> {
    match account {
        LedgerAccount::Agreement(id) => Some(EntityKey::Agreement(id)),
        LedgerAccount::Voucher(id) => Some(EntityKey::Voucher(id)),
        LedgerAccount::Sponsor(id) => Some(EntityKey::Programme(id)),
        LedgerAccount::Prepaid(_) | LedgerAccount::Receivable(_) | LedgerAccount::Revenue | LedgerAccount::Cash => None,
    }
}

/// What something is held of for a portion, besides the organization's own account.
fn entities_of(portion: &Portion) -> impl Iterator<Item = EntityKey> {
    let agreement = match portion.payer {
        Payer::Agreement(id) => Some(EntityKey::Agreement(id)),
        Payer::Prepaid => None,
    };
    agreement.into_iter().chain(portion.voucher.map(|share| EntityKey::Voucher(share.voucher)))
}

fn text<T: Serialize>(thing: &T) -> String {
    serde_json::to_string(thing).expect("what is stored is plain data")
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str(body)
}
