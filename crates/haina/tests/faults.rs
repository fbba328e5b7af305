//! The running program while its database or its disk fails: what it answers, and that nothing is lost.

#[path = "faults/caller.rs"]
mod caller;
#[path = "faults/full_disk.rs"]
mod full_disk;
#[path = "faults/leadership.rs"]
mod leadership;
#[path = "faults/orders.rs"]
mod orders;
#[path = "faults/outage.rs"]
mod outage;
#[allow(dead_code, reason = "other tests use the rest")]
mod program;
