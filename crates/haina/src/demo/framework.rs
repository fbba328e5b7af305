//! What the demo's gang trains with.

use std::ops::RangeInclusive;

/// A framework for training.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// JAX, with gloo between the tasks: 280 MB to download, 0.9 GB on disk
    Jax,
    /// MindSpore, with its own collectives: 900 MB to download, 3.2 GB on disk, 4 GB of memory; Python 3.11 or 3.12
    #[value(name = "mindspore")]
    MindSpore,
}

impl Framework {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Framework::Jax => "JAX",
            Framework::MindSpore => "MindSpore",
        }
    }

    /// The program of examples/elnino that uses it.
    pub fn program(self) -> &'static str {
        match self {
            Framework::Jax => "train_jax.py",
            Framework::MindSpore => "train_mindspore.py",
        }
    }

    /// What it needs beside what all programs need.
    pub fn requirements(self) -> &'static str {
        match self {
            Framework::Jax => include_str!("../../../../examples/elnino/requirements-jax.txt"),
            Framework::MindSpore => include_str!("../../../../examples/elnino/requirements-mindspore.txt"),
        }
    }

    /// What the environment takes with it: to download, and on disk.
    pub fn size(self) -> [&'static str; 2] {
        match self {
            Framework::Jax => ["280 MB", "0.9 GB"],
            Framework::MindSpore => ["900 MB", "3.2 GB"],
        }
    }

    /// Releases of Python 3 for which all of it is published.
    pub fn pythons(self) -> RangeInclusive<u32> {
        match self {
            Framework::Jax => 11..=14,
            Framework::MindSpore => 11..=12,
        }
    }
}
