//! What the demo's gang trains with.

/// A framework for training.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// JAX, with gloo between the tasks
    Jax,
}

impl Framework {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Framework::Jax => "JAX",
        }
    }

    /// The program of examples/elnino that uses it.
    pub fn program(self) -> &'static str {
        match self {
            Framework::Jax => "train_jax.py",
        }
    }

    /// What it needs beside what all programs need.
    pub fn requirements(self) -> &'static str {
        match self {
            Framework::Jax => include_str!("../../../../examples/elnino/requirements-jax.txt"),
        }
    }

    /// What the environment takes with it: to download, and on disk.
    pub fn size(self) -> [&'static str; 2] {
        match self {
            Framework::Jax => ["280 MB", "0.9 GB"],
        }
    }
}
