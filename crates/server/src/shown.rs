//! Small things as they are shown.

use haina_api::{
    Account, CardModel, Moment, Node, NodeCardUnusable, Organization, Pool, Project, QuotaState, Token, User,
    show_cards,
};
use haina_center::View;
use haina_core::{
    CardMillis, CpuMillis, Milliseconds, Money, NodeId, OrganizationId, ProjectId, Quota, QuotaLevel, QuotaScope,
    Timestamp, UserId,
};

/// Processor cores.
pub fn cpus(cpu: CpuMillis) -> f64 {
    cpu.0 as f64 / 1000.0
}

/// Seconds.
pub fn seconds(length: Milliseconds) -> f64 {
    length.0 as f64 / 1000.0
}

/// A node.
pub fn node(view: &View, id: NodeId) -> Option<Node> {
    let node = view.nodes.get(&id)?;
    let status = view.cluster.node(id)?;
    let model = node.spec.card_model.map(|model| &view.card_models[&model].definition);
    let usable = |card: u8, free| if status.unusable >> card & 1 == 0 { free } else { CardMillis(0) };
    let unusable = node.unusable.iter();
    let unusable = unusable.map(|card| NodeCardUnusable { index: card.index.into(), reason: card.reason.clone() });
    Some(Node {
        id: id.to_string(),
        name: node.name.clone(),
        pool: view.pools[&node.spec.pool].name.clone(),
        state: if node.draining { "draining" } else { "available" }.to_owned(),
        reason: (!node.reason.is_empty()).then(|| node.reason.clone()),
        card_model: model.map(|model| model.name.clone()),
        cards: node.spec.cards,
        cards_allocated: show_cards(status.allocated),
        cards_free: (0..).zip(status.cards_free()).map(|(card, free)| show_cards(usable(card, free))).collect(),
        cards_unusable: unusable.collect(),
        cpus: cpus(node.spec.cpu),
        cpus_free: cpus(status.cpu_free),
        memory_bytes: node.spec.memory.0,
        memory_free_bytes: status.memory_free.0,
        simulated: model.is_some_and(|model| model.simulated),
        attempts: None,
        real_cards: None,
        confinement: None,
    })
}

/// An account, as of `now`.
pub fn account(view: &View, id: OrganizationId, now: Timestamp) -> Option<Account> {
    let organization = view.organizations.get(&id)?;
    let account = view.ledger.accounts.get(&id)?;
    let money = |micros: i128| Money { micros, currency: view.center.currency };
    let alone = !view.sources.contains_key(&id);
    let is_near = |at: &Timestamp| at.since(now) < Milliseconds(36_525 * 24 * 3_600_000);
    Some(Account {
        id: id.to_string(),
        organization: organization.name.clone(),
        title: organization.title.clone(),
        balance: account.balance.into(),
        held: account.held.into(),
        available: account.available().into(),
        owed: money(account.receivable.map_or(0, |owed| -owed.micros)).into(),
        accrued: money(account.accrual.accrued_micros(now)).into(),
        burn_per_hour: money(account.accrual.burn_micros_per_hour()).into(),
        // What others pay as well does not say when the account is used up.
        exhausted: alone
            .then(|| account.accrual.exhausted_at(account.balance.micros))
            .flatten()
            .filter(is_near)
            .map(Moment),
        cards_held: show_cards(view.cards_held(id)),
        card_limit: organization.card_limit.map(show_cards),
    })
}

/// An organization.
pub fn organization(view: &View, id: OrganizationId) -> Option<Organization> {
    let organization = view.organizations.get(&id)?;
    Some(Organization {
        id: id.to_string(),
        name: organization.name.clone(),
        title: organization.title.clone(),
        card_limit: organization.card_limit.map(show_cards),
        weight: organization.entitlement.weight,
        guaranteed: show_cards(organization.entitlement.guaranteed),
        suspended: organization.suspended,
        kind: organization.kind,
        qualifications: organization.qualifications.iter().map(Into::into).collect(),
    })
}

/// A quota, and what is held within it.
pub fn quota(view: &View, scope: &QuotaScope, quota: Quota, held: CardMillis) -> QuotaState {
    let organization = scope.organization.map(|id| &view.organizations[&id]);
    // What is guaranteed to an organization over all pools is said of the organization itself.
    let of_all_pools = organization.filter(|_| scope.level() == QuotaLevel::Organization && scope.pool.is_none());
    let guaranteed = of_all_pools.map_or(quota.guaranteed, |organization| organization.entitlement.guaranteed);
    QuotaState {
        level: scope.level().word().to_owned(),
        pool: scope.pool.map(|id| view.pools[&id].name.clone()),
        organization: organization.map(|organization| organization.name.clone()),
        project: scope.project.map(|id| view.projects[&id].name.clone()),
        user: scope.user.map(|id| view.users[&id].name.clone()),
        guaranteed: show_cards(guaranteed),
        limit: quota.limit.map(show_cards),
        lendable: show_cards(quota.lendable.unwrap_or(guaranteed)),
        held: show_cards(held),
        borrowed: match guaranteed.0 {
            0 => 0.0,
            _ => show_cards(CardMillis(held.0.saturating_sub(guaranteed.0))),
        },
    }
}

/// A project.
pub fn project(view: &View, id: ProjectId) -> Project {
    let project = &view.projects[&id];
    let parent = project.lineage.iter().rev().nth(1);
    Project {
        id: id.to_string(),
        name: project.name.clone(),
        organization: view.organizations[&project.organization].name.clone(),
        parent: parent.map(|parent| view.projects[parent].name.clone()),
    }
}

/// A user, without its tokens.
pub fn user(view: &View, id: UserId) -> Option<User> {
    let user = view.users.get(&id)?;
    Some(User {
        id: id.to_string(),
        name: user.name.clone(),
        role: user.role,
        organization: user.organization.map(|organization| view.organizations[&organization].name.clone()),
        tokens: Vec::new(),
    })
}

/// The tokens of a user, without their secrets.
pub fn tokens(view: &View, id: UserId) -> Vec<Token> {
    let own = view.tokens.iter().filter(|(_, token)| token.user == id);
    own.map(|(id, token)| Token { id: id.to_string(), label: token.label.clone(), expires: token.expires.map(Moment) })
        .collect()
}

/// The pools, in their order.
pub fn pools(view: &View) -> Vec<Pool> {
    let of_pool = |id| {
        let all = view.cluster.all_totals().filter(move |(pool, _, _)| *pool == id);
        all.fold((0.0, 0.0, 0.0), |sum, (_, _, totals)| {
            let [installed, available, allocated] =
                [totals.installed, totals.available, totals.allocated].map(show_cards);
            (sum.0 + installed, sum.1 + available, sum.2 + allocated)
        })
    };
    let shown = view.pools.iter().map(|(id, pool)| {
        let (installed, available, allocated) = of_pool(*id);
        Pool {
            name: pool.name.clone(),
            cards_installed: installed,
            cards_available: available,
            cards_allocated: allocated,
        }
    });
    shown.collect()
}

/// The kinds of cards.
pub fn card_models(view: &View) -> Vec<CardModel> {
    let models = view.card_models.values().map(|model| &model.definition);
    models
        .map(|model| CardModel {
            name: model.name.clone(),
            vendor: model.vendor.clone(),
            memory_bytes: model.memory.0,
            tflops_fp16: model.tflops_fp16,
            watts: model.watts,
            ring: model.ring,
            fractions: model.fractions,
            simulated: model.simulated,
            price_per_card_hour: model.price_per_card_hour.into(),
        })
        .collect()
}
