//! The packing half of `cargo xtask bench quality`: how full a production cluster gets under each policy, beside what was
//! published of the classical ones. It runs the `packing` example of the simulator.

use anyhow::{Context, ensure};

use super::measurements::{Measurements, Must};
use crate::steps;

/// Published, in percent of the cards: of each trace by Random, DotProd, Clustering, Packing, BestFit and FGD.
const PUBLISHED: [(&str, [f64; 6]); 3] = [
    ("default", [87.47, 90.85, 91.88, 92.00, 93.08, 95.39]),
    ("gpushare40", [86.00, 89.56, 90.02, 90.03, 91.69, 94.15]),
    ("multigpu20", [88.69, 92.06, 93.56, 93.71, 93.93, 95.65]),
];
/// From what was published, in percent of the cards. The order of the published runs is repeated, so that only rounding is
/// left, but for the policy that draws nodes itself.
const DEVIATION_MOST: f64 = 0.02;
const DEVIATION_MOST_OF_RANDOM: f64 = 0.3;

/// Measures all policies on all traces and on made mixes.
///
/// # Errors
/// Where the example fails or its table is another one.
pub fn measure(found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Packing: cards given out when 130 % were asked for, mean of ten seeds";
    let arguments = ["run", "--release", "--quiet", "-p", "haina-simulator", "--example", "packing"];
    let table = steps::output(steps::cargo().args(arguments))?;
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let policies = rows.next().context("a row of names")?;
    let mut made: Vec<Vec<f64>> = Vec::new();
    for (index, row) in rows.enumerate() {
        let trace = row.first().context("a row begins with its name")?;
        ensure!(row.len() >= policies.len(), "the row of {trace}: {row:?}");
        let means: Vec<f64> = row[1..policies.len()].iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        match PUBLISHED.get(index) {
            Some((name, published)) => {
                ensure!(trace == name, "the row of {name}: {row:?}");
                add_trace(found, part, trace, &policies[1..], &means, published)?;
            }
            None => made.push(means),
        }
    }
    ensure!(!made.is_empty(), "a row of a made mix");
    add_made(found, &policies[1..], &made);
    Ok(())
}

fn add_trace(
    found: &mut Measurements,
    part: &'static str,
    trace: &str,
    policies: &[&str],
    means: &[f64],
    published: &[f64; 6],
) -> anyhow::Result<()> {
    ensure!(means.len() == published.len() + 2, "the row of {trace} has Haina twice beside the published policies");
    for ((policy, mean), published) in policies.iter().zip(means).zip(published) {
        found.add(part, format!("{trace}, {policy} (published {published:.2} %)"), *mean, "%", None);
        let most = if *policy == "Random" { DEVIATION_MOST_OF_RANDOM } else { DEVIATION_MOST };
        let must = Some(Must::AtMost(most));
        found.add(part, format!("{trace}, {policy}: deviation"), (mean - published).abs(), "points", must);
    }
    let &[fgd, told, own] = &means[means.len() - 3..] else { unreachable!("it has eight") };
    found.add(part, format!("{trace}, Haina told the mix in advance"), told, "%", Some(Must::AtLeast(fgd)));
    found.add(part, format!("{trace}, Haina's center as it serves"), own, "%", Some(Must::AtLeast(fgd)));
    Ok(())
}

/// What came of each policy on mixes on which nothing was chosen: the mean, and what is least in comparison with FGD.
fn add_made(found: &mut Measurements, policies: &[&str], made: &[Vec<f64>]) {
    let part = "The same on made centers and mixes, on which no constant was chosen: mean of all";
    let mean = |policy: usize| made.iter().map(|means| means[policy]).sum::<f64>() / made.len() as f64;
    let fgd = policies.len() - 3;
    for (index, policy) in policies.iter().enumerate() {
        let must = (index > fgd).then(|| Must::AtLeast(mean(fgd)));
        found.add(part, *policy, mean(index), "%", must);
    }
    for (index, policy) in policies.iter().enumerate().skip(fgd + 1) {
        let worst = made.iter().map(|means| means[index] - means[fgd]).fold(f64::INFINITY, f64::min);
        found.add(part, format!("{policy} above FGD, where it is least so"), worst, "points", None);
    }
}
