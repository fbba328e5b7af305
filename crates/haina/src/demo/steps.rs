//! The steps that a person watches, each with how long it took.

use std::time::Instant;

use crate::language::say;
use crate::print;

/// Where the demo is.
pub struct Steps {
    began: Instant,
    step: Option<Instant>,
}

impl Steps {
    /// Nothing done yet.
    pub fn begin() -> Steps {
        Steps { began: Instant::now(), step: None }
    }

    /// Ends the step before, and begins this one.
    pub fn next(&mut self, text: &str) {
        self.end_step();
        println!("\n▸ {text}");
        self.step = Some(Instant::now());
    }

    /// Ends the last step; how long all took.
    pub fn done(mut self) {
        self.end_step();
        let whole = print::length(self.began.elapsed().as_secs_f64());
        println!("\n{}", say(format!("Done in {whole}."), format!("全部完成，用时 {whole}。")));
    }

    fn end_step(&mut self) {
        if let Some(began) = self.step.take() {
            let took = print::length(began.elapsed().as_secs_f64());
            println!("  {}", say(format!("({took})"), format!("（用时 {took}）")));
        }
    }
}
