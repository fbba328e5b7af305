//! The cards of this machine, where it has some.

use haina_engine::discovery::Probe;

#[test]
fn cards_of_this_machine_are_found_and_read() {
    let probe = Probe::of_this_machine();
    let machine = probe.machine();
    if machine.cards.is_empty() {
        haina_testkit::require::skip("card", "needs an accelerator that its driver finds");
        return;
    }
    let readings = probe.readings().unwrap();
    for card in &machine.cards {
        let (_, reading) = readings.iter().find(|(id, _)| *id == card.id).expect("each card is read");
        assert_eq!(reading.memory, Some(card.memory), "{}", card.model);
        assert!(reading.memory_used < reading.memory, "{}", card.model);
        assert!(card.devices.iter().all(|device| device.exists()), "{:?}", card.devices);
    }
}
