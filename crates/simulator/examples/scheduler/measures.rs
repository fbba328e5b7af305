//! What is measured with a clock. Each measure makes its center, warms it up, and gives its numbers by name.

use std::time::{Duration, Instant};

use haina_center::Command;
use haina_core::{Allocation, Bytes, CardMillis, CardModelId, CpuMillis, Milliseconds, Order, Policy, PoolId, UserId};
use haina_scheduler::{Cluster, Demand, Found, Mix, NodeSpec, Terms};
use haina_simulator::Random;

use crate::center::{Center, Counts};
use crate::work::{self, CARDS_OF_NODE, Size, Work};

/// Numbers, each with its name and unit in one.
pub type Numbers = Vec<(&'static str, f64)>;

const HOUR: Milliseconds = Milliseconds::from_seconds(3600);

/// A center whose cards are all in use and where so many jobs wait: cycles of 50 ends and 50 submissions. It is warm when
/// as many attempts have ended as ran at first, or 10,000.
pub fn cycles(nodes: u32, waiting: u64, work: Work, cycles: usize) -> Numbers {
    let mut center = Center::new(Size::of(nodes));
    center.fill(work, waiting);
    for _ in 0..center.running().min(10_000).div_ceil(50) {
        center.cycle(work, 50, 50);
    }
    let (mut total, mut times) = (Counts::default(), Vec::with_capacity(cycles));
    for _ in 0..cycles {
        let counts = center.cycle(work, 50, 50);
        times.push(counts.time);
        total = total.and(counts);
    }
    times.sort();
    let (seconds, deciding) = (total.time.as_secs_f64(), total.deciding.as_secs_f64());
    vec![
        ("decisions_per_second", total.decisions() as f64 / deciding),
        ("decisions_with_events_per_second", total.decisions() as f64 / seconds),
        ("placements_per_second", total.placements as f64 / seconds),
        ("placements", total.placements as f64),
        ("first_blocks", total.first_blocks as f64),
        ("retests", total.retests as f64),
        ("promises", total.promises as f64),
        ("microseconds_per_decision", seconds * 1e6 / total.decisions() as f64),
        ("microseconds_per_look", seconds * 1e6 / (total.decisions() + total.retests) as f64),
        ("microseconds_per_placement", seconds * 1e6 / total.placements as f64),
        ("cycle_p50_ms", milliseconds(times[times.len() / 2])),
        ("cycle_p99_ms", milliseconds(times[times.len() * 99 / 100])),
        ("longest_call_ms", milliseconds(total.longest_call)),
        ("waiting", center.waiting() as f64),
        ("held_permille", center.held_permille() as f64),
        ("resident_mib", resident_mib()),
    ]
}

/// Ten thousand jobs behind a head of line whose start is promised: nodes are free, but promised to the head an hour from
/// now, and nobody behind it ends by then. Either all ask for the same, or each for something else.
pub fn backfill(nodes: u32, depth: u32, is_alike: bool) -> Numbers {
    let mut center = behind_a_promise(nodes, depth, is_alike);
    let counts = center.advance();
    vec![
        ("total_ms", milliseconds(counts.time)),
        ("longest_call_ms", milliseconds(counts.longest_call)),
        ("first_blocks", counts.first_blocks as f64),
        ("placements", counts.placements as f64),
    ]
}

/// The center of [`backfill`], before it looks at the jobs behind the head.
pub fn behind_a_promise(nodes: u32, depth: u32, is_alike: bool) -> Center {
    let free = 16;
    let mut center = Center::new(Size::of(nodes));
    let (first, second) = (UserId(1), UserId(2));
    let day = Milliseconds::from_seconds(86_400);
    for node in 0..nodes - free {
        // One node comes free in time for the head, which takes all that are free now with it.
        let limit = if node == 0 { HOUR } else { day };
        center.submit(first, vec![work::job(work::shape(1, 1), limit); CARDS_OF_NODE as usize]);
    }
    center.advance();
    let head = work::job(work::shape(free + 1, CARDS_OF_NODE), HOUR);
    center.submit(first, vec![haina_core::JobRequest { priority: 1, ..head }]);
    center.advance();
    let behind = (0..depth).map(|number| {
        let mut job = work::job(work::shape(1, 1), day);
        job.shape.cpu_per_node = CpuMillis(1000 + if is_alike { 0 } else { u64::from(number) });
        job
    });
    center.submit(second, behind.collect());
    center
}

/// Everybody is ranked anew, and everything that waits is lined up by it: users of twenty organizations who all have used
/// cards, each with one job that waits. The policy goes from one fair order to the other and back.
pub fn rank(users: u32, times: u32) -> Numbers {
    let mut center = ranked(users);
    let mut all: Vec<Duration> = (0..times).map(|time| center.timed_order(order(time))).collect();
    all.sort();
    vec![("median_ms", milliseconds(all[all.len() / 2])), ("longest_ms", milliseconds(all[all.len() - 1]))]
}

/// What waiting jobs of a full center are told: reason, place, promise, likely start. The server asks for it between two
/// batches, so that decisions wait for it.
pub fn told(nodes: u32, waiting: u64) -> Numbers {
    let mut center = Center::new(Size::of(nodes));
    center.fill(Work::Mixed { gang_nodes_most: 16 }, waiting);
    let mut all = center.timed_prospects(40);
    all.sort();
    vec![("median_ms", milliseconds(all[all.len() / 2])), ("longest_ms", milliseconds(all[all.len() - 1]))]
}

/// The center of [`rank`].
pub fn ranked(users: u32) -> Center {
    let organizations = 20;
    let nodes = users / CARDS_OF_NODE;
    let mut center = Center::new(Size { nodes, organizations, users_of_each: users / organizations });
    for _ in 0..2 {
        // Two jobs each, as long as there are cards: one that runs and one that waits.
        for user in 1..=users {
            center.submit(UserId(user), vec![work::job(work::shape(1, 1), HOUR)]);
        }
        center.pass(Milliseconds(1000));
        center.advance();
    }
    assert_eq!((center.running(), center.waiting()), (users as usize, u64::from(users)));
    center
}

/// The other order each time.
pub fn order(time: u32) -> Command {
    let order = if time.is_multiple_of(2) { Order::FairTree } else { Order::Fair };
    Command::SetPolicy { policy: Policy { order, ..Policy::FAIR } }
}

/// Parts of cards placed by least fragmentation: found, claimed, and at 95 % given back by holders drawn at random, which
/// counts in the time. This is the cluster alone, told its mix of work.
pub fn fractions(nodes: u32, placements: u64) -> Numbers {
    let (mut cluster, demands) = cluster_for_parts(nodes);
    let (mut held, mut random) = (Vec::new(), Random::new(42));
    churn(&mut cluster, &mut held, &mut random, &demands, 40 * u64::from(nodes));
    let begun = Instant::now();
    churn(&mut cluster, &mut held, &mut random, &demands, placements);
    let seconds = begun.elapsed().as_secs_f64();
    vec![("placements_per_second", placements as f64 / seconds)]
}

/// Sizes as in a production trace (openb), each with few or more processors; and whole cards.
fn cluster_for_parts(nodes: u32) -> (Cluster, Vec<Demand>) {
    let mut cluster = Cluster::new();
    for number in 1..=nodes {
        cluster.add_node(NodeSpec {
            id: haina_core::NodeId(number),
            pool: PoolId(1),
            card_model: Some(CardModelId(1)),
            cards: CARDS_OF_NODE,
            ring: 4,
            fractions: true,
            cpu: CpuMillis(192_000),
            memory: Bytes(1 << 40),
            rack: None,
            pod: None,
        });
    }
    let demand = |millis: u32, processors: u64| Demand {
        pool: PoolId(1),
        card_model: None,
        nodes: 1,
        cards_per_node: CardMillis(millis),
        cpu_per_node: CpuMillis(processors * 1000),
        memory_per_node: Bytes(u64::from(millis) << 26),
        topology: None,
    };
    let parts = [160, 220, 230, 320, 370, 460, 470, 550, 590, 650, 810];
    let parts = parts.into_iter().flat_map(|millis| [demand(millis, 4), demand(millis, 11)]);
    let demands: Vec<Demand> = parts.chain([demand(1000, 11), demand(2000, 16)]).collect();
    cluster.set_mix(&Mix::new(demands.iter().map(|demand| (*demand, 1))));
    (cluster, demands)
}

fn churn(cluster: &mut Cluster, held: &mut Vec<Allocation>, random: &mut Random, demands: &[Demand], placements: u64) {
    let terms = Terms { placement: haina_core::Placement::LeastFragmentation, ..Terms::default() };
    let is_full = |cluster: &Cluster| {
        let totals = cluster.totals(PoolId(1), CardModelId(1));
        u64::from(totals.allocated.0) * 100 > u64::from(totals.installed.0) * 95
    };
    let fuel = cluster.fuel_for_any_find();
    let mut placed = 0;
    while placed < placements {
        match cluster.find(&random.pick(demands), &terms, &mut fuel.clone()) {
            Found::Placed(allocation) => {
                cluster.claim(&allocation);
                held.push(allocation);
                placed += 1;
            }
            Found::Blocked { .. } => give_back(cluster, held, random),
            Found::OutOfFuel => unreachable!("the fuel is enough for any"),
        }
        while is_full(cluster) {
            give_back(cluster, held, random);
        }
    }
}

fn give_back(cluster: &mut Cluster, held: &mut Vec<Allocation>, random: &mut Random) {
    let allocation = held.swap_remove(random.below(held.len() as u64) as usize);
    cluster.release(&allocation);
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Memory of this process, by the kernel's account.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}
