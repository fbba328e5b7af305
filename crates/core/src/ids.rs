//! Typed ids. Raw integers never travel between crates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

id!(/** A batch workload; counts up in the order of submission, so it is also the place in line. */ JobId(u64));
id!(/** A legal body or person that is served. */ OrganizationId(u32));
id!(/** A person who can log in. */ UserId(u32));
id!(/** Where work of an organization happens. */ ProjectId(u32));
id!(/** A quota, whatever it is set to. */ QuotaId(u32));
id!(/** A machine. */ NodeId(u32));
id!(/** A kind of accelerator. */ CardModelId(u32));
id!(/** A set of nodes sold together. */ PoolId(u32));
id!(/** A bearer token; its secret is stored only as a digest. */ TokenId(u32));
id!(/** A change of an account that two people must agree on. */ AdjustmentId(u32));
id!(/** A contract: an organization commits to an amount for a term. */ AgreementId(u32));
id!(/** A policy under which vouchers are given, with a budget and rules. */ ProgrammeId(u32));
id!(/** A subsidy that pays a share of what computing costs. */ VoucherId(u32));
id!(/** Jobs that are alike to the scheduler: same organization, project, pool, shape and priority. */ ClassId(u32));
id!(/** How many times leadership of a center's database was taken; orders of an older epoch are refused. */ Epoch(u64));

/// One try of a job, or of one element of a job array. Displayed `17.1`, or `17_3.1` for element 3 of an array.
///
/// `element` is 0 for a job that is no array; `number` counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttemptId {
    /// The job.
    pub job: JobId,
    /// Whether the job is an array; only then is `element` shown.
    pub in_array: bool,
    /// The element's index.
    pub element: u32,
    /// The try, from 1.
    pub number: u16,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_array {
            true => write!(f, "{}_{}.{}", self.job, self.element, self.number),
            false => write!(f, "{}.{}", self.job, self.number),
        }
    }
}

/// A text that is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an id of the form JOB, JOB_ELEMENT or JOB_ELEMENT.ATTEMPT")]
pub struct BadId(pub String);

impl FromStr for AttemptId {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId(text.to_owned());
        let (target, number) = text.split_once('.').ok_or_else(bad)?;
        let target: JobTarget = target.parse()?;
        Ok(AttemptId {
            job: target.job,
            in_array: target.element.is_some(),
            element: target.element.unwrap_or(0),
            number: number.parse().map_err(|_| bad())?,
        })
    }
}

impl TryFrom<String> for AttemptId {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<AttemptId> for String {
    fn from(id: AttemptId) -> String {
        id.to_string()
    }
}

/// A job, or one element of a job array: `17` or `17_3`. What users type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobTarget {
    /// The job.
    pub job: JobId,
    /// One element of it, if it is an array and only one is meant.
    pub element: Option<u32>,
}

impl fmt::Display for JobTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.element {
            Some(element) => write!(f, "{}_{element}", self.job),
            None => self.job.fmt(f),
        }
    }
}

impl FromStr for JobTarget {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let bad = || BadId(text.to_owned());
        let (job, element) = match text.split_once('_') {
            Some((job, element)) => (job, Some(element.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(job) {
            return Err(bad());
        }
        Ok(JobTarget { job: job.parse().map_err(|_| bad())?, element })
    }
}

impl TryFrom<String> for JobTarget {
    type Error = BadId;
    fn try_from(text: String) -> Result<Self, BadId> {
        text.parse()
    }
}

impl From<JobTarget> for String {
    fn from(target: JobTarget) -> String {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_are_shown() {
        for text in ["17.1", "17_0.2", "17_41.65535"] {
            assert_eq!(text.parse::<AttemptId>().unwrap().to_string(), text);
        }
        for text in ["17", "17_3"] {
            assert_eq!(text.parse::<JobTarget>().unwrap().to_string(), text);
        }
        for text in ["", "x", "17_", "_3", "-1", "+1", "17.1.1", "17_3_4"] {
            assert!(text.parse::<JobTarget>().is_err(), "{text}");
            assert!(text.parse::<AttemptId>().is_err(), "{text}");
        }
    }
}
