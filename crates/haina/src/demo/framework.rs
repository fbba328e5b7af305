//! What the demo's gang trains with.

/// A framework for training.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    /// JAX, with gloo between the tasks
    Jax,
    /// MindSpore, with its own collectives: 0.9 GB more to download, 2.9 GB on disk; needs Python 3.11 or 3.12
    #[value(name = "mindspore")]
    MindSpore,
}

const COMMON: &str = include_str!("../../../../examples/elnino/requirements.txt");
const JAX: &str = include_str!("../../../../examples/elnino/requirements-jax.txt");
const MINDSPORE: &str = include_str!("../../../../examples/elnino/requirements-mindspore.txt");

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

    /// What the gang's program needs.
    pub fn requirements(self) -> Vec<&'static str> {
        match self {
            Framework::Jax => lines(&[COMMON, JAX]),
            Framework::MindSpore => lines(&[MINDSPORE]),
        }
    }

    /// What all other programs need. The same as the gang's where that is possible: then there is one environment to make
    /// and to keep.
    pub fn common_requirements(self) -> Vec<&'static str> {
        match self {
            Framework::Jax => self.requirements(),
            Framework::MindSpore => lines(&[COMMON]),
        }
    }

    /// What the environments take with them: to download, and on disk.
    pub fn size(self) -> [&'static str; 2] {
        match self {
            Framework::Jax => ["280 MB", "0.9 GB"],
            Framework::MindSpore => ["1.0 GB", "3.4 GB"],
        }
    }
}

fn lines(files: &[&'static str]) -> Vec<&'static str> {
    let lines = files.iter().flat_map(|text| text.lines()).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}
