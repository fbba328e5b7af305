//! What may be wrong with books, in types for programs and in words for people.

use std::fmt;

use haina_core::{AdjustmentId, AttemptId, Digest, Money};
use haina_ledger::{Chain, LedgerAccount};

use crate::{MonthAccount, MonthUser};

/// Something that is wrong. Positions are those of facts in the journal; amounts are millionths.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is said in words below")]
pub enum Wrong {
    Unbalanced { position: u64, sum: i128 },
    SealWrong { position: u64, found: Digest, expected: Digest },
    SealMissing { position: u64 },
    SealNoted { length: u64, noted: Digest, found: Option<Digest> },
    PostingsOther { position: u64 },
    ChargedUnasked { position: u64, attempt: AttemptId },
    ChargedOtherwise { position: u64, attempt: AttemptId, found: i128, expected: i128 },
    OnePerson { position: u64, adjustment: AdjustmentId },
    AdjustedUnasked { position: u64, adjustment: AdjustmentId },
    ProposalsOther { adjustment: AdjustmentId },
    PriceOther { position: u64, attempt: AttemptId, found: Money, expected: Money },
    NotCharged { attempt: AttemptId, expected: i128 },
    MeteredOther { position: u64, attempt: AttemptId, found: u64, expected: u64 },
    BalanceOther { account: LedgerAccount, stored: i128, posted: i128 },
    HoldOther { account: LedgerAccount, stored: i128, placed: i128 },
    FundingOther { position: u64, attempt: AttemptId },
    AgreedOther { position: u64 },
    PurseOther { account: LedgerAccount },
    MonthAccountOther { key: MonthAccount },
    MonthUserOther { key: MonthUser },
    ChainOther { stored: Chain, posted: Chain },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Wrong::*;
        match self {
            Unbalanced { position, sum } => {
                write!(f, "the transaction at {position} does not balance: its postings sum to {sum}")
            }
            SealWrong { position, found, expected } => write!(
                f,
                "the seal at {position} is {found}, not {expected}: this transaction was changed, or one before it was \
                 changed, left out or put in"
            ),
            SealMissing { position } => {
                write!(f, "the transaction at {position} has no seal, though those before it do")
            }
            ChargedUnasked { position, attempt } => {
                write!(f, "at {position} attempt {attempt} is charged, which did not end before, or was charged before")
            }
            ChargedOtherwise { position, attempt, found, expected } => {
                write!(f, "at {position} attempt {attempt} is charged {found}; what it used comes to {expected}")
            }
            OnePerson { position, adjustment } => {
                write!(f, "at {position} adjustment {adjustment} was approved by who proposed it")
            }
            NotCharged { attempt, expected } => {
                write!(f, "attempt {attempt} ended and was not charged; what it used comes to {expected}")
            }
            MeteredOther { position, attempt, found, expected } => write!(
                f,
                "at {position} attempt {attempt} is metered as {found}; its cards and the time from its start to its end, \
                 limit or grace come to {expected}"
            ),
            SealNoted { length, noted, found } => match found {
                Some(found) => write!(f, "the seal of transaction {length} is {found}, and {noted} was noted"),
                None => write!(f, "{noted} was noted as the seal of transaction {length}, which there is not"),
            },
            PostingsOther { position } => {
                write!(
                    f,
                    "the transaction at {position} has other postings than its kind has, or says other use or price"
                )
            }
            AdjustedUnasked { position, adjustment } => {
                write!(
                    f,
                    "adjustment {adjustment} at {position} is not what was proposed under that number and is open"
                )
            }
            ProposalsOther { adjustment } => {
                write!(f, "adjustment {adjustment} waits for approval otherwise than it was proposed")
            }
            PriceOther { position, attempt, found, expected } => {
                write!(
                    f,
                    "at {position} attempt {attempt} is placed at {found} a card-hour; the price in force is {expected}"
                )
            }
            BalanceOther { account, stored, posted } => {
                write!(f, "the balance of {account} is {stored}; its postings sum to {posted}")
            }
            HoldOther { account, stored, placed } => write!(
                f,
                "{stored} is held of {account}; what was held for attempts that have not ended sums to {placed}"
            ),
            FundingOther { position, attempt } => write!(
                f,
                "at {position} attempt {attempt} is paid otherwise than agreements, vouchers and prices in force say"
            ),
            AgreedOther { position } => {
                write!(f, "what is at {position} is not what the agreement or voucher that it names comes to then")
            }
            MonthAccountOther { key: MonthAccount { organization, month, account, kind } } => write!(
                f,
                "the sum of {kind} on {account} of organization {organization} in {month} is not that of its postings"
            ),
            MonthUserOther { key: MonthUser { organization, month, user, .. } } => write!(
                f,
                "what user {user} of organization {organization} used in {month} is not the sum of what ended then"
            ),
            PurseOther { account } => {
                write!(f, "what was granted, used and closed of {account} is stored otherwise than it was posted")
            }
            ChainOther { stored, posted } => write!(
                f,
                "the books should be {} transactions with the last seal {}; the journal has {} with {}",
                stored.length, stored.last, posted.length, posted.last
            ),
        }
    }
}
