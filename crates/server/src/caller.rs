//! Who asks.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use haina_center::Action;
use haina_center::permission::{self, Owner, Scope, Subject};
use haina_core::{Actor, AttemptId, Code, Digest, Language, OrganizationId, Refusal, Timestamp, UserId};

use crate::app::App;
use crate::failure::{Failure, language};

/// Between two looks whether a token is still valid.
const REST: Duration = Duration::from_millis(200);

/// Who authenticated with a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// A user, or a running attempt.
    pub subject: Subject,
    /// What it reads best.
    pub language: Language,
    /// By which token it is known.
    token: Shown,
}

/// A token that was shown.
#[derive(Clone, Copy, Debug)]
enum Shown {
    /// A user's, perhaps.
    Issued(Digest),
    /// An attempt's, genuine.
    Attempt(AttemptId),
}

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Caller, Failure> {
        let unknown = || Refusal::new(Code::Unauthenticated);
        let value = parts.headers.get(header::AUTHORIZATION).ok_or_else(unknown)?.as_bytes();
        let (scheme, secret) = value.split_at_checked(7).ok_or_else(unknown)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(unknown().into());
        }
        let secret = secret.trim_ascii();
        let attempt = std::str::from_utf8(secret).ok().and_then(|secret| app.center.tokens().attempt(secret));
        let token = attempt.map_or_else(|| Shown::Issued(Digest::of(secret)), Shown::Attempt);
        let known = known(app, &token).ok_or_else(unknown)?;
        Ok(Caller { subject: known.subject, language: language(&parts.headers), token })
    }
}

/// Whom a token stands for.
struct Known {
    subject: Subject,
    expires: Option<Timestamp>,
}

/// Whom a token stands for now, if it is valid. An attempt's is until the attempt ends.
fn known(app: &App, token: &Shown) -> Option<Known> {
    let now = app.center.now();
    app.view(|view| match token {
        Shown::Issued(digest) => {
            let token = &view.tokens[view.token_of_digest.get(digest)?];
            let valid = token.expires.is_none_or(|expires| now < expires);
            let subject = Subject::user(token.user, &view.users[&token.user]);
            valid.then_some(Known { subject, expires: token.expires })
        }
        Shown::Attempt(attempt) => {
            let runs = view.attempts.contains_key(attempt);
            runs.then_some(Known { subject: Subject::Attempt(*attempt), expires: None })
        }
    })
}

impl Caller {
    /// The actor of its commands.
    pub fn actor(&self) -> Actor {
        match self.subject {
            Subject::User { id, .. } => Actor::User(id),
            Subject::Attempt(attempt) => Actor::Attempt(attempt),
        }
    }

    /// Whether its token is still valid.
    pub fn is_known(&self, app: &App) -> bool {
        known(app, &self.token).is_some()
    }

    /// Returns once its token was revoked, has expired, or its attempt has ended: no stream outlives that. Each but the
    /// second is a commit, so nothing is looked at between commits; between two looks is a rest, because a busy center
    /// commits hundreds of times a second.
    pub async fn gone(&self, app: &App) {
        loop {
            let committed = app.center.position();
            let Some(known) = known(app, &self.token) else { return };
            let left =
                known.expires.map(|expires| Duration::from_micros((expires.0 - app.center.now().0).max(0) as u64));
            let expired = async {
                match left {
                    Some(left) => tokio::time::sleep(left + REST).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = app.center.wait_for(committed + 1) => tokio::time::sleep(REST).await,
                () = expired => {}
            }
        }
    }

    /// Whether it may do this to that.
    pub fn may(&self, action: Action, owner: Owner) -> bool {
        permission::allows(self.subject, action, owner)
    }

    /// Refuses unless its role allows this at all, for whatever things.
    pub fn require_any(&self, action: Action) -> Result<Scope, Refusal> {
        match permission::scope(self.subject, action) {
            Scope::Nothing => Err(permission::forbidden(self.subject, action)),
            scope => Ok(scope),
        }
    }

    /// Refuses unless it may do this to everything.
    pub fn require_everything(&self, action: Action) -> Result<(), Refusal> {
        permission::require(self.subject, action, Owner::default())
    }

    /// The user, for what only users do.
    pub fn user(&self, action: Action) -> Result<UserId, Refusal> {
        match self.subject {
            Subject::User { id, .. } => Ok(id),
            Subject::Attempt(_) => Err(permission::forbidden(self.subject, action)),
        }
    }

    /// The organization to which a list is narrowed: the one asked for, or the caller's own where it sees no others.
    /// None is everybody's.
    pub fn narrowed(&self, app: &App, action: Action, asked: Option<&str>) -> Result<Option<OrganizationId>, Refusal> {
        let scope = self.require_any(action)?;
        let own = match self.subject {
            _ if scope == Scope::Everything => None,
            Subject::User { organization, .. } => organization,
            // Its own job is not a list.
            Subject::Attempt(_) => return Err(permission::forbidden(self.subject, action)),
        };
        let Some(name) = asked else { return Ok(own) };
        let named = app.view(|view| view.organization_of_name.get(name).copied());
        match named.filter(|named| own.is_none_or(|own| own == *named)) {
            Some(named) => Ok(Some(named)),
            None => Err(Refusal::not_found(haina_core::Kind::Organization, name)),
        }
    }
}
