//! Placements per second on one core: 1,000 and 10,000 nodes × 8 cards in two rings, steady at about 95 % allocated.
//! 85 % of the demands are for one card, the rest for 2, 4 and 8 cards and for gangs of 2–16 whole nodes. Whenever more
//! than 95 % is held, a holder drawn at random gives all back.
//!
//! `cargo run --release -p haina-scheduler --example throughput`

use std::time::{Duration, Instant};

use haina_core::{
    Allocation, Bytes, CardMillis, CardModelId, ClassId, CpuMillis, JobId, Milliseconds, NodeId, OrganizationId,
    PoolId, Timestamp, UserId,
};
use haina_scheduler::{Alike, Blocker, ClassKey, Cluster, Demand, Found, Fuel, NodeSpec, Queue, Terms, Waiting};

const POOL: PoolId = PoolId(1);
const MODEL: CardModelId = CardModelId(1);

/// Knuth's MMIX generator: small, and the same everywhere.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// What the demands are like.
#[derive(Clone, Copy)]
enum Mix {
    WholeCards,
    /// Half of the demands for one card are for a part of one.
    WithParts,
}

fn cluster(nodes: u32, mix: Mix) -> Cluster {
    let mut cluster = Cluster::new();
    for id in 1..=nodes {
        cluster.add_node(NodeSpec {
            id: NodeId(id),
            pool: POOL,
            card_model: Some(MODEL),
            cards: 8,
            ring: 4,
            fractions: matches!(mix, Mix::WithParts),
            cpu: CpuMillis(192_000),
            memory: Bytes(1 << 40),
            rack: None,
            pod: None,
        });
    }
    cluster
}

fn demand(random: &mut Lcg, mix: Mix) -> Demand {
    let (nodes, millis) = match random.below(100) {
        0..85 => match mix {
            Mix::WithParts if random.below(2) == 0 => (1, 100 * (1 + random.below(9) as u32)),
            _ => (1, 1000),
        },
        85..90 => (1, 2000),
        90..94 => (1, 4000),
        94..98 => (1, 8000),
        _ => (2 + random.below(15) as u32, 8000),
    };
    Demand {
        pool: POOL,
        card_model: (random.below(2) == 0).then_some(MODEL),
        nodes,
        cards_per_node: CardMillis(millis),
        cpu_per_node: CpuMillis(u64::from(millis) * 20),
        memory_per_node: Bytes(u64::from(millis) << 26),
        topology: None,
    }
}

#[derive(Default)]
struct Counts {
    placed: u64,
    shares: u64,
    blocked: u64,
    released: u64,
    allocated_permille: u64,
}

/// Finds, claims and releases `decisions` times from a cluster that is already full.
fn churn(cluster: &mut Cluster, held: &mut Vec<Allocation>, random: &mut Lcg, mix: Mix, decisions: u64) -> Counts {
    let mut counts = Counts::default();
    for _ in 0..decisions {
        let demand = demand(random, mix);
        match cluster.find(&demand, &Terms::default(), &mut Fuel(1_000_000)) {
            Found::Placed(allocation) => {
                cluster.claim(&allocation);
                counts.placed += 1;
                counts.shares += allocation.shares.len() as u64;
                held.push(allocation);
            }
            Found::Blocked { .. } => counts.blocked += 1,
            Found::OutOfFuel => unreachable!("the fuel is enough"),
        }
        let totals = cluster.totals(POOL, MODEL);
        counts.allocated_permille += u64::from(totals.allocated.0 / (totals.installed.0 / 1000));
        while u64::from(cluster.totals(POOL, MODEL).allocated.0) * 100 > u64::from(totals.installed.0) * 95 {
            let allocation = held.swap_remove(random.below(held.len() as u64) as usize);
            cluster.release(&allocation);
            counts.released += 1;
        }
    }
    counts
}

/// Nanoseconds for each decision.
fn measure(nodes: u32, mix: Mix, name: &str) -> f64 {
    let mut cluster = cluster(nodes, mix);
    let (mut held, mut random) = (Vec::new(), Lcg(42));
    churn(&mut cluster, &mut held, &mut random, mix, 20 * u64::from(nodes) + 100_000);
    let decisions = 1_000_000;
    let start = Instant::now();
    let counts = churn(&mut cluster, &mut held, &mut random, mix, decisions);
    let elapsed = start.elapsed();
    cluster.check();
    println!(
        "{name:<12} {nodes:>6} nodes: {:>9.0} placements/s ({:.0} node shares/s), {:>9.0} decisions/s with {:.1} % blocked; \
         {} released; {:.1} % allocated",
        counts.placed as f64 / elapsed.as_secs_f64(),
        counts.shares as f64 / elapsed.as_secs_f64(),
        decisions as f64 / elapsed.as_secs_f64(),
        counts.blocked as f64 * 100.0 / decisions as f64,
        counts.released,
        counts.allocated_permille as f64 / decisions as f64 / 10.0,
    );
    elapsed.as_nanos() as f64 / decisions as f64
}

fn waiting(job: JobId) -> Waiting {
    Waiting { job, user: UserId(0), alike: Alike::default(), came: Timestamp(0), longest: Milliseconds(1) }
}

fn at_once(_: JobId) -> Milliseconds {
    Milliseconds(0)
}

/// One million jobs in 100 classes go through the line; every tenth look blocks a class, which a freed card wakes.
fn measure_queue() {
    let (mut queue, mut random) = (Queue::new(true), Lcg(7));
    for class in 0..100u32 {
        let demand =
            Demand { cards_per_node: CardMillis(1000 * (1 + class % 8)), ..demand(&mut random, Mix::WholeCards) };
        let key =
            ClassKey { organization: OrganizationId(class % 4), project: None, priority: (class % 5) as i32, demand };
        queue.add_class(ClassId(class), key);
    }
    let resident_before = resident_bytes();
    let per_second = |elapsed: Duration| 1e6 / elapsed.as_secs_f64();
    let start = Instant::now();
    for job in 0..1_000_000 {
        queue.insert(ClassId(random.below(100) as u32), waiting(JobId(job)), at_once);
    }
    let inserted = per_second(start.elapsed());
    let resident = resident_bytes().saturating_sub(resident_before);
    let start = Instant::now();
    let mut looks = 0u64;
    while let Some((class, job)) = queue.next() {
        looks += 1;
        if looks.is_multiple_of(10) {
            queue.block(class, Blocker::Capacity);
            queue.capacity_freed(POOL, Some(MODEL), |_| true);
        } else {
            queue.remove(class, waiting(job), at_once);
        }
    }
    let taken = per_second(start.elapsed());
    println!(
        "queue: {inserted:.0} inserts/s, {taken:.0} next+remove/s, {:.1} bytes a waiting job",
        resident as f64 / 1e6
    );
}

/// Resident memory by the kernel's account; 0 where it gives none.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn main() {
    measure_queue();
    for (mix, name) in [(Mix::WholeCards, "whole cards"), (Mix::WithParts, "with parts")] {
        let small = measure(1000, mix, name);
        let large = measure(10_000, mix, name);
        println!(
            "{name:<12} a decision takes {small:.0} ns at 1,000 nodes, {large:.0} ns at 10,000: × {:.2}",
            large / small
        );
    }
}
