//! The smallest story that still goes wrong.

use super::Story;

/// Leaves out steps for as long as `fails` says that it still does; first halves, then ever smaller parts.
pub fn shrink(story: &Story, fails: impl Fn(&Story) -> bool) -> Story {
    let mut smallest = story.clone();
    let mut part = smallest.steps.len().div_ceil(2);
    while part > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < smallest.steps.len() {
            let mut candidate = smallest.clone();
            candidate.steps.drain(from..(from + part).min(candidate.steps.len()));
            match fails(&candidate) {
                true => (smallest, shorter) = (candidate, true),
                false => from += part,
            }
        }
        // Single steps are tried again until none can be left out.
        part = if part == 1 && shorter { 1 } else { part / 2 };
    }
    smallest
}
