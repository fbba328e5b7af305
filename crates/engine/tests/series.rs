//! What attempts use over time, read of real programs.

mod scenario;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{Bytes, CardMillis, CardSlot, Milliseconds};
use haina_engine::card_series::{CardSeries, Condition};
use haina_engine::{Engine, NodeSeries};
use scenario::{DEADLINE, Scenario, attempt, change_info, over_nodes};

/// Holds 64 MiB, and uses some processor time all the while.
const BUSY: &str = "exec python3 -c '
import time
held = b\"x\" * (64 << 20)
while True: sum(range(10000)); time.sleep(0.01)'";

async fn until(center: &Scenario, what: &str, hoped: impl Fn(&[NodeSeries]) -> bool) -> Vec<NodeSeries> {
    let look = async {
        loop {
            let series = center.engine().series(attempt(1)).await.unwrap();
            if hoped(&series) {
                return series;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, look).await.unwrap_or_else(|_| panic!("never: {what}"))
}

async fn a_jobs_use_is_read_and_kept(mut center: Scenario) {
    center.launch(over_nodes(center.script(1, BUSY), 2, 1)).await;
    center.until_started(1).await;
    assert_eq!(center.engine().series(attempt(1)).await.unwrap(), [], "nothing is read of what just began");
    let of_both = |series: &[NodeSeries]| series.iter().all(|node| !node.usage.points().is_empty());
    let series = until(&center, "a first reading", |series| series.len() == 2 && of_both(series)).await;
    assert_eq!([&series[0].node, &series[1].node], ["node-1", "node-2"]);
    for node in &series {
        let point = node.usage.points()[0];
        assert!(node.usage.cpu() > Milliseconds(0) && point.cpu_peak >= point.cpu_mean(), "{point:?}");
        assert!(point.memory_peak >= Bytes(64 << 20) && point.memory_peak < Bytes(1 << 30), "{point:?}");
    }

    // Another server goes on where this one ended.
    let before = series[0].usage.length();
    center.close();
    center.reopen(&[attempt(1)]).await;
    let later = |series: &[NodeSeries]| series.iter().all(|node| node.usage.length() > before);
    let series = until(&center, "another reading", |series| series.len() == 2 && later(series)).await;
    center.stop(1, Milliseconds(0)).await;
    center.until_ended(1).await;
    center.close();
    center.reopen(&[]).await;
    let kept = center.engine().series(attempt(1)).await.unwrap();
    for (kept, seen) in kept.iter().zip(&series) {
        assert!(kept.usage.length() >= seen.usage.length() && kept.usage.cpu() >= seen.usage.cpu());
    }
    assert_eq!(kept.len(), 2, "it is on disk once the attempt has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_control_groups_processes_are_added_up() {
    a_jobs_use_is_read_and_kept(Scenario::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_groups_are_read_where_there_are_any() {
    let definition = LocalDefinition { confinement: ConfinementPolicy::Available, ..LocalDefinition::default() };
    let center = Scenario::confined(definition);
    if center.engine().enforcement().missing.iter().any(|(what, _)| *what == haina_engine::Protection::Memory) {
        haina_testkit::require::skip("root", "is needed for this test: memory is not counted by control groups");
        return;
    }
    a_jobs_use_is_read_and_kept(center).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_cards_of_a_job_are_read_and_kept() {
    let vendor = tempfile::tempdir().unwrap();
    let machine = scenario::machine(scenario::npu_smi(vendor.path()), vendor.path());
    let off = LocalDefinition { confinement: ConfinementPolicy::Off, ..LocalDefinition::default() };
    let mut center = Scenario::on_machine(machine, off);
    let mut order = over_nodes(center.script(1, "exec sleep 600"), 2, 1);
    let slots = [CardSlot { index: 1, millis: 500 }, CardSlot { index: 0, millis: 1000 }];
    order.launch.allocation.shares[0].cards = slots.to_vec();
    center.launch(order).await;
    center.until_started(1).await;

    let read = |series: &[NodeSeries]| series.first().is_some_and(|node| node.cards.iter().all(is_read));
    let series = until(&center, "a first reading of its cards", read).await;
    let [part, whole] = &series[0].cards[..] else { panic!("{series:?}") };
    assert_eq!([(part.index, part.held), (whole.index, whole.held)], [(1, CardMillis(500)), (0, CardMillis(1000))]);
    assert_eq!(series[1].cards, [], "nothing is read of the simulated cards of another node");
    // As recorded in info-910b3-busy.txt.
    assert_eq!(whole.memory, Bytes(64 << 30));
    let told = whole.whole();
    assert_eq!((told.utilization.mean(), told.utilization.peak()), (Some(87.0), Some(87)));
    assert_eq!((told.memory.peak(), told.temperature.peak()), (Some(41_697 << 20), Some(52)));
    assert_eq!((told.power.peak(), told.worst), (Some(290_400), Some(Condition::Healthy)));
    assert!(told.energy_millijoules.abs_diff(290_400 * told.length.0 / 1000) <= 1000, "{told:?}");
    assert_eq!(part.whole().utilization.peak(), Some(0));

    // It cools down and falls ill, and the job goes on.
    change_info(vendor.path(), "| 290.4       52 ", "| 90.0        40 ");
    change_info(vendor.path(), "| OK            ", "| Alarm         ");
    let ill =
        |series: &[NodeSeries]| series[0].cards.iter().any(|card| card.whole().worst == Some(Condition::Unhealthy));
    let series = until(&center, "a reading of the ill card", ill).await;
    let told = series[0].cards[1].whole();
    assert!(told.temperature.mean() < Some(52.0) && told.temperature.peak() == Some(52), "{told:?}");
    assert_eq!(series[0].cards[0].whole().worst, Some(Condition::Healthy));

    center.stop(1, Milliseconds(0)).await;
    center.until_ended(1).await;
    center.close();
    center.reopen(&[]).await;
    let kept = center.engine().series(attempt(1)).await.unwrap();
    assert!(kept[0].cards[1].whole().length >= told.length, "it is on disk once the attempt has ended");
    assert!(kept[0].cards[1].whole().energy_millijoules >= told.energy_millijoules);
}

fn is_read(card: &CardSeries) -> bool {
    card.whole().worst.is_some()
}
