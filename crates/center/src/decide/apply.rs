//! The center file, and nodes.

use std::collections::{BTreeMap, BTreeSet};

use haina_core::both;
use haina_core::center_definition::{
    CardModelDefinition, CenterDefinition, NodeDefinition, OrganizationDefinition, UserDefinition,
};
use haina_core::{
    CardMillis, CardModelId, Code, Currency, Kind, Money, NodeId, OrganizationId, Policy, PoolId, Refusal, Role,
    UnusableCard, UserId,
};
use haina_ledger::Transaction;
use haina_scheduler::NodeSpec;

use super::accounts::{check_amount, check_entitlement};
use super::quotas::{self, Known};
use super::{Outcome, check_name, require};
use crate::permission::Owner;
use crate::{Action, Fact, Input, State};

/// Facts for what the file has and the state lacks, or has otherwise. Nothing is ever removed here.
pub fn apply(state: &State, definition: &CenterDefinition) -> Result<Outcome, Refusal> {
    let mut facts = Vec::new();
    let fresh = state.view.pools.is_empty();
    if !fresh && definition.currency != state.view.center.currency {
        let known = state.view.center.currency;
        let rule = both(format!("{known}, as when the center was made"), format!("与建立中心时相同，即 {known}"));
        return Err(Refusal::invalid_value("currency", definition.currency, rule));
    }
    if definition.pools.is_empty() {
        return Err(Refusal::empty("pools", both("at least one pool", "至少一个资源池")));
    }
    if fresh || definition.name != state.view.center.name {
        facts.push(Fact::CenterNamed { name: definition.name.clone(), currency: definition.currency });
    }

    let policy = definition.policy.unwrap_or(state.view.center.policy);
    if fresh || policy != state.view.center.policy {
        facts.push(Fact::PolicySet { policy });
    }

    let mut models = state.view.card_model_of_name.clone();
    for (index, model) in definition.card_models.iter().enumerate() {
        let next = CardModelId(models.len() as u32 + 1);
        let id = *models.entry(model.name.clone()).or_insert(next);
        let again = definition.card_models[..index].iter().any(|other| other.name == model.name);
        let fact =
            if again { Err(twice(Kind::CardModel, &model.name)) } else { card_model(state, definition, id, model) };
        facts.extend(fact.map_err(|refusal| refusal.of_entry("card_models", index))?);
    }
    let mut pools = state.view.pool_of_name.clone();
    for (index, pool) in definition.pools.iter().enumerate() {
        let again = definition.pools[..index].iter().any(|other| other.name == pool.name);
        let checked = if again { Err(twice(Kind::Pool, &pool.name)) } else { check_name("pool", &pool.name) };
        checked.map_err(|refusal| refusal.of_entry("pools", index))?;
        if !pools.contains_key(&pool.name) {
            let id = PoolId(pools.len() as u32 + 1);
            pools.insert(pool.name.clone(), id);
            facts.push(Fact::PoolAdded { id, name: pool.name.clone() });
        }
    }
    let mut nodes = Nodes { state, definition, pools: &pools, models: &models, known: state.view.node_of_name.clone() };
    for (index, node) in definition.nodes.iter().enumerate() {
        let fact = nodes.add(node);
        facts.extend(fact.map_err(|refusal| refusal.with("table", "nodes").with("node", index))?);
    }

    let mut organizations = state.view.organization_of_name.clone();
    let mut named = BTreeSet::new();
    for (index, organization) in definition.organizations.iter().enumerate() {
        let added = match named.insert(&organization.name) {
            true => add_organization(&mut organizations, organization, definition.currency),
            false => Err(twice(Kind::Organization, &organization.name)),
        };
        facts.extend(added.map_err(|refusal| refusal.of_entry("organizations", index))?);
    }
    let mut users = state.view.user_of_name.clone();
    let mut named = BTreeSet::new();
    for (index, user) in definition.users.iter().enumerate() {
        let added = match named.insert(&user.name) {
            true => add_user(&mut users, &organizations, user),
            false => Err(twice(Kind::User, &user.name)),
        };
        facts.extend(added.map_err(|refusal| refusal.of_entry("users", index))?);
    }
    let mut known = Known::of(state);
    known.learn(&facts);
    quotas::apply(&mut known, &definition.projects, &definition.quotas, &mut facts)?;
    Ok(Outcome::done(facts))
}

/// A name of the file that stands there already.
fn twice(kind: Kind, name: &str) -> Refusal {
    Refusal::new(Code::NameTaken).with_phrase("kind", kind.noun()).with("name", name)
}

/// The nodes of a file as they are taken in.
struct Nodes<'a> {
    state: &'a State,
    definition: &'a CenterDefinition,
    pools: &'a BTreeMap<String, PoolId>,
    models: &'a BTreeMap<String, CardModelId>,
    known: BTreeMap<String, NodeId>,
}

impl Nodes<'_> {
    fn add(&mut self, node: &NodeDefinition) -> Result<Option<Fact>, Refusal> {
        let pool = *self.pools.get(&node.pool).ok_or_else(|| Refusal::not_found(Kind::Pool, &node.pool))?;
        let model = match &node.card_model {
            None => None,
            Some(name) => Some(*self.models.get(name).ok_or_else(|| Refusal::not_found(Kind::CardModel, name))?),
        };
        let ring = self.definition.card_models.iter().find(|defined| Some(&defined.name) == node.card_model.as_ref());
        let next = NodeId(self.known.len() as u32 + 1);
        let known = self.known.get(&node.name).copied();
        let spec = node_spec(known.unwrap_or(next), pool, model, ring, node)?;
        match known {
            None => {
                self.known.insert(node.name.clone(), next);
                Ok(Some(Fact::NodeAdded { name: node.name.clone(), spec }))
            }
            Some(id) if self.state.view.nodes.get(&id).is_some_and(|existing| existing.spec == spec) => Ok(None),
            Some(id) if !self.state.view.nodes.contains_key(&id) => Err(twice(Kind::Node, &node.name)),
            Some(_) => {
                let rule = both(
                    "as it was when it was added: a changed node needs a new name",
                    "与添加时相同；有变化的节点需要新的名称",
                );
                Err(Refusal::invalid_value("node", &node.name, rule))
            }
        }
    }
}

fn add_organization(
    known: &mut BTreeMap<String, OrganizationId>,
    organization: &OrganizationDefinition,
    currency: Currency,
) -> Result<Vec<Fact>, Refusal> {
    check_name("organization", &organization.name)?;
    if known.contains_key(&organization.name) {
        return Ok(Vec::new());
    }
    check_entitlement(organization.entitlement, organization.card_limit)?;
    let id = OrganizationId(known.len() as u32 + 1);
    let mut facts = vec![Fact::OrganizationSet {
        id,
        name: organization.name.clone(),
        title: organization.title.clone(),
        card_limit: organization.card_limit,
        entitlement: organization.entitlement,
        suspended: false,
        kind: None,
        qualifications: Vec::new(),
    }];
    if organization.opening_balance.micros != 0 {
        check_amount("opening_balance", organization.opening_balance, currency)?;
        let transaction = Transaction::top_up(id, organization.opening_balance, "opening balance".to_owned());
        facts.push(Fact::Posted { transaction, seal: None });
    }
    known.insert(organization.name.clone(), id);
    Ok(facts)
}

fn add_user(
    known: &mut BTreeMap<String, UserId>,
    organizations: &BTreeMap<String, OrganizationId>,
    user: &UserDefinition,
) -> Result<Option<Fact>, Refusal> {
    check_name("user", &user.name)?;
    if known.contains_key(&user.name) {
        return Ok(None);
    }
    let of_name = |name| organizations.get(name).copied().ok_or_else(|| Refusal::not_found(Kind::Organization, name));
    let organization = user.organization.as_ref().map(of_name).transpose()?;
    check_membership(user.role, organization)?;
    let id = UserId(known.len() as u32 + 1);
    known.insert(user.name.clone(), id);
    Ok(Some(Fact::UserAdded { id, name: user.name.clone(), role: user.role, organization }))
}

/// Tenants' people belong to an organization; the center's own people do not.
pub fn check_membership(role: Role, organization: Option<OrganizationId>) -> Result<(), Refusal> {
    let of_tenant = matches!(role, Role::TenantAdmin | Role::Developer);
    if of_tenant != organization.is_some() {
        let rule = match of_tenant {
            true => both("given for this role", "该角色必须填写单位"),
            false => both("absent for this role", "该角色不能填写单位"),
        };
        return Err(Refusal::invalid_value("organization", "", rule).with_phrase("value", role.title()));
    }
    Ok(())
}

fn card_model(
    state: &State,
    center: &CenterDefinition,
    id: CardModelId,
    definition: &CardModelDefinition,
) -> Result<Option<Fact>, Refusal> {
    check_name("card_model", &definition.name)?;
    let price = definition.price_per_card_hour;
    if price.micros != 0 {
        check_amount("price_per_card_hour", price, center.currency)?;
    } else if price.currency != center.currency {
        return Err(Refusal::invalid_value(
            "price_per_card_hour",
            price,
            both(format!("in {}", center.currency), format!("以 {} 计", center.currency)),
        ));
    }
    let version = match state.view.card_models.get(&id) {
        Some(known) if known.definition == *definition => return Ok(None),
        Some(known) => known.price_version + u32::from(known.definition.price_per_card_hour != price),
        None => 1,
    };
    Ok(Some(Fact::CardModelSet { id, definition: definition.clone(), price_version: version }))
}

fn node_spec(
    id: NodeId,
    pool: PoolId,
    card_model: Option<CardModelId>,
    model: Option<&CardModelDefinition>,
    node: &NodeDefinition,
) -> Result<NodeSpec, Refusal> {
    check_name("node", &node.name)?;
    if node.cards > 64 {
        return Err(Refusal::invalid_value(
            "cards",
            node.cards,
            both("at most 64 on one node", "一个节点不超过 64 张"),
        ));
    }
    if (node.cards > 0) != card_model.is_some() {
        return Err(Refusal::invalid_value(
            "card_model",
            &node.name,
            both("given exactly where a node has cards", "有卡的节点必须填写，没有卡的节点不能填写"),
        ));
    }
    Ok(NodeSpec {
        id,
        pool,
        card_model,
        cards: node.cards,
        ring: model.map_or(0, |model| model.ring),
        fractions: model.is_some_and(|model| model.fractions),
        cpu: node.cpu,
        memory: node.memory,
        rack: node.rack,
        pod: node.pod,
    })
}

/// Jobs are scheduled otherwise from now on.
pub fn set_policy(state: &State, input: &Input, policy: Policy) -> Result<Outcome, Refusal> {
    require(state, input, Action::ChangePolicy, Owner::default())?;
    let changed = policy != state.view.center.policy;
    Ok(Outcome::done(if changed { vec![Fact::PolicySet { policy }] } else { Vec::new() }))
}

/// Takes a node out of service for new work, or back in.
pub fn set_node(state: &State, input: &Input, name: &str, draining: bool, reason: &str) -> Result<Outcome, Refusal> {
    require(state, input, Action::ChangeNode, Owner::default())?;
    let id = *state.view.node_of_name.get(name).ok_or_else(|| Refusal::not_found(Kind::Node, name))?;
    let node = &state.view.nodes[&id];
    if reason.len() > 1000 {
        return Err(Refusal::invalid_value("reason", "", both("at most 1000 bytes", "不超过 1000 字节"))
            .with_phrase("value", both(format!("{} bytes", reason.len()), format!("{} 字节", reason.len()))));
    }
    if node.draining == draining && node.reason == reason {
        return Ok(Outcome::done(Vec::new()));
    }
    Ok(Outcome::done(vec![Fact::NodeSet { id, draining, reason: reason.to_owned() }]))
}

/// Takes cards of a node out of service for new work, and all others back in: an engine reports how they are.
pub fn set_cards(state: &State, name: &str, unusable: &[UnusableCard]) -> Result<Outcome, Refusal> {
    let id = *state.view.node_of_name.get(name).ok_or_else(|| Refusal::not_found(Kind::Node, name))?;
    let node = &state.view.nodes[&id];
    let mut unusable = unusable.to_vec();
    unusable.sort_by_key(|card| card.index);
    unusable.dedup_by_key(|card| card.index);
    if let Some(card) = unusable.iter().find(|card| u32::from(card.index) >= node.spec.cards) {
        let rule = both(format!("below {}", node.spec.cards), format!("小于 {}", node.spec.cards));
        return Err(Refusal::invalid_value("index", card.index, rule));
    }
    if node.unusable == unusable {
        return Ok(Outcome::done(Vec::new()));
    }
    Ok(Outcome::done(vec![Fact::CardsSet { id, unusable }]))
}

/// The least and the greatest price of a card-hour among the models of a pool that serve a demand; nothing without cards.
pub fn prices(state: &State, pool: PoolId, model: Option<CardModelId>, cards: CardMillis) -> (Money, Money) {
    let free = Money::zero(state.view.center.currency);
    let offered = state.view.cluster.card_models(pool).filter(|_| cards.0 > 0);
    let accepted = offered.filter(|offered| model.is_none_or(|model| model == *offered));
    let prices = accepted.map(|model| state.view.price(Some(model)).0.micros).collect::<Vec<_>>();
    let price = |micros: Option<&i128>| micros.map_or(free, |micros| Money { micros: *micros, ..free });
    (price(prices.iter().min()), price(prices.iter().max()))
}
