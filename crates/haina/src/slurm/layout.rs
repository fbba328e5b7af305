//! Which tasks are on which node.

/// How many tasks each node has: as even as can be, the first nodes with one more.
pub fn spread(tasks: u32, nodes: u32) -> Vec<u32> {
    (0..nodes).map(|node| tasks / nodes + u32::from(node < tasks % nodes)).collect()
}

/// Slurm's short form: `2(x3),1`.
pub fn shortened(counts: &[u32]) -> String {
    let runs = counts.chunk_by(|one, other| one == other);
    let runs = runs.map(|run| if run.len() == 1 { run[0].to_string() } else { format!("{}(x{})", run[0], run.len()) });
    runs.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_spread_evenly() {
        for (tasks, nodes, counts, short) in
            [(3, 2, &[2, 1][..], "2,1"), (4, 2, &[2, 2], "2(x2)"), (1, 1, &[1], "1"), (7, 4, &[2, 2, 2, 1], "2(x3),1")]
        {
            assert_eq!(spread(tasks, nodes), counts);
            assert_eq!(shortened(counts), short);
        }
    }
}
