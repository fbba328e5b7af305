//! How jobs are scheduled, as it is named and shown.

use haina_core::{Milliseconds, Order, Policy, PriorityWeights, Refusal, both};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::quantity::{Number, Quantity};

/// How jobs are scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyState {
    /// Its name; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<String>,
    /// Who is next: `fifo`, `fair`, `fair_tree`, `shortest`, `deadline`, `multifactor`.
    pub order: String,
    /// Who may pass whom: `none`, `best_effort`, `easy`, `conservative`.
    pub backfill: String,
    /// Which of the places that fit: `best_fit`, `least_fragmentation`.
    pub placement: String,
    /// What each factor is worth; present for the order `multifactor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub weights: Option<PriorityWeightsSpec>,
    /// The names that may be given.
    pub names: Vec<String>,
}

/// Changes how jobs are scheduled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRequest {
    /// The policy's name.
    pub policy: String,
    /// What each factor is worth, for the policy `multifactor`; what is absent is as it is by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub weights: Option<PriorityWeightsSpec>,
}

/// How many points of priority each factor is worth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorityWeightsSpec {
    /// For having waited for `max_age`; in proportion for less and for more. 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100_000)]
    pub age: Option<Number>,
    /// For wanting all cards of the center; in proportion for less. 1000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 100_000)]
    pub size: Option<Number>,
    /// For having used nothing, nor anybody of one's organization; times 2^(-use/shares). 10,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 100_000)]
    pub fair_share: Option<Number>,
    /// For the highest priority that a job may have; a half of it for priority 0. 10,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 100_000)]
    pub priority: Option<Number>,
    /// In seconds, or with a unit, such as `7d`, which it is if absent; at most 100 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Quantity>,
}

impl PriorityWeightsSpec {
    /// The weights.
    ///
    /// # Errors
    /// `invalid_value` with the field, below `at`.
    pub fn weights(&self, at: &str) -> Result<PriorityWeights, Refusal> {
        let default = PriorityWeights::DEFAULT;
        let points = |name: &str, number: Option<Number>, default: u32, least: u32| {
            let Some(number) = number else { return Ok(default) };
            let rule = both(
                format!("a whole number from {least} to {}", PriorityWeights::MOST),
                format!("{least} 到 {} 之间的整数", PriorityWeights::MOST),
            );
            let field = format!("{at}.{name}");
            let points = number.whole(&field, rule.clone())?;
            let fits = (least..=PriorityWeights::MOST).contains(&points);
            if fits { Ok(points) } else { Err(Refusal::invalid_value(&field, number, rule)) }
        };
        let max_age = self.max_age.as_ref().map_or(Ok(default.max_age), |length| {
            let field = format!("{at}.max_age");
            let max_age = length.length(&field)?;
            let fits = (Milliseconds(1)..=PriorityWeights::MAX_AGE_MOST).contains(&max_age);
            let rule = both("a length of at most `100d`, and more than 0", "大于 0 且不超过 `100d` 的时长");
            if fits { Ok(max_age) } else { Err(Refusal::invalid_value(&field, length, rule)) }
        })?;
        Ok(PriorityWeights {
            // Who waits must come nearer.
            age: points("age", self.age, default.age, 1)?,
            size: points("size", self.size, default.size, 0)?,
            fair_share: points("fair_share", self.fair_share, default.fair_share, 0)?,
            priority: points("priority", self.priority, default.priority, 0)?,
            max_age,
        })
    }

    /// As weights are shown.
    fn of(weights: &PriorityWeights) -> PriorityWeightsSpec {
        let points = |points: u32| Some(Number::Whole(points.into()));
        let (seconds, rest) = (weights.max_age.0 / 1000, weights.max_age.0 % 1000);
        let max_age = match rest {
            0 => Number::Whole(seconds.into()),
            _ => Number::Real(weights.max_age.0 as f64 / 1000.0),
        };
        PriorityWeightsSpec {
            age: points(weights.age),
            size: points(weights.size),
            fair_share: points(weights.fair_share),
            priority: points(weights.priority),
            max_age: Some(Quantity::Number(max_age)),
        }
    }
}

impl PolicyState {
    /// As a policy is shown.
    pub fn of(policy: &Policy) -> PolicyState {
        PolicyState {
            policy: policy.name().map(str::to_owned),
            order: match policy.order {
                Order::Multifactor(_) => "multifactor".to_owned(),
                order => word(&order),
            },
            backfill: word(&policy.backfill),
            placement: word(&policy.placement),
            weights: match &policy.order {
                Order::Multifactor(weights) => Some(PriorityWeightsSpec::of(weights)),
                _ => None,
            },
            names: Policy::NAMED.iter().map(|(name, _)| (*name).to_owned()).collect(),
        }
    }
}

/// The word by which a choice is stored.
fn word(choice: &impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("a choice is stored as a word: {other:?}"),
    }
}

impl PolicyRequest {
    /// The policy.
    ///
    /// # Errors
    /// `invalid_value` where no policy has the name, or it has no such weights.
    pub fn policy(&self) -> Result<Policy, Refusal> {
        read_policy(&self.policy, self.weights.as_ref(), "weights")
    }
}

/// The policy of a name, with the weights of the field `at`.
///
/// # Errors
/// `invalid_value` with the names that there are, and for weights that it cannot have.
pub fn read_policy(name: &str, weights: Option<&PriorityWeightsSpec>, at: &str) -> Result<Policy, Refusal> {
    let names: Vec<String> = Policy::NAMED.iter().map(|(name, _)| format!("`{name}`")).collect();
    let names = names.join(", ");
    let rule = both(format!("one of {names}"), format!("{names} 之一"));
    let policy = Policy::named(name).ok_or_else(|| Refusal::invalid_value("policy", name, rule))?;
    match (policy.order, weights) {
        (_, None) => Ok(policy),
        (Order::Multifactor(_), Some(spec)) => Ok(Policy { order: Order::Multifactor(spec.weights(at)?), ..policy }),
        (_, Some(_)) => {
            let rule = both("absent unless the policy is `multifactor`", "仅可用于策略 `multifactor`");
            Err(Refusal::invalid_value(at, name, rule))
        }
    }
}
