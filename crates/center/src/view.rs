//! What can be seen of a center at a glance: its nodes, tenants, accounts, classes and what runs. No waiting job.
//!
//! The state holds one, and decides by it; readers hold another, folded from committed facts by the same code.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::{
    AdjustmentId, AgreementId, AttemptId, CardMillis, CardModelId, ClassId, Currency, Digest, Epoch, JobId, JobState,
    Money, NodeId, OrganizationId, Phrase, Policy, PoolId, ProjectId, Quota, QuotaId, QuotaLevel, QuotaScope, TokenId,
    UserId, VoucherId, WaitReason, both,
};
use haina_ledger::{
    Account, Agreement, AgreementStage, Chain, Ledger, Programme, TransactionKind, Voucher, VoucherStage,
};
use haina_scheduler::{Blocker, ClassKey, Cluster, Exceeded, History, Mix, NodeState, QuotaPath, Quotas, Shares};

use crate::{
    Adjustment, Amendment, Attempt, CardModel, Center, Class, Fact, Job, Node, Organization, Pool, Project,
    ScopedQuota, Token, User,
};

/// What an organization may pay with besides its account.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sources {
    /// Agreements that were signed, also those that are over: what they say of their end holds on.
    pub agreements: BTreeSet<AgreementId>,
    /// Vouchers that were issued and are not closed.
    pub vouchers: BTreeSet<VoucherId>,
}

/// The view.
#[derive(Clone)]
#[expect(missing_docs, reason = "the fields are the things, by id or by name")]
pub struct View {
    pub center: Center,
    pub card_models: BTreeMap<CardModelId, CardModel>,
    pub pools: BTreeMap<PoolId, Pool>,
    pub nodes: BTreeMap<NodeId, Node>,
    pub organizations: BTreeMap<OrganizationId, Organization>,
    pub projects: BTreeMap<ProjectId, Project>,
    pub quotas: BTreeMap<QuotaId, ScopedQuota>,
    pub users: BTreeMap<UserId, User>,
    pub tokens: BTreeMap<TokenId, Token>,
    pub ledger: Ledger,
    /// Those that wait for approval.
    pub adjustments: BTreeMap<AdjustmentId, Adjustment>,
    /// The history of agreements.
    pub amendments: BTreeMap<AgreementId, Vec<Amendment>>,
    pub classes: BTreeMap<ClassId, Class>,
    pub attempts: BTreeMap<AttemptId, Attempt>,

    pub cluster: Cluster,
    pub shares: Shares,
    pub held: Quotas,
    pub history: History,
    pub organization_of_name: BTreeMap<String, OrganizationId>,
    pub project_of_name: BTreeMap<(OrganizationId, String), ProjectId>,
    pub quota_of_scope: BTreeMap<QuotaScope, QuotaId>,
    pub user_of_name: BTreeMap<String, UserId>,
    pub pool_of_name: BTreeMap<String, PoolId>,
    pub card_model_of_name: BTreeMap<String, CardModelId>,
    pub node_of_name: BTreeMap<String, NodeId>,
    pub token_of_digest: BTreeMap<Digest, TokenId>,
    pub sources: BTreeMap<OrganizationId, Sources>,
}

impl Default for View {
    fn default() -> Self {
        View::new()
    }
}

impl View {
    /// Of a center that does not exist yet.
    pub fn new() -> View {
        View {
            center: Center {
                name: String::new(),
                currency: Currency::CNY,
                epoch: Epoch(0),
                next_job: JobId(1),
                next_class: ClassId(1),
                next_token: TokenId(1),
                last_adjustment: AdjustmentId(0),
                last_agreement: AgreementId(0),
                last_voucher: VoucherId(0),
                revenue: None,
                cash: None,
                chain: Chain::default(),
                policy: Policy::default(),
            },
            card_models: BTreeMap::new(),
            pools: BTreeMap::new(),
            nodes: BTreeMap::new(),
            organizations: BTreeMap::new(),
            projects: BTreeMap::new(),
            quotas: BTreeMap::new(),
            users: BTreeMap::new(),
            tokens: BTreeMap::new(),
            ledger: Ledger::default(),
            adjustments: BTreeMap::new(),
            amendments: BTreeMap::new(),
            classes: BTreeMap::new(),
            attempts: BTreeMap::new(),
            cluster: Cluster::new(),
            shares: Shares::default(),
            held: Quotas::default(),
            history: History::default(),
            organization_of_name: BTreeMap::new(),
            project_of_name: BTreeMap::new(),
            quota_of_scope: BTreeMap::new(),
            user_of_name: BTreeMap::new(),
            pool_of_name: BTreeMap::new(),
            card_model_of_name: BTreeMap::new(),
            node_of_name: BTreeMap::new(),
            token_of_digest: BTreeMap::new(),
            sources: BTreeMap::new(),
        }
    }

    /// A copy for readers. They place nothing, so that it does not keep what placement goes by.
    pub fn for_readers(&self) -> View {
        let mut view = self.clone();
        view.cluster.set_mix(&Mix::default());
        view
    }

    /// Applies a fact. Cannot fail: what could be wrong was refused before.
    pub fn evolve(&mut self, fact: &Fact) {
        match fact {
            Fact::LeadershipTaken { epoch } => self.center.epoch = *epoch,
            Fact::CenterNamed { name, currency } => {
                self.center.name = name.clone();
                self.center.currency = *currency;
            }
            Fact::CardModelSet { id, definition, price_version } => {
                self.card_model_of_name.insert(definition.name.clone(), *id);
                let model = CardModel { definition: definition.clone(), price_version: *price_version };
                self.card_models.insert(*id, model);
            }
            Fact::PoolAdded { id, name } => {
                self.pool_of_name.insert(name.clone(), *id);
                self.pools.insert(*id, Pool { name: name.clone() });
            }
            Fact::NodeAdded { name, spec } => {
                self.node_of_name.insert(name.clone(), spec.id);
                self.cluster.add_node(spec.clone());
                let (name, spec, reason) = (name.clone(), spec.clone(), String::new());
                let node = Node { name, spec: spec.clone(), draining: false, reason, unusable: Vec::new() };
                self.nodes.insert(spec.id, node);
            }
            Fact::NodeSet { id, draining, reason } => {
                let node = self.nodes.get_mut(id).expect("a fact names a node that exists");
                node.draining = *draining;
                node.reason = reason.clone();
                self.cluster.set_state(*id, if *draining { NodeState::Draining } else { NodeState::Available });
            }
            Fact::CardsSet { id, unusable } => {
                let node = self.nodes.get_mut(id).expect("a fact names a node that exists");
                node.unusable = unusable.clone();
                self.cluster.set_unusable(*id, node.unusable_bits());
            }
            Fact::PolicySet { policy } => self.center.policy = *policy,
            Fact::OrganizationSet { id, name, title, card_limit, suspended, entitlement, kind, qualifications } => {
                self.organization_of_name.insert(name.clone(), *id);
                let (name, title) = (name.clone(), title.clone());
                let (card_limit, suspended, entitlement) = (*card_limit, *suspended, *entitlement);
                let (kind, qualifications) = (*kind, qualifications.clone());
                let organization =
                    Organization { name, title, card_limit, suspended, entitlement, kind, qualifications };
                let before = self.organizations.insert(*id, organization);
                if before.and_then(|before| before.card_limit) != card_limit {
                    self.limit_organization(*id, card_limit);
                }
                self.entitle(*id);
                let currency = self.center.currency;
                self.ledger.accounts.entry(*id).or_insert_with(|| Account::new(currency));
            }
            Fact::ProjectAdded { id, name, organization, parent } => {
                let mut lineage = parent.map_or(Vec::new(), |parent| self.projects[&parent].lineage.clone());
                lineage.push(*id);
                self.project_of_name.insert((*organization, name.clone()), *id);
                self.projects.insert(*id, Project { name: name.clone(), organization: *organization, lineage });
            }
            Fact::QuotaSet { id, set } => {
                self.quota_of_scope.insert(set.scope, *id);
                self.quotas.insert(*id, *set);
                self.held.set(set.scope, set.quota, self.held_within(&set.scope));
                let is_aside =
                    set.scope.user.is_some() || (set.scope.pool.is_none() && set.scope.organization.is_some());
                if !is_aside {
                    self.recount_quotas();
                }
                set.scope.organization.into_iter().for_each(|organization| self.entitle(organization));
            }
            Fact::UserAdded { id, name, role, organization } => {
                self.user_of_name.insert(name.clone(), *id);
                organization.iter().for_each(|organization| self.shares.join(*organization, *id));
                self.users.insert(*id, User { name: name.clone(), role: *role, organization: *organization });
            }
            Fact::TokenIssued { id, user, digest, label, expires } => {
                let token = Token { user: *user, digest: *digest, label: label.clone(), expires: *expires };
                self.tokens.insert(*id, token);
                self.token_of_digest.insert(*digest, *id);
                self.center.next_token = TokenId(id.0 + 1);
            }
            Fact::TokenRevoked { id } => {
                if let Some(token) = self.tokens.remove(id) {
                    self.token_of_digest.remove(&token.digest);
                }
            }
            Fact::Posted { transaction, seal } => {
                if let TransactionKind::Adjustment { adjustment, .. } = transaction.kind {
                    self.adjustments.remove(&adjustment);
                }
                self.ledger.post(transaction, *seal);
            }
            Fact::AdjustmentProposed { id, adjustment } => {
                self.adjustments.insert(*id, adjustment.clone());
                self.center.last_adjustment = *id;
            }
            Fact::AdjustmentRejected { id, .. } => _ = self.adjustments.remove(id),
            Fact::AgreementSet { .. }
            | Fact::AgreementSigned { .. }
            | Fact::AgreementBegun { .. }
            | Fact::AgreementClosed { .. }
            | Fact::ProgrammeSet { .. }
            | Fact::VoucherClaimed { .. }
            | Fact::VoucherIssued { .. }
            | Fact::VoucherRejected { .. }
            | Fact::VoucherRevoked { .. }
            | Fact::VoucherClosed { .. } => self.agreed(fact),
            Fact::ClassAdded { id, key } => {
                let class = Class { key: *key, reason: None, reason_since: Default::default(), jobs: 0 };
                self.classes.insert(*id, class);
                self.center.next_class = ClassId(id.0 + 1);
            }
            Fact::JobSubmitted { id, class, .. } => {
                self.class(*class).jobs += 1;
                self.center.next_job = JobId(id.0 + 1);
            }
            Fact::ClassBlocked { class, reason, at } => {
                let class = self.class(*class);
                class.reason = Some(reason.clone());
                class.reason_since = *at;
            }
            Fact::AttemptPlaced { .. } | Fact::AttemptStarted { .. } | Fact::AttemptEnded { .. } => self.attempt(fact),
            Fact::AttemptStopping { attempt } => {
                self.attempts.get_mut(attempt).expect("a fact names an attempt that has not ended").stopping = true;
            }
            Fact::JobDue { .. }
            | Fact::JobCancelled { .. }
            | Fact::ElementCancelled { .. }
            | Fact::PromiseMade { .. }
            | Fact::PromiseWithdrawn { .. } => {}
            Fact::JobEnded { class: id, .. } => {
                let class = self.class(*id);
                class.jobs -= 1;
                if class.jobs == 0 {
                    self.classes.remove(id);
                }
            }
        }
    }

    fn attempt(&mut self, fact: &Fact) {
        match fact {
            Fact::AttemptPlaced {
                attempt,
                organization,
                class,
                allocation,
                hold,
                price_per_card_hour,
                price_version,
                at,
                user,
                project,
                predicted,
                similar,
                funding,
            } => {
                self.cluster.claim(allocation);
                match funding.is_empty() {
                    true => self.account(*organization).take_hold(*hold),
                    false => self.ledger.take_holds(*organization, funding),
                }
                self.class(*class).reason = None;
                let entry = Attempt {
                    organization: *organization,
                    allocation: allocation.clone(),
                    placed: *at,
                    started: None,
                    stopping: false,
                    hold: *hold,
                    price_per_card_hour: *price_per_card_hour,
                    price_version: *price_version,
                    user: *user,
                    project: *project,
                    predicted: *predicted,
                    similar: *similar,
                    funding: funding.clone(),
                };
                self.shares.begin(&entry.attempted());
                let path = quota_path(&self.nodes, &self.projects, &entry);
                let free = CardMillis(self.cards_free(path.pool).0 + allocation.cards().0);
                let admitted = self.held.admits(&path, allocation.cards(), free);
                assert_eq!(admitted, Ok(()), "no admission makes a quota exceeded");
                self.held.hold(&path, allocation.cards());
                self.attempts.insert(*attempt, entry);
            }
            Fact::AttemptStarted { attempt, at } => {
                let entry = self.attempts.get_mut(attempt).expect("a fact names an attempt that has not ended");
                entry.started = Some(*at);
                let (price, cards, payer) = (entry.price_per_card_hour, entry.allocation.cards(), entry.organization);
                self.account(payer).accrual.begin(price, cards, *at);
            }
            Fact::AttemptEnded { attempt, state, started, ended, .. } => {
                let entry = self.attempts.remove(attempt).expect("a fact names an attempt that has not ended");
                self.cluster.release(&entry.allocation);
                let cards = entry.allocation.cards();
                self.held.release(&quota_path(&self.nodes, &self.projects, &entry), cards);
                self.shares.end(&entry.attempted(), cards.used_for(ended.since(entry.placed)), *ended);
                if let (Some(started), JobState::Succeeded | JobState::Failed) = (started, state) {
                    self.history.learn(entry.similar, cards, ended.since(*started));
                }
                match entry.funding.is_empty() {
                    true => self.account(entry.organization).release_hold(entry.hold),
                    false => self.ledger.release_holds(entry.organization, &entry.funding),
                }
                let account = self.account(entry.organization);
                if let Some(started) = entry.started {
                    account.accrual.end(entry.price_per_card_hour, entry.allocation.cards(), started);
                }
            }
            _ => unreachable!("called for facts about attempts only"),
        }
    }

    /// What is agreed with organizations, and given to them.
    fn agreed(&mut self, fact: &Fact) {
        match fact {
            Fact::AgreementSet { id, organization, version, terms, by, at, reason } => {
                let (version, by, at) = (*version, *by, *at);
                let amendment = Amendment { version, terms: terms.clone(), by, at, reason: reason.clone() };
                self.amendments.entry(*id).or_default().push(amendment);
                let currency = self.center.currency;
                let draft = || Agreement::draft(*organization, terms.clone(), currency);
                let agreement = self.ledger.agreements.entry(*id).or_insert_with(draft);
                (agreement.version, agreement.terms) = (version, terms.clone());
                self.center.last_agreement = self.center.last_agreement.max(*id);
            }
            Fact::AgreementSigned { id, .. } => {
                self.agreement(id).stage = AgreementStage::Signed;
                let organization = self.agreement(id).organization;
                self.sources.entry(organization).or_default().agreements.insert(*id);
            }
            Fact::AgreementBegun { id } => self.agreement(id).stage = AgreementStage::Begun,
            Fact::AgreementClosed { id } => self.agreement(id).stage = AgreementStage::Closed,
            Fact::ProgrammeSet { id, version, rules, .. } => {
                let programme = self.ledger.programmes.entry(*id).or_insert_with(|| Programme::new(rules.clone()));
                (programme.version, programme.rules) = (*version, rules.clone());
            }
            Fact::VoucherClaimed { id, voucher } => {
                self.ledger.vouchers.insert(*id, voucher.clone());
                self.center.last_voucher = *id;
            }
            Fact::VoucherIssued { id, at, expires, share_of_charge, pool, .. } => {
                let voucher = self.voucher(id);
                (voucher.stage, voucher.issued, voucher.expires) = (VoucherStage::Issued, Some(*at), Some(*expires));
                (voucher.share_of_charge, voucher.pool) = (*share_of_charge, *pool);
                let organization = voucher.organization;
                self.sources.entry(organization).or_default().vouchers.insert(*id);
            }
            Fact::VoucherRejected { id, .. } => self.voucher(id).stage = VoucherStage::Rejected,
            Fact::VoucherRevoked { id, at, .. } => {
                let voucher = self.voucher(id);
                (voucher.revoked, voucher.expires) = (true, voucher.expires.map(|expires| expires.min(*at)));
            }
            Fact::VoucherClosed { id } => {
                let voucher = self.voucher(id);
                voucher.stage = if voucher.revoked { VoucherStage::Revoked } else { VoucherStage::Expired };
                let organization = voucher.organization;
                let sources = self.sources.entry(organization).or_default();
                sources.vouchers.remove(id);
                if *sources == Sources::default() {
                    self.sources.remove(&organization);
                }
            }
            _ => unreachable!("called for facts about agreements and vouchers only"),
        }
    }

    fn agreement(&mut self, id: &AgreementId) -> &mut Agreement {
        self.ledger.agreements.get_mut(id).expect("a fact names an agreement that exists")
    }

    fn voucher(&mut self, id: &VoucherId) -> &mut Voucher {
        self.ledger.vouchers.get_mut(id).expect("a fact names a voucher that exists")
    }

    /// Derives what organizations may pay with, after agreements and vouchers were loaded.
    pub(crate) fn rebuild_sources(&mut self) {
        self.sources.clear();
        let signed = self.ledger.agreements.iter().filter(|(_, agreement)| agreement.stage != AgreementStage::Draft);
        for (id, agreement) in signed {
            self.sources.entry(agreement.organization).or_default().agreements.insert(*id);
        }
        let issued = self.ledger.vouchers.iter().filter(|(_, voucher)| voucher.stage == VoucherStage::Issued);
        for (id, voucher) in issued {
            self.sources.entry(voucher.organization).or_default().vouchers.insert(*id);
        }
    }

    /// The price of a card-hour on cards of this model, and its version; nothing without cards.
    pub fn price(&self, model: Option<CardModelId>) -> (Money, u32) {
        match model.map(|model| &self.card_models[&model]) {
            Some(model) => (model.definition.price_per_card_hour, model.price_version),
            None => (Money::zero(self.center.currency), 0),
        }
    }

    /// Whom the cards of a class's jobs are counted for, if this user submitted them.
    pub fn quota_path(&self, key: &ClassKey, user: UserId) -> QuotaPath<'_> {
        self.path(key.demand.pool, key.organization, key.project, user)
    }

    pub(crate) fn path(
        &self,
        pool: PoolId,
        organization: OrganizationId,
        project: Option<ProjectId>,
        user: UserId,
    ) -> QuotaPath<'_> {
        let projects = project.map_or(&[][..], |project| &self.projects[&project].lineage);
        QuotaPath { pool, organization, projects, user }
    }

    /// Whether the quotas let a job of a class start, if this user submitted it.
    ///
    /// # Errors
    /// The widest quota that does not.
    pub fn admits(&self, key: &ClassKey, user: UserId) -> Result<(), Exceeded> {
        let path = self.quota_path(key, user);
        self.held.admits(&path, crate::cards_of(&key.demand), self.cards_free(path.pool))
    }

    /// The quota that keeps a job from starting, if one does, and what it waits for then.
    pub(crate) fn quota_reason(&self, job: &Job) -> Option<(WaitReason, Blocker)> {
        let key = &self.classes[&job.class].key;
        let Exceeded { scope, limit, held, kept } = self.admits(key, job.user).err()?;
        let (asked, level, in_pool) = (crate::cards_of(&key.demand), scope.level(), scope.pool.is_some());
        let blocker = match level {
            QuotaLevel::Center | QuotaLevel::Pool => Blocker::Pool,
            QuotaLevel::Organization | QuotaLevel::Project => Blocker::Account,
            QuotaLevel::User => Blocker::User,
        };
        Some((WaitReason::Quota { limit, held, asked, level, in_pool, kept }, blocker))
    }

    /// Who holds cards within a scope, for people.
    pub fn holder(&self, scope: &QuotaScope) -> Phrase {
        let pool = scope.pool.map(|pool| &self.pools[&pool].name);
        let organization = scope.organization.map(|id| &*self.organizations[&id].name).unwrap_or_default();
        let project = scope.project.map(|id| &*self.projects[&id].name).unwrap_or_default();
        let user = scope.user.map(|id| &*self.users[&id].name).unwrap_or_default();
        let (english, chinese) = match (scope.level(), scope.project) {
            (QuotaLevel::Center, _) => return both("the center", "本中心"),
            (QuotaLevel::Pool, _) => {
                let name = pool.map(String::as_str).unwrap_or_default();
                return both(format!("pool {name}"), format!("资源池 {name}"));
            }
            (QuotaLevel::Organization, _) => (organization.to_owned(), format!(" {organization} ")),
            (QuotaLevel::Project, _) => {
                (format!("project {project} of {organization}"), format!(" {organization} 的项目 {project} "))
            }
            (QuotaLevel::User, None) => {
                (format!("user {user} of {organization}"), format!(" {organization} 的用户 {user} "))
            }
            (QuotaLevel::User, Some(_)) => (
                format!("user {user} of project {project} of {organization}"),
                format!(" {organization} 的项目 {project} 中的用户 {user} "),
            ),
        };
        match pool {
            None => both(english, chinese),
            Some(pool) => both(format!("{english} in pool {pool}"), format!("{chinese}在资源池 {pool} 中")),
        }
    }

    /// What is free of the cards of a pool that take work.
    pub fn cards_free(&self, pool: PoolId) -> CardMillis {
        let models = self.cluster.card_models(pool);
        CardMillis(models.map(|model| self.cluster.totals(pool, model).free.0).sum())
    }

    /// What an organization is entitled to when others compete with it: over all pools, or in each as quotas say, if that is
    /// more.
    fn entitle(&mut self, id: OrganizationId) {
        let of_own = |(scope, ..): &(QuotaScope, Quota, CardMillis)| {
            scope.organization == Some(id) && scope.level() == QuotaLevel::Organization
        };
        let in_pools = self.held.iter().filter(of_own).map(|(_, quota, _)| quota.guaranteed.0).sum();
        let mut entitlement = self.organizations[&id].entitlement;
        entitlement.guaranteed = entitlement.guaranteed.max(CardMillis(in_pools));
        self.shares.share(id).entitlement = entitlement;
    }

    fn limit_organization(&mut self, id: OrganizationId, limit: Option<CardMillis>) {
        let scope = QuotaScope { organization: Some(id), ..QuotaScope::default() };
        self.held.set(scope, Quota { limit, ..Quota::default() }, self.shares.held(id));
    }

    fn held_within(&self, scope: &QuotaScope) -> CardMillis {
        let path = |attempt: &Attempt| quota_path(&self.nodes, &self.projects, attempt).is_within(scope);
        let within = self.attempts.values().filter(|attempt| path(attempt));
        CardMillis(within.map(|attempt| attempt.allocation.cards().0).sum())
    }

    fn recount_quotas(&mut self) {
        let (nodes, projects) = (&self.nodes, &self.projects);
        let held = self.attempts.values();
        let held = held.map(|attempt| (quota_path(nodes, projects, attempt), attempt.allocation.cards()));
        self.held.recount(|project| &projects[&project].lineage, held);
    }

    /// Derives what is held within quotas, after attempts and quotas were loaded.
    pub(crate) fn rebuild_quotas(&mut self) {
        let limits: Vec<_> = self.organizations.iter().map(|(id, entry)| (*id, entry.card_limit)).collect();
        limits.iter().for_each(|(id, limit)| self.limit_organization(*id, *limit));
        for (id, set) in &self.quotas {
            self.quota_of_scope.insert(set.scope, *id);
            self.held.set(set.scope, set.quota, CardMillis(0));
        }
        self.recount_quotas();
        limits.into_iter().for_each(|(id, _)| self.entitle(id));
    }

    /// Cards that an organization holds.
    pub fn cards_held(&self, organization: OrganizationId) -> CardMillis {
        self.shares.held(organization)
    }

    /// The attempts of one job that have not ended.
    pub fn attempts_of(&self, job: JobId) -> impl Iterator<Item = (AttemptId, &Attempt)> {
        let from = AttemptId { job, in_array: false, element: 0, number: 0 };
        let to = AttemptId { job, in_array: true, element: u32::MAX, number: u16::MAX };
        self.attempts.range(from..=to).map(|(id, attempt)| (*id, attempt))
    }

    /// What a job is, as a whole, judged by its attempts that have not ended; `waiting` if there are none.
    pub fn live_state(&self, job: JobId) -> JobState {
        let mut state = JobState::Waiting;
        for (_, attempt) in self.attempts_of(job) {
            state = match (attempt.stopping, attempt.started) {
                (false, Some(_)) => return JobState::Running,
                (true, _) => JobState::Stopping,
                (false, None) if state == JobState::Stopping => JobState::Stopping,
                (false, None) => JobState::Starting,
            };
        }
        state
    }

    fn class(&mut self, id: ClassId) -> &mut Class {
        self.classes.get_mut(&id).expect("a fact names a class that exists")
    }

    fn account(&mut self, organization: OrganizationId) -> &mut Account {
        self.ledger.accounts.get_mut(&organization).expect("an organization has an account")
    }
}

/// Whom the cards of an attempt are counted for.
fn quota_path<'a>(
    nodes: &BTreeMap<NodeId, Node>,
    projects: &'a BTreeMap<ProjectId, Project>,
    attempt: &Attempt,
) -> QuotaPath<'a> {
    let share = attempt.allocation.shares.first().expect("an attempt holds at least one node");
    QuotaPath {
        pool: nodes[&share.node].spec.pool,
        organization: attempt.organization,
        projects: attempt.project.map_or(&[], |project| &projects[&project].lineage),
        user: attempt.user,
    }
}
