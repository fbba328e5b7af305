//! Tokens of running attempts: what their own programs show when they ask about their job.
//!
//! A token names its attempt and carries a keyed digest of it (BLAKE3, 256 bits) under a key that only the center has. So
//! nothing is stored for it: it is made again whenever it is needed, and known again when it is shown. Whether its attempt
//! still runs is for whoever knows the attempts.

use std::fmt;

use crate::{AttemptId, CenterId};

/// How every such token begins; no token of a user does.
const BEGINS: &str = "haina_job_";

/// Makes and knows the tokens of one center's attempts.
#[derive(Clone, Copy)]
pub struct JobTokens {
    key: [u8; 32],
}

impl fmt::Debug for JobTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JobTokens")
    }
}

impl JobTokens {
    /// Those of a center, under its secret key. Attempts are numbered from 1 in every center: the same key in another
    /// makes other tokens.
    pub fn new(secret: &[u8; 32], center: CenterId) -> JobTokens {
        JobTokens { key: *blake3::keyed_hash(secret, &center.0.to_le_bytes()).as_bytes() }
    }

    /// The token of an attempt.
    pub fn token(&self, attempt: AttemptId) -> String {
        let attempt = attempt.to_string();
        format!("{BEGINS}{attempt}_{}", blake3::keyed_hash(&self.key, attempt.as_bytes()).to_hex())
    }

    /// The attempt whose token this is; none if it is no such token, or not genuine.
    pub fn attempt(&self, token: &str) -> Option<AttemptId> {
        let (attempt, digest) = token.strip_prefix(BEGINS)?.rsplit_once('_')?;
        let shown = blake3::Hash::from_hex(digest).ok()?;
        // Hashes are compared in a time that says nothing about where they differ.
        (shown == blake3::keyed_hash(&self.key, attempt.as_bytes())).then(|| attempt.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(secret: u8, center: u128) -> JobTokens {
        JobTokens::new(&[secret; 32], CenterId(center))
    }

    #[test]
    fn a_token_is_known_again_as_its_attempts() {
        for text in ["17.1", "17_0.2", "18446744073709551615_4294967295.65535"] {
            let attempt = text.parse().unwrap();
            assert_eq!(tokens(1, 1).attempt(&tokens(1, 1).token(attempt)), Some(attempt), "{text}");
        }
    }

    #[test]
    fn nobody_makes_one_without_the_key() {
        let attempt: AttemptId = "17_3.1".parse().unwrap();
        let token = tokens(1, 1).token(attempt);
        assert_eq!(tokens(2, 1).attempt(&token), None, "another key");
        assert_eq!(tokens(1, 2).attempt(&token), None, "another center");
        let digest = token.rsplit_once('_').unwrap().1;
        for other in ["17_4.1", "17_3.2", "17.1", "170_3.1", "18_3.1", "", "017_3.1", "17_03.1"] {
            assert_eq!(tokens(1, 1).attempt(&format!("{BEGINS}{other}_{digest}")), None, "{other}");
        }
        for end in 0..token.len() {
            assert_eq!(tokens(1, 1).attempt(&token[..end]), None, "{end} characters of it");
        }
        let last = if token.ends_with('0') { "1" } else { "0" };
        assert_eq!(tokens(1, 1).attempt(&format!("{}{last}", &token[..token.len() - 1])), None, "one digit");
        assert!(!format!("{:?}", tokens(7, 1)).contains('7'), "the key is not shown");
    }
}
