//! Who may know whom: docs/ARCHITECTURE.md as a table, compared with `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::steps;

/// Each crate with the crates of this workspace that it may link, beyond dev-dependencies.
const MAY_LINK: &[(&str, &[&str])] = &[
    ("haina-core", &[]),
    ("haina-scheduler", &["haina-core"]),
    ("haina-ledger", &["haina-core"]),
    ("haina-center", &["haina-core", "haina-scheduler", "haina-ledger"]),
    ("haina-simulator", &["haina-core", "haina-scheduler", "haina-ledger", "haina-center"]),
    ("haina-store", &["haina-core", "haina-scheduler", "haina-ledger", "haina-center"]),
    ("haina-engine", &["haina-core"]),
    ("haina-api", &["haina-core"]),
    (
        "haina-runtime",
        &["haina-core", "haina-scheduler", "haina-ledger", "haina-center", "haina-store", "haina-engine"],
    ),
    (
        "haina-server",
        &[
            "haina-core",
            "haina-scheduler",
            "haina-ledger",
            "haina-center",
            "haina-store",
            "haina-engine",
            "haina-runtime",
            "haina-api",
        ],
    ),
    (
        "haina",
        &[
            "haina-core",
            "haina-scheduler",
            "haina-ledger",
            "haina-center",
            "haina-store",
            "haina-engine",
            "haina-runtime",
            "haina-api",
            "haina-server",
            "haina-simulator",
        ],
    ),
    // For tests only: nobody links it but as a dev-dependency, or from outside the product.
    ("haina-testkit", &["haina-core"]),
    ("xtask", &["haina-testkit"]),
];

/// These compute and do nothing else; they link nothing that reaches outside.
const PURE: [&str; 5] = ["haina-core", "haina-scheduler", "haina-ledger", "haina-center", "haina-simulator"];

/// What reaches outside.
const REACHES_OUTSIDE: [&str; 12] = [
    "tokio",
    "async-std",
    "sqlx",
    "sqlx-core",
    "axum",
    "hyper",
    "reqwest",
    "ureq",
    "kube",
    "rand",
    "getrandom",
    "chrono",
];

/// A part that one crate alone may name among its dependencies.
const ONLY: [(&str, &str); 3] = [("sqlx", "haina-store"), ("kube", "haina-engine"), ("axum", "haina-server")];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    pkg: String,
    dep_kinds: Vec<LinkKind>,
}

#[derive(Deserialize)]
struct LinkKind {
    kind: Option<String>,
}

/// Links that end up in the product, by name.
struct Graph {
    links: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

/// Checks the whole workspace.
///
/// # Errors
/// With every link that should not be.
pub fn check() -> anyhow::Result<()> {
    let graph = Graph::read()?;
    let wrong = graph.wrong_links();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    println!("{} crates link whom they may", graph.members.len());
    Ok(())
}

impl Graph {
    fn read() -> anyhow::Result<Graph> {
        let text = steps::output(steps::cargo().args(["metadata", "--format-version", "1"]))?;
        let metadata: Metadata = serde_json::from_str(&text).context("what `cargo metadata` printed")?;
        let names: BTreeMap<&str, &str> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let name = |id: &str| names.get(id).copied().unwrap_or(id).to_owned();
        let linked = |link: &&Link| link.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"));
        let mut links: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        // Versions of one crate are taken together: it is the crate that matters.
        for node in &metadata.resolve.nodes {
            let of_node = node.deps.iter().filter(linked).map(|link| name(&link.pkg));
            links.entry(name(&node.id)).or_default().extend(of_node);
        }
        Ok(Graph { links, members: metadata.workspace_members.iter().map(|id| name(id)).collect() })
    }

    fn wrong_links(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let allowed: BTreeMap<&str, &[&str]> = MAY_LINK.iter().copied().collect();
        for member in &self.members {
            let Some(allowed) = allowed.get(member.as_str()) else {
                wrong.push(format!(
                    "{member} stands in no table: say in xtask/src/check/directions.rs whom it may link"
                ));
                continue;
            };
            for link in self.links[member].intersection(&self.members) {
                if !allowed.contains(&link.as_str()) {
                    wrong.push(format!("{member} may not link {link}"));
                }
            }
            for (part, only) in ONLY {
                if self.links[member].contains(part) && member != only {
                    wrong.push(format!("{member} may not link {part}: only {only} does"));
                }
            }
        }
        for pure in PURE.into_iter().filter(|pure| self.members.contains(*pure)) {
            let reached = self.reached_from(pure);
            for outside in REACHES_OUTSIDE {
                if let Some(path) = reached.get(outside) {
                    wrong.push(format!("{pure} is pure and may not link {outside}, not even by way of {path}"));
                }
            }
        }
        wrong
    }

    /// All that a crate links, directly or not, with the crate that brings it in.
    fn reached_from(&self, start: &str) -> BTreeMap<&str, String> {
        let mut reached = BTreeMap::new();
        let mut open = vec![start.to_owned()];
        while let Some(by) = open.pop() {
            for link in self.links.get(&by).into_iter().flatten() {
                if !reached.contains_key(link.as_str()) {
                    reached.insert(link.as_str(), by.clone());
                    open.push(link.clone());
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_links_only_whom_it_may() {
        let wrong = Graph::read().unwrap().wrong_links();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_pure_crate_that_reaches_outside_by_way_of_another_is_found() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let links = BTreeMap::from([
            ("haina-core".to_owned(), set(&["innocent"])),
            ("innocent".to_owned(), set(&["tokio"])),
            ("haina-ledger".to_owned(), set(&["haina-scheduler"])),
            ("haina-scheduler".to_owned(), set(&[])),
        ]);
        let graph = Graph { links, members: set(&["haina-core", "haina-ledger", "haina-scheduler"]) };
        assert_eq!(
            graph.wrong_links(),
            [
                "haina-ledger may not link haina-scheduler",
                "haina-core is pure and may not link tokio, not even by way of innocent",
            ]
        );
    }
}
