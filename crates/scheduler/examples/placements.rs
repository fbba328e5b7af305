//! Placements per second on one core at 100, 1,000 and 10,000 nodes × 8 cards, found and claimed, and how the time for one
//! grows with the nodes: an exponent of 0 says not at all, 1 in proportion. The cluster is kept at about 95 %: whenever
//! more is held, holders drawn at random give theirs back, and that counts in the time.
//!
//! `cargo run --release -p haina-scheduler --example placements`

use std::time::Instant;

use haina_core::{
    Allocation, Bytes, CardMillis, CardModelId, CpuMillis, Force, Level, NodeId, Placement, PoolId, Topology,
};
use haina_scheduler::{Cluster, Demand, Found, Fuel, Mix, NodeSpec, Terms};

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

/// A cluster, what is asked of it and how.
struct Work {
    name: &'static str,
    placement: Placement,
    /// Each as often as the others.
    demands: Vec<Demand>,
}

fn demand(nodes: u32, millis: u32, cores: u64) -> Demand {
    Demand {
        pool: POOL,
        card_model: None,
        nodes,
        cards_per_node: CardMillis(millis),
        cpu_per_node: CpuMillis(cores * 1000),
        memory_per_node: Bytes(u64::from(millis) << 26),
        topology: None,
    }
}

fn mixed() -> Work {
    let small = (0..85).map(|_| demand(1, 1000, 8));
    let large = [(5, 1, 2), (4, 1, 4), (4, 1, 8), (1, 4, 8), (1, 16, 8)];
    let large = large
        .into_iter()
        .flat_map(|(often, nodes, cards)| (0..often).map(move |_| demand(nodes, cards * 1000, u64::from(cards) * 8)));
    Work { name: "mixed, best fit", placement: Placement::BestFit, demands: small.chain(large).collect() }
}

fn parts() -> Work {
    // Parts of a card as in a production trace, each with fewer or more processors; and whole cards.
    let parts = [160, 220, 230, 320, 370, 460, 470, 550, 590, 650, 810];
    let demands = parts.into_iter().flat_map(|millis| [demand(1, millis, 4), demand(1, millis, 11)]);
    let demands = demands.chain([demand(1, 1000, 11), demand(1, 2000, 16)]);
    Work { name: "parts, least fragmentation", placement: Placement::LeastFragmentation, demands: demands.collect() }
}

fn gangs() -> Work {
    let topology = Some(Topology { force: Force::Required, level: Level::Rack });
    let gang = Demand { topology, ..demand(16, 8000, 64) };
    Work { name: "128 cards of one rack", placement: Placement::BestFit, demands: vec![gang] }
}

/// Racks of 40 nodes, ten of which are a pod.
fn cluster(nodes: u32) -> Cluster {
    let mut cluster = Cluster::new();
    for id in 1..=nodes {
        cluster.add_node(NodeSpec {
            id: NodeId(id),
            pool: POOL,
            card_model: Some(MODEL),
            cards: 8,
            ring: 4,
            fractions: true,
            cpu: CpuMillis(192_000),
            memory: Bytes(1 << 40),
            rack: Some(id / 40),
            pod: Some(id / 400),
        });
    }
    cluster
}

/// Places so many demands.
fn churn(cluster: &mut Cluster, held: &mut Vec<Allocation>, random: &mut Lcg, work: &Work, placements: u64) {
    let terms = Terms { placement: work.placement, ..Terms::default() };
    let mut placed = 0;
    while placed < placements {
        let demand = work.demands[random.below(work.demands.len() as u64) as usize];
        match cluster.find(&demand, &terms, &mut Fuel(1_000_000)) {
            Found::Placed(allocation) => {
                cluster.claim(&allocation);
                held.push(allocation);
                placed += 1;
            }
            Found::Blocked { .. } => {
                let allocation = held.swap_remove(random.below(held.len() as u64) as usize);
                cluster.release(&allocation);
            }
            Found::OutOfFuel => unreachable!("the fuel is enough"),
        }
        while u64::from(cluster.totals(POOL, MODEL).allocated.0) * 100
            > u64::from(cluster.totals(POOL, MODEL).installed.0) * 95
        {
            let allocation = held.swap_remove(random.below(held.len() as u64) as usize);
            cluster.release(&allocation);
        }
    }
}

/// Nanoseconds for each placement.
fn measure(work: &Work, nodes: u32) -> f64 {
    let mut cluster = cluster(nodes);
    if work.placement == Placement::LeastFragmentation {
        cluster.set_mix(&Mix::new(work.demands.iter().map(|demand| (*demand, 1))));
    }
    let (mut held, mut random) = (Vec::new(), Lcg(42));
    churn(&mut cluster, &mut held, &mut random, work, 40 * u64::from(nodes));
    let placements = 200_000;
    let start = Instant::now();
    churn(&mut cluster, &mut held, &mut random, work, placements);
    let elapsed = start.elapsed();
    cluster.check();
    println!(
        "{:<28} {nodes:>6} nodes: {:>9.0} placements/s at {:.1} % held",
        work.name,
        placements as f64 / elapsed.as_secs_f64(),
        f64::from(cluster.totals(POOL, MODEL).allocated.0) * 100.0 / f64::from(cluster.totals(POOL, MODEL).installed.0)
    );
    elapsed.as_nanos() as f64 / placements as f64
}

fn main() {
    for work in [mixed(), parts(), gangs()] {
        let times = [100, 1_000, 10_000].map(|nodes| measure(&work, nodes));
        let exponents = [times[1] / times[0], times[2] / times[1]].map(f64::log10);
        println!("{:<28} growth exponents {:.2} and {:.2}", work.name, exponents[0], exponents[1]);
    }
}
