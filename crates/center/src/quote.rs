//! What a submission would come to, without making it.

use std::collections::BTreeMap;

use haina_core::{CardMillis, Money, OrganizationId, PoolId, Refusal, Timestamp, both};
use haina_ledger::{Portion, hold};
use haina_scheduler::{ClassKey, Terms};

use crate::decide::{cards_of, decide, prices};
use crate::estimate::Holdings;
use crate::funding::Which;
use crate::{Command, Fact, Input, State};

/// For each of them all nodes are looked at while nothing is decided.
const JOBS_MOST: usize = 20;

/// What one job of a submission would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The job's name.
    pub name: String,
    /// Who would pay.
    pub organization: OrganizationId,
    /// Cards of one attempt.
    pub cards: CardMillis,
    /// Elements of an array; 1 of any other job.
    pub elements: u32,
    /// The price of a card-hour where it would start soonest; where nothing could host it now, the least price.
    pub price_per_card_hour: Money,
    /// What one attempt costs at most: on the dearest cards that serve it, until its limit and with its whole grace.
    pub cost_most: Money,
    /// What the account has that is neither spent nor held.
    pub available: Money,
    /// Who would pay that most now, where that is not the account alone; empty too where what there is would not cover it.
    pub funding: Vec<Portion>,
    /// When nodes will probably have room for it, if nobody went before it; none where it waits for other jobs, or no node that
    /// takes work could host it.
    pub earliest_start: Option<Timestamp>,
}

impl State {
    /// What the jobs of a `Submit` would come to, in their order.
    ///
    /// # Errors
    /// What the submission would be refused with; and more than twenty jobs.
    pub fn quote(&self, input: &Input) -> Result<Vec<Quote>, Refusal> {
        if let Command::Submit { jobs, .. } = &input.command
            && jobs.len() > JOBS_MOST
        {
            let rule =
                both(format!("at most {JOBS_MOST} jobs in a dry run"), format!("试算时不超过 {JOBS_MOST} 个作业"));
            let value = both(format!("{} jobs", jobs.len()), format!("{} 个作业", jobs.len()));
            return Err(Refusal::invalid_value("jobs", "", rule).with_phrase("value", value));
        }
        let outcome = decide(self, input, 0);
        outcome.reply?;
        let mut keys: BTreeMap<_, ClassKey> = BTreeMap::new();
        let mut holdings: BTreeMap<PoolId, Holdings> = BTreeMap::new();
        let mut quotes = Vec::new();
        for fact in &outcome.facts {
            match fact {
                Fact::ClassAdded { id, key } => _ = keys.insert(*id, *key),
                Fact::JobSubmitted {
                    name,
                    organization,
                    class,
                    time_limit,
                    grace,
                    array,
                    not_before,
                    dependencies,
                    ..
                } => {
                    let key = keys.get(class).copied().unwrap_or_else(|| self.view.classes[class].key);
                    let demand = &key.demand;
                    let of_pool = holdings.entry(demand.pool);
                    let of_pool =
                        &*of_pool.or_insert_with(|| Holdings::new(self, demand.pool, &Default::default(), input.now));
                    let from = not_before.unwrap_or(input.now);
                    let soonest = self.view.cluster.earliest(demand, &Terms::default(), input.now, &of_pool);
                    let model = soonest.as_ref().and_then(|(_, allocation)| {
                        let share = allocation.shares.first()?;
                        self.view.nodes[&share.node].spec.card_model
                    });
                    let cards = cards_of(demand);
                    let (least, greatest) = prices(self, demand.pool, demand.card_model, cards);
                    let price = model.filter(|_| cards.0 > 0).map_or(least, |model| self.view.price(Some(model)).0);
                    let use_most = cards.used_for(*time_limit + *grace);
                    let fund = |price| {
                        self.view.fund(*organization, (demand.pool, price), use_most, input.now, Which::Available).ok()
                    };
                    let (first, dearest) = (fund(price), fund(greatest));
                    let price = first.map_or(price, |funded| funded.price_per_card_hour);
                    let cost_most = dearest.as_ref().map_or_else(|| hold(greatest, use_most), |funded| funded.hold);
                    quotes.push(Quote {
                        name: name.clone(),
                        organization: *organization,
                        cards,
                        elements: array.map_or(1, |array| array.count),
                        price_per_card_hour: price,
                        cost_most,
                        funding: dearest.map_or(Vec::new(), |funded| funded.portions),
                        available: self.view.ledger.accounts[organization].available(),
                        earliest_start: soonest.map(|(start, _)| start.max(from)).filter(|_| dependencies.is_empty()),
                    });
                }
                _ => {}
            }
        }
        Ok(quotes)
    }
}
