//! Metrics in the Prometheus text format. Counters start at zero with the process; gauges are read when asked for.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use haina_core::JobState;
use haina_runtime::Counters;

use crate::app::App;

/// All metrics. `ready` is whether the center takes work.
pub fn text(app: &App, ready: bool) -> String {
    let counters = app.center.counters();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut page = Page(String::with_capacity(4096));
    let c = "counter";
    page.family("haina_batches_total", c, "Committed batches.", [("", read(&counters.batches))]);
    page.family(
        "haina_commits_failed_total",
        c,
        "Batches whose commit failed.",
        [("", read(&counters.commits_failed))],
    );
    page.family("haina_facts_total", c, "Committed facts.", [("", read(&counters.facts))]);
    page.family("haina_refusals_total", c, "Refused commands.", [("", read(&counters.refusals))]);
    page.family("haina_jobs_submitted_total", c, "Accepted jobs.", [("", read(&counters.jobs_submitted))]);
    page.family(
        "haina_attempts_placed_total",
        c,
        "Attempts that were given cards.",
        [("", read(&counters.attempts_placed))],
    );
    let ended = [JobState::Succeeded, JobState::Failed, JobState::Cancelled, JobState::Lost];
    let ended = ended
        .map(|state| (format!("{{state=\"{}\"}}", state.word()), read(&counters.jobs_ended[Counters::slot(state)])));
    page.family("haina_jobs_ended_total", c, "Jobs that ended, by state.", ended);

    let g = "gauge";
    page.family("haina_jobs_live", g, "Jobs that have not ended.", [("", app.center.live_jobs())]);
    page.family("haina_position", g, "Position of the last committed fact.", [("", app.center.position())]);
    page.family("haina_ready", g, "1 if the center takes work.", [("", u64::from(ready))]);
    let (attempts, cards) = app.view(|view| {
        let mut cards = [Vec::new(), Vec::new(), Vec::new()];
        for (pool, model, totals) in view.cluster.all_totals() {
            let model = &view.card_models[&model].definition;
            let pool = &view.pools[&pool].name;
            let labels = format!("{{pool=\"{pool}\",card_model=\"{}\",simulated=\"{}\"}}", model.name, model.simulated);
            for (list, value) in cards.iter_mut().zip([totals.installed, totals.available, totals.allocated]) {
                list.push((labels.clone(), haina_api::show_cards(value)));
            }
        }
        (view.attempts.len() as u64, cards)
    });
    page.family("haina_attempts_live", g, "Attempts under way.", [("", attempts)]);
    let [installed, available, allocated] = cards;
    page.family("haina_cards_installed", g, "Cards on all nodes.", installed);
    page.family("haina_cards_available", g, "Cards on nodes that take work.", available);
    page.family("haina_cards_allocated", g, "Cards held by attempts.", allocated);
    page.0
}

struct Page(String);

impl Page {
    fn family<L: Display, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) {
        let text = &mut self.0;
        _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            _ = writeln!(text, "{name}{labels} {value}");
        }
    }
}
