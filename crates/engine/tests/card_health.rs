//! Cards that fall ill or vanish, and come back while the server runs.

mod scenario;

use haina_core::local_definition::{ConfinementPolicy, LocalDefinition};
use haina_core::{CardSlot, Ending, Health};
use haina_engine::Engine;
use scenario::{DEADLINE, Scenario, change_info};

/// Waits until the health of both cards is as hoped for.
async fn until(center: &Scenario, hoped: [&str; 2]) {
    let mut count = center.engine().card_readings_count().expect("it has cards");
    let is_as_hoped = |_: &u64| {
        let readings = center.engine().card_readings();
        readings.iter().map(|(_, _, reading)| reading.health.word()).eq(hoped)
    };
    let waited = tokio::time::timeout(DEADLINE, count.wait_for(is_as_hoped)).await;
    waited.unwrap_or_else(|_| panic!("never: {hoped:?}")).expect("the engine is open");
}

fn off() -> LocalDefinition {
    LocalDefinition { confinement: ConfinementPolicy::Off, ..LocalDefinition::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ill_card_is_trusted_again_once_it_was_well_for_a_while() {
    let vendor = tempfile::tempdir().unwrap();
    let machine = scenario::machine(scenario::npu_smi(vendor.path()), vendor.path());
    let center = Scenario::on_machine(machine, off());
    let [well, ill] = ["| OK            ", "| Alarm         "];
    change_info(vendor.path(), well, ill);
    until(&center, ["unhealthy", "healthy"]).await;
    let mut count = center.engine().card_readings_count().unwrap();
    let ill_at_least_until = *count.borrow_and_update();
    change_info(vendor.path(), ill, well);
    tokio::time::timeout(DEADLINE, count.changed()).await.unwrap().unwrap();
    let (_, _, reading) = center.engine().card_readings().swap_remove(0);
    assert_eq!(reading.health, Health::Unhealthy("npu-smi says Alarm".to_owned()), "its last reason stays");
    until(&center, ["healthy", "healthy"]).await;
    let good = *count.borrow() - ill_at_least_until;
    assert!(good >= 3, "{good} good readings are not enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_not_there_at_the_start_is_given_out_when_it_comes() {
    let vendor = tempfile::tempdir().unwrap();
    let (mut node, probe) = scenario::machine(scenario::npu_smi(vendor.path()), vendor.path());
    // As it is settled at a start without the card.
    node.cards[1].devices.clear();
    let with_both = scenario::take_out_card_1(vendor.path());
    let mut center = Scenario::on_machine((node, probe), off());
    let order = |center: &Scenario, job| {
        let mut order = center.script(job, "echo $HAINA_CARDS $ASCEND_RT_VISIBLE_DEVICES");
        order.launch.allocation.shares[0].cards = vec![CardSlot { index: 1, millis: 1000 }];
        order
    };
    let refused = center.engine().launch(order(&center, 1)).await.unwrap_err().to_string();
    assert!(refused.contains("card 1 of node node-1 is not on this machine"), "{refused}");

    let gone = std::fs::read_to_string(vendor.path().join("info")).unwrap();
    change_info(vendor.path(), &gone, &with_both);
    until(&center, ["healthy", "healthy"]).await;
    assert_eq!(center.run(order(&center, 2)).await.ending, Ending::Exited { code: 0 });
    assert_eq!(center.output(2, 0), "1 1\n");
}
