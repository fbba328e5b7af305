//! How full a production cluster gets under each policy: the table of `packing`, the mean of ten seeds, in percent of the
//! cards; the traces in the order of the published runs. Reads the traces in the directory that `HAINA_TRACES` names.
//!
//! `HAINA_TRACES=… cargo run --release -p haina-simulator --example packing`

use std::path::PathBuf;
use std::time::Instant;

use haina_simulator::packing::{Experiment, Packing, made_nodes, made_pods, read_nodes, read_pods};

/// Seeds of mixes that are made, beside the traces. The constants of placement by least fragmentation were chosen on the
/// traces and on seeds 1 to 10.
const MADE: std::ops::RangeInclusive<u64> = 11..=20;

fn main() -> Result<(), String> {
    let directory = PathBuf::from(std::env::var_os("HAINA_TRACES").ok_or("HAINA_TRACES names no directory")?);
    let read = |name: &str| {
        let path = directory.join(format!("openb_{name}.csv"));
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let nodes = read_nodes(&read("node_list_gpu_node")?)?;
    println!("{:<12}{}", "trace", Packing::ALL.map(|policy| format!("{:>13}", policy.name())).concat());
    for trace in ["default", "gpushare40", "multigpu20"] {
        let pods = read_pods(&read(&format!("pod_list_{trace}"))?)?;
        row(trace, |seed| Experiment::as_published(&nodes, &pods, seed));
    }
    for mix in MADE {
        let (nodes, pods) = (made_nodes(), made_pods(mix));
        row(&format!("made-{mix}"), |seed| Experiment::drawn(&nodes, &pods, seed.into()));
    }
    Ok(())
}

/// One mix of pods, with the seeds of the published runs.
fn row<'a>(name: &str, experiment: impl Fn(u32) -> Experiment<'a>) {
    let start = Instant::now();
    let experiments: Vec<Experiment> = (42..52).map(experiment).collect();
    let mean = |policy| experiments.iter().map(|of_seed| of_seed.given_out(policy)).sum::<u64>() as f64 / 1000.0;
    let means = Packing::ALL.map(|policy| format!("{:>13.2}", mean(policy)));
    println!("{name:<12}{}   ({:.1} s)", means.concat(), start.elapsed().as_secs_f64());
}
