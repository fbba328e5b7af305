//! Parts of the tests that need something that a machine may lack. They are skipped visibly, or, where `HAINA_REQUIRE`
//! names them (separated by commas, as CI sets it), they fail.

use std::io::Write;

/// Whether `part` may not be skipped.
pub fn is_required(part: &str) -> bool {
    lists(&std::env::var("HAINA_REQUIRE").unwrap_or_default(), part)
}

/// Says that `part` is skipped, past the capture of test output.
///
/// # Panics
/// Where `part` is required.
pub fn skip(part: &str, reason: &str) {
    assert!(!is_required(part), "{part} is required by HAINA_REQUIRE, but {reason}");
    _ = writeln!(std::io::stderr(), "SKIPPED: {part} {reason}");
}

fn lists(required: &str, part: &str) -> bool {
    required.split(',').any(|word| word.trim() == part)
}

#[cfg(test)]
mod tests {
    use super::lists;

    #[test]
    fn a_part_is_required_if_the_list_names_it_as_a_whole_word() {
        assert!(lists("postgres", "postgres") && lists("slurm, postgres", "postgres"));
        assert!(!lists("", "postgres") && !lists("postgresql", "postgres"));
    }
}
