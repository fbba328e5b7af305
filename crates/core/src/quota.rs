//! Quotas of cards: who may hold how many, at each level from the center down to one user.

use serde::{Deserialize, Serialize};

use crate::{CardMillis, OrganizationId, PoolId, ProjectId, UserId};

/// Where a quota holds: each part that is given narrows it. Without any it is the center's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct QuotaScope {
    /// Cards of this pool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolId>,
    /// Work of this organization only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<OrganizationId>,
    /// Work of this project of it, and of the projects below that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// Work that this user of it submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

impl QuotaScope {
    /// The innermost level that it names.
    pub fn level(&self) -> QuotaLevel {
        match (self.pool, self.organization, self.project, self.user) {
            (.., Some(_)) => QuotaLevel::User,
            (_, _, Some(_), None) => QuotaLevel::Project,
            (_, Some(_), None, None) => QuotaLevel::Organization,
            (Some(_), None, None, None) => QuotaLevel::Pool,
            (None, None, None, None) => QuotaLevel::Center,
        }
    }

    /// Whether everything within `other` is within this.
    pub fn covers(&self, other: &QuotaScope) -> bool {
        fn is_within<T: PartialEq>(outer: Option<T>, inner: Option<T>) -> bool {
            outer.is_none() || outer == inner
        }
        is_within(self.pool, other.pool)
            && is_within(self.organization, other.organization)
            && is_within(self.project, other.project)
            && is_within(self.user, other.user)
    }
}

/// The levels of the quota path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum QuotaLevel {
    Center,
    Pool,
    /// The level of quotas that were refused before there were others.
    #[default]
    Organization,
    Project,
    User,
}

impl QuotaLevel {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            QuotaLevel::Center => "center",
            QuotaLevel::Pool => "pool",
            QuotaLevel::Organization => "organization",
            QuotaLevel::Project => "project",
            QuotaLevel::User => "user",
        }
    }

    /// Whether it is the only level that there once was.
    pub fn is_organization(&self) -> bool {
        *self == QuotaLevel::Organization
    }

    /// The same for people who read Chinese.
    pub fn chinese(self) -> &'static str {
        match self {
            QuotaLevel::Center => "计算中心",
            QuotaLevel::Pool => "资源池",
            QuotaLevel::Organization => "单位",
            QuotaLevel::Project => "项目",
            QuotaLevel::User => "用户",
        }
    }
}

/// How many cards may be held within a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Quota {
    /// Cards that are its own before anybody borrows. Only an organization or a project has any, and in one pool.
    #[serde(default, skip_serializing_if = "CardMillis::is_zero")]
    pub guaranteed: CardMillis,
    /// The most that may be held, so how far it may borrow; no limit of its own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<CardMillis>,
    /// How many of the guaranteed cards others may hold while it does not; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lendable: Option<CardMillis>,
}

impl Quota {
    /// Cards that nobody else gets, also while they are not used: what is guaranteed and not lendable.
    pub fn kept(&self) -> CardMillis {
        CardMillis(self.guaranteed.0.saturating_sub(self.lendable.unwrap_or(self.guaranteed).0))
    }

    /// Whether it says nothing.
    pub fn is_plain(&self) -> bool {
        *self == Quota::default()
    }
}
