//! Metrics, as Prometheus reads them. Counters start at zero with the process; gauges are read when asked for.

use std::sync::atomic::{AtomicU64, Ordering};

use haina_core::{CardMillis, CardReading, Health, JobState};
use haina_runtime::Counters;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use crate::app::App;

/// What [`text`] is.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCards {
    pool: String,
    card_model: String,
    simulated: bool,
}

/// A real card.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCard {
    node: String,
    card: u32,
    model: String,
}

type CardGauges = Family<OfCards, Gauge<f64, AtomicU64>>;

/// All metrics. `ready` is whether the center takes work.
pub fn text(app: &App, ready: bool) -> String {
    // Everything but the latencies is counted elsewhere: the page is made of what is there now.
    let mut page = Registry::default();
    counters(&mut page, app.center.counters());
    gauges(&mut page, app, ready);
    cards(&mut page, app);
    app.latencies.register(&mut page);
    let mut text = String::with_capacity(8192);
    encode(&mut text, &page).expect("a string takes any text");
    text
}

fn counters(page: &mut Registry, counters: &Counters) {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    for (name, help, counter) in [
        ("haina_batches", "Committed batches", &counters.batches),
        ("haina_commits_failed", "Batches whose commit failed", &counters.commits_failed),
        ("haina_facts", "Committed facts", &counters.facts),
        ("haina_refusals", "Refused commands", &counters.refusals),
        ("haina_jobs_submitted", "Accepted jobs", &counters.jobs_submitted),
        ("haina_attempts_placed", "Attempts that were given cards", &counters.attempts_placed),
    ] {
        page.register(name, help, ConstCounter::new(read(counter)));
    }
    let ended: Family<OfState, Counter> = Family::default();
    for state in [JobState::Succeeded, JobState::Failed, JobState::Cancelled, JobState::Lost] {
        let count = read(&counters.jobs_ended[Counters::slot(state)]);
        ended.get_or_create(&OfState { state: state.word() }).inc_by(count);
    }
    page.register("haina_jobs_ended", "Jobs that ended, by state", ended);
}

/// Real cards, as they were last read; what a driver does not say has no value.
fn cards(page: &mut Registry, app: &App) {
    let engine = app.center.engine();
    let Some(real) = engine.real_node() else { return };
    let readings = engine.card_readings();
    type Value = fn(&CardReading) -> Option<f64>;
    let kinds: [(&str, &str, Value); 6] = [
        ("haina_card_utilization_percent", "How much of the last moments a card computed", |reading| {
            reading.utilization_percent.map(f64::from)
        }),
        ("haina_card_memory_bytes", "Memory of a card", |reading| reading.memory.map(|memory| memory.0 as f64)),
        ("haina_card_memory_used_bytes", "Memory of a card that is in use", |reading| {
            reading.memory_used.map(|memory| memory.0 as f64)
        }),
        ("haina_card_power_watts", "Power that a card draws", |reading| {
            reading.power_milliwatts.map(|milliwatts| milliwatts as f64 / 1000.0)
        }),
        ("haina_card_temperature_celsius", "Temperature of a card", |reading| {
            reading.temperature_celsius.map(f64::from)
        }),
        ("haina_card_fit", "1 if a card is fit for work", |reading| {
            Some(if matches!(reading.health, Health::Unhealthy(_)) { 0.0 } else { 1.0 })
        }),
    ];
    for (name, help, value) in kinds {
        let gauges: Family<OfCard, Gauge<f64, AtomicU64>> = Family::default();
        for (card, (node, index, reading)) in real.cards.iter().zip(&readings) {
            if let Some(value) = value(reading) {
                let labels = OfCard { node: node.clone(), card: *index, model: card.model.clone() };
                gauges.get_or_create(&labels).set(value);
            }
        }
        page.register(name, help, gauges);
    }
}

fn gauges(page: &mut Registry, app: &App, ready: bool) {
    let [installed, available, allocated] = std::array::from_fn::<CardGauges, 3, _>(|_| CardGauges::default());
    let attempts = app.view(|view| {
        for (pool, model, totals) in view.cluster.all_totals() {
            let model = &view.card_models[&model].definition;
            let pool = view.pools[&pool].name.clone();
            let labels = OfCards { pool, card_model: model.name.clone(), simulated: model.simulated };
            let set = |gauges: &CardGauges, CardMillis(cards): CardMillis| {
                gauges.get_or_create(&labels).set(f64::from(cards) / 1000.0);
            };
            set(&installed, totals.installed);
            set(&available, totals.available);
            set(&allocated, totals.allocated);
        }
        view.attempts.len() as u64
    });
    for (name, help, value) in [
        ("haina_jobs_live", "Jobs that have not ended", app.center.live_jobs()),
        ("haina_position", "Position of the last committed fact", app.center.position()),
        ("haina_ready", "1 if the center takes work", u64::from(ready)),
        ("haina_attempts_live", "Attempts under way", attempts),
    ] {
        page.register(name, help, ConstGauge::new(value));
    }
    page.register("haina_cards_installed", "Cards on all nodes", installed);
    page.register("haina_cards_available", "Cards on nodes that take work", available);
    page.register("haina_cards_allocated", "Cards held by attempts", allocated);
}
