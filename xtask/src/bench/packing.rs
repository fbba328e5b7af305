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
/// In percent of the cards.
const DEVIATION_MOST: f64 = 0.3;

/// Measures all policies on all traces.
///
/// # Errors
/// Where the example fails or its table is another one.
pub fn measure(found: &mut Measurements) -> anyhow::Result<()> {
    let part = "Packing: cards given out when 130 % were asked for, mean of ten seeds";
    let arguments = ["run", "--release", "--quiet", "-p", "haina-simulator", "--example", "packing"];
    let table = steps::output(steps::cargo().args(arguments))?;
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let policies = rows.next().context("a row of names")?;
    for ((trace, published), row) in PUBLISHED.iter().zip(rows) {
        ensure!(row.first() == Some(trace) && row.len() > policies.len() - 1, "the row of {trace}: {row:?}");
        let means: Vec<f64> = row[1..policies.len()].iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        ensure!(means.len() == published.len() + 1, "the row of {trace} has Haina beside the published policies");
        for ((policy, mean), published) in policies[1..].iter().zip(&means).zip(published) {
            found.add(part, format!("{trace}, {policy} (published {published:.2} %)"), *mean, "%", None);
            let must = Some(Must::AtMost(DEVIATION_MOST));
            found.add(part, format!("{trace}, {policy}: deviation"), (mean - published).abs(), "points", must);
        }
        let (fgd, own) = (means[means.len() - 2], means[means.len() - 1]);
        found.add(part, format!("{trace}, Haina"), own, "%", Some(Must::AtLeast(fgd)));
    }
    Ok(())
}
