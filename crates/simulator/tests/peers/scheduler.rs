//! What a scenario can do with a scheduler.

/// A node of eight cards in two rings of four.
#[derive(Clone, Copy)]
pub struct Node {
    pub model: u32,
}

impl Node {
    pub fn of_model(model: u32) -> Node {
        Node { model }
    }
}

/// A job that asks for whole cards and is tried again when its node is lost.
#[derive(Clone, Copy)]
pub struct Job {
    pub nodes: u32,
    pub cards: u32,
    pub model: Option<u32>,
    pub limit_seconds: u64,
}

impl Job {
    pub fn cards(cards: u32) -> Job {
        Job { nodes: 1, cards, model: None, limit_seconds: 3600 }
    }

    pub fn for_at_most(self, limit_seconds: u64) -> Job {
        Job { limit_seconds, ..self }
    }

    pub fn on_nodes(self, nodes: u32) -> Job {
        Job { nodes, ..self }
    }

    pub fn of_model(self, model: u32) -> Job {
        Job { model: Some(model), ..self }
    }

    pub fn asked(&self) -> u32 {
        self.nodes * self.cards
    }
}

/// Decides all that it can whenever something happens.
pub trait Scheduler {
    fn submit(&mut self, job: Job) -> u64;
    /// So much time passes; nothing ends.
    fn pass(&mut self, seconds: u64);
    /// A job that runs succeeds.
    fn end(&mut self, job: u64);
    fn add_node(&mut self, node: Node);
    /// A node is drained because it fails; what ran on it is lost. Nodes count from 1.
    fn lose_node(&mut self, node: u32);
    fn node_returns(&mut self, node: u32);
    /// The cards that a job holds, on whatever node.
    fn cards(&self, job: u64) -> Vec<u8>;
    fn asked(&self, job: u64) -> u32;

    fn held(&self, job: u64) -> u32 {
        self.cards(job).len() as u32
    }

    fn runs(&self, job: u64) -> bool {
        self.held(job) == self.asked(job)
    }
}
