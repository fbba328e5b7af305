//! Slurm's published numbers, to their six decimals.
//!
//! The trees and what should come of them are those of Slurm's documentation of both algorithms
//! (`doc/html/classic_fair_share.shtml`, `doc/html/fair_tree.shtml`) and of its public test suite (`testsuite/expect`:
//! `test24.1` and `test24.3`, classic; `test24.4`, Fair Tree), at <https://github.com/SchedMD/slurm>.
//!
//! `Fairshare=parent`, which Haina has not, is written here as what it comes to: who is in an account that has it is in
//! the account above; a user who has it is first in its account and takes no part of the shares.

use std::collections::BTreeMap;

use haina_scheduler::{FairShare, FairTree, Ratio, ShareTree, Sharer};

/// A tree by names.
struct Named {
    tree: ShareTree,
    of_name: BTreeMap<&'static str, Sharer>,
}

/// From rows of account, name, shares and use. A name in lower case from its first letter `u` is a user's.
fn tree(rows: &[(&'static str, &'static str, u32, u64)]) -> Named {
    let mut named = Named { tree: ShareTree::default(), of_name: BTreeMap::from([("root", ShareTree::ROOT)]) };
    for (account, name, shares, used) in rows {
        let parent = named.of_name[account];
        let sharer = match name.starts_with('u') {
            true => named.tree.add_user(parent, *shares, *used),
            false => named.tree.add_account(parent, *shares, *used),
        };
        named.of_name.insert(name, sharer);
    }
    named
}

fn six(ratio: Ratio) -> String {
    let (over, under) = ratio.parts();
    format!("{:.6}", over as f64 / under as f64)
}

/// For each name: part of the shares, part of the use, effective use, factor.
fn check_classic(named: &Named, expected: &[(&str, &str, &str, &str, &str)]) {
    let all = FairShare::of(&named.tree);
    for &(name, shares, used, effective, factor) in expected {
        let sharer = named.of_name[name];
        let is = [
            all.shares(sharer),
            named.tree.normalized_use(sharer),
            all.effective_use(sharer),
            Ratio::new(all.factor(sharer).into(), 1 << 32),
        ];
        assert_eq!(is.map(six), [shares, used, effective, factor], "{name}");
    }
}

#[test]
fn the_classic_factor_is_that_of_the_documentation() {
    // Used: hundredths of the machine.
    let named = tree(&[
        ("root", "A", 40, 45),
        ("root", "D", 60, 25),
        ("A", "B", 30, 20),
        ("A", "C", 10, 25),
        ("D", "E", 25, 25),
        ("D", "F", 35, 0),
        ("B", "u1", 1, 20),
        ("C", "u2", 1, 25),
        ("C", "u3", 1, 0),
        ("E", "u4", 1, 25),
        ("F", "u5", 1, 0),
        // Has no shares, in the test suite; what it used makes the hundred full.
        ("root", "G", 0, 30),
        ("G", "u6", 0, 30),
    ]);
    check_classic(
        &named,
        &[
            ("A", "0.400000", "0.450000", "0.450000", "0.458502"),
            ("B", "0.300000", "0.200000", "0.387500", "0.408479"),
            ("u1", "0.300000", "0.200000", "0.387500", "0.408479"),
            ("C", "0.100000", "0.250000", "0.300000", "0.125000"),
            ("u2", "0.050000", "0.250000", "0.275000", "0.022097"),
            ("u3", "0.050000", "0.000000", "0.150000", "0.125000"),
            ("D", "0.600000", "0.250000", "0.250000", "0.749154"),
            ("E", "0.250000", "0.250000", "0.250000", "0.500000"),
            ("u4", "0.250000", "0.250000", "0.250000", "0.500000"),
            ("F", "0.350000", "0.000000", "0.145833", "0.749154"),
            ("u5", "0.350000", "0.000000", "0.145833", "0.749154"),
            ("G", "0.000000", "0.300000", "0.300000", "0.000000"),
        ],
    );
}

#[test]
fn the_classic_factor_is_that_of_a_larger_tree() {
    let named = tree(&[
        ("root", "A", 40, 45),
        ("root", "D", 60, 25),
        ("root", "G", 0, 30),
        ("root", "H", 50, 110),
        ("A", "B", 30, 20),
        ("A", "C", 10, 25),
        ("B", "u1", 1, 20),
        ("C", "u2", 1, 25),
        ("C", "u3", 1, 0),
        ("D", "E", 25, 25),
        ("D", "F", 35, 0),
        ("E", "u4", 1, 25),
        ("F", "u5", 1, 0),
        ("G", "u6", 0, 30),
        // With two users and an account that have `Fairshare=parent`: they stand where H does.
        ("H", "uHRA2", 40, 20),
        ("H", "uHRA3", 50, 25),
        ("H", "uHTAStd2", 30, 10),
        ("H", "uHTAStd3", 50, 25),
    ]);
    check_classic(
        &named,
        &[
            ("A", "0.266667", "0.214286", "0.214286", "0.572929"),
            ("B", "0.200000", "0.095238", "0.184524", "0.527550"),
            ("u1", "0.200000", "0.095238", "0.184524", "0.527550"),
            ("C", "0.066667", "0.119048", "0.142857", "0.226431"),
            ("u2", "0.033333", "0.119048", "0.130952", "0.065672"),
            ("u3", "0.033333", "0.000000", "0.071429", "0.226431"),
            ("D", "0.400000", "0.119048", "0.119048", "0.813594"),
            ("E", "0.166667", "0.119048", "0.119048", "0.609507"),
            ("u4", "0.166667", "0.119048", "0.119048", "0.609507"),
            ("F", "0.233333", "0.000000", "0.069444", "0.813594"),
            ("u5", "0.233333", "0.000000", "0.069444", "0.813594"),
            ("G", "0.000000", "0.142857", "0.142857", "0.000000"),
            ("u6", "0.000000", "0.142857", "0.142857", "0.000000"),
            ("H", "0.333333", "0.523810", "0.523810", "0.336475"),
            ("uHRA2", "0.078431", "0.095238", "0.196078", "0.176777"),
            ("uHRA3", "0.098039", "0.119048", "0.238095", "0.185749"),
            ("uHTAStd2", "0.058824", "0.047619", "0.131653", "0.211966"),
            ("uHTAStd3", "0.098039", "0.119048", "0.238095", "0.185749"),
        ],
    );
}

/// For each name: part of the level's shares, part of the account's use, level fair share, and a user's factor.
fn check_fair_tree(named: &Named, expected: &[(&str, &str, &str, &str, Option<&str>)]) {
    let ranks = FairTree::of(&named.tree);
    for &(name, shares, used, level, factor) in expected {
        let (tree, sharer) = (&named.tree, named.of_name[name]);
        let ratios = [tree.normalized_shares(sharer), tree.effective_use(sharer), tree.level_fair_share(sharer)];
        assert_eq!(ratios.map(six), [shares, used, level], "{name}");
        assert_eq!(ranks.factor(sharer).map(six).as_deref(), factor, "{name}");
    }
}

#[test]
fn fair_tree_ranks_as_slurms_test_suite_does() {
    // A share so small that it takes no part of the others' to six decimals.
    const NONE: u32 = 1;
    const OF_D: u32 = 10_000_000;
    let named = tree(&[
        ("root", "u1", 10, 0),
        ("root", "u2", 10, 10),
        ("root", "A", 40, 45),
        ("A", "AA", 30, 20),
        ("AA", "uAA1", 1, 20),
        ("A", "AB", 10, 25),
        ("AB", "uAB1", 1, 25),
        ("AB", "uAB2", 1, 0),
        ("root", "B", 60, 25),
        ("B", "BA", 25, 25),
        ("BA", "uBA1", 1, 25),
        ("B", "BB", 35, 0),
        ("BB", "uBB1", 1, 0),
        ("root", "C", 0, 30),
        ("C", "uC1", 0, 30),
        ("root", "D", 50, 110),
        // `parent`, as two of the next are; and all of account DA, whose users are the last three of D.
        ("D", "uD1", NONE, 0),
        ("D", "uD2", 40 * OF_D, 20),
        ("D", "uD3", 50 * OF_D, 25),
        ("D", "uDA1", NONE, 0),
        ("D", "uDA2", 30 * OF_D, 10),
        ("D", "uDA3", 50 * OF_D, 25),
        ("root", "E", 10, 0),
        ("E", "uE1", 10, 0),
        ("E", "uE2", 10, 0),
        ("root", "F", 20, 0),
        ("F", "uF1", 10, 0),
        ("F", "uF2", 20, 0),
        ("root", "G", 8, 20),
        ("G", "uG1", 10, 10),
        ("G", "GA", 10, 10),
        ("GA", "uGA1", 20, 4),
        ("GA", "uGA2", 20, 6),
    ]);
    check_fair_tree(
        &named,
        &[
            ("u1", "0.048077", "0.000000", "inf", Some("1.000000")),
            ("u2", "0.048077", "0.041667", "1.153846", Some("0.666667")),
            ("A", "0.192308", "0.187500", "1.025641", None),
            ("AA", "0.750000", "0.444444", "1.687500", None),
            ("uAA1", "1.000000", "1.000000", "1.000000", Some("0.619048")),
            ("AB", "0.250000", "0.555556", "0.450000", None),
            ("uAB1", "0.500000", "1.000000", "0.500000", Some("0.523810")),
            ("uAB2", "0.500000", "0.000000", "inf", Some("0.571429")),
            ("B", "0.288462", "0.104167", "2.769231", None),
            ("BA", "0.416667", "1.000000", "0.416667", None),
            ("uBA1", "1.000000", "1.000000", "1.000000", Some("0.714286")),
            ("BB", "0.583333", "0.000000", "inf", None),
            ("uBB1", "1.000000", "0.000000", "inf", Some("0.761905")),
            ("C", "0.000000", "0.125000", "0.000000", None),
            ("uC1", "0.000000", "1.000000", "0.000000", Some("0.047619")),
            ("D", "0.240385", "0.458333", "0.524476", None),
            // Slurm's suite has 0.238095, with the remark that its level is not that of uD3 and shows too few digits to
            // tell. Both are 22/17: the division of floating-point numbers parts them, and here they tie.
            ("uD2", "0.235294", "0.181818", "1.294118", Some("0.333333")),
            ("uD3", "0.294118", "0.227273", "1.294118", Some("0.333333")),
            ("uDA2", "0.176471", "0.090909", "1.941176", Some("0.380952")),
            ("uDA3", "0.294118", "0.227273", "1.294118", Some("0.333333")),
            ("E", "0.048077", "0.000000", "inf", None),
            ("uE1", "0.500000", "0.000000", "inf", Some("1.000000")),
            ("uE2", "0.500000", "0.000000", "inf", Some("1.000000")),
            ("F", "0.096154", "0.000000", "inf", None),
            ("uF1", "0.333333", "0.000000", "inf", Some("1.000000")),
            ("uF2", "0.666667", "0.000000", "inf", Some("1.000000")),
            ("G", "0.038462", "0.083333", "0.461538", None),
            ("uG1", "0.500000", "0.500000", "1.000000", Some("0.190476")),
            ("GA", "0.500000", "0.500000", "1.000000", None),
            ("uGA1", "0.500000", "0.400000", "1.250000", Some("0.190476")),
            ("uGA2", "0.500000", "0.600000", "0.833333", Some("0.095238")),
        ],
    );
    let factor = |name| FairTree::of(&named.tree).factor(named.of_name[name]).map(six);
    assert_eq!([factor("uD1"), factor("uDA1")], [Some("0.476190".to_owned()), Some("0.476190".to_owned())]);
}

#[test]
fn accounts_that_tie_are_visited_as_one() {
    // Both accounts have had exactly their part; the users of both are ranked among each other.
    let named = tree(&[
        ("root", "A", 1, 10),
        ("root", "B", 3, 30),
        ("A", "uA1", 1, 1),
        ("A", "uA2", 1, 9),
        ("B", "uB1", 1, 10),
        ("B", "uB2", 1, 20),
        ("B", "uB3", 1, 0),
    ]);
    let ranks = FairTree::of(&named.tree);
    let position = |name| ranks.position(named.of_name[name]).unwrap();
    // Levels: 5, 5/9; 1, 1/2, none used.
    assert_eq!(["uB3", "uA1", "uB1", "uA2", "uB2"].map(position), [1, 2, 3, 4, 5]);
}
