//! The chain of the books: each transaction is sealed with a digest of itself and of the seal before it. Nobody can change,
//! remove or insert one without all seals after it being wrong; who wrote down the last seal on some day can prove later
//! that nothing before it was touched.
//!
//! A seal is the SHA-256 of the seal before it, as 64 hexadecimal digits, a line feed, and the transaction's line
//! ([`Transaction::line`]). Any language computes that with its standard library. The first seal of new books follows one of
//! zeros; of books that are older than seals, one of their balances then ([`opening_seal`]).

use haina_core::{Digest, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{LedgerAccount, Transaction};

/// What the first seal follows, where accounts have these balances before it, in ascending order of accounts: zeros where
/// none has any. Otherwise the SHA-256 of a line such as `opening: prepaid/1 5000000, cash -5000000`.
pub fn opening_seal(balances: impl Iterator<Item = (LedgerAccount, i128)>) -> Digest {
    let balances = balances.filter(|(_, balance)| *balance != 0);
    let words: Vec<String> = balances.map(|(account, balance)| format!("{account} {balance}")).collect();
    match words.is_empty() {
        true => Digest([0; 32]),
        false => Digest(Sha256::digest(format!("opening: {}", words.join(", "))).into()),
    }
}

/// How far the books are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Transactions that are sealed.
    pub length: u64,
    /// The seal of the last of them; zeros before the first.
    pub last: Digest,
}

impl Default for Chain {
    fn default() -> Chain {
        Chain { length: 0, last: Digest([0; 32]) }
    }
}

impl Chain {
    /// The seal of the next transaction, which was decided at `at`.
    pub fn seal(&self, transaction: &Transaction, at: Timestamp) -> Digest {
        let mut sha = Sha256::new();
        sha.update(self.last.to_string());
        sha.update("\n");
        sha.update(transaction.line(at));
        Digest(sha.finalize().into())
    }

    /// A transaction with this seal follows.
    pub fn extend(&mut self, seal: Digest) {
        *self = Chain { length: self.length + 1, last: seal };
    }
}

#[cfg(test)]
mod tests {
    use haina_core::{AttemptId, CardUse, Currency, JobId, Money, OrganizationId};

    use super::*;

    #[test]
    fn seals_are_what_another_program_computes() {
        let paid = Transaction::top_up(OrganizationId(2), Money::units(5, Currency::CNY), "invoice 7".to_owned());
        let attempt = AttemptId { job: JobId(17), in_array: true, element: 3, number: 1 };
        let used =
            Transaction::charge(OrganizationId(2), attempt, CardUse(3_600_000_000), Money::units(2, Currency::CNY));
        assert_eq!(
            paid.line(Timestamp(9)),
            "9 top_up organization 2: cash -5000000 CNY, prepaid/2 5000000 CNY; invoice 7"
        );
        assert_eq!(
            used.line(Timestamp(10)),
            "10 charge organization 2: prepaid/2 -2000000 CNY, revenue 2000000 CNY; \
             attempt 17_3.1 used 3600000000 at 2000000 CNY"
        );
        let mut chain = Chain::default();
        chain.extend(chain.seal(&paid, Timestamp(9)));
        assert_eq!(
            (chain.length, chain.last.to_string().as_str()),
            (1, "3ff15049acc631c6474cfb531efa3358d399f8a7d2ec1369ccab64735cea54b5")
        );
        chain.extend(chain.seal(&used, Timestamp(10)));
        assert_eq!(
            (chain.length, chain.last.to_string().as_str()),
            (2, "487cc5921b99d97b0f6567e41d86405179185d6dbf7f924072be2430acefbe7d")
        );
    }
}
