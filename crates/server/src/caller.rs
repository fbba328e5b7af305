//! Who asks.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use haina_center::permission::{self, Owner, Scope};
use haina_center::{Action, User};
use haina_core::{Actor, Code, Digest, Language, OrganizationId, Refusal, Timestamp, UserId};

use crate::app::App;
use crate::failure::{Failure, language};

/// Between two looks whether a token is still valid.
const REST: Duration = Duration::from_millis(200);

/// A user that authenticated with a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its id.
    pub id: UserId,
    /// What it is.
    pub user: User,
    /// What it reads best.
    pub language: Language,
    /// By which token it is known.
    token: Digest,
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
        let token = Digest::of(secret.trim_ascii());
        let known = known(app, &token).ok_or_else(unknown)?;
        Ok(Caller { id: known.id, user: known.user, language: language(&parts.headers), token })
    }
}

/// Whom a token stands for.
struct Known {
    id: UserId,
    user: User,
    expires: Option<Timestamp>,
}

/// Whom a token stands for now, if it is valid.
fn known(app: &App, token: &Digest) -> Option<Known> {
    let now = app.center.now();
    app.view(|view| {
        let token = &view.tokens[view.token_of_digest.get(token)?];
        let valid = token.expires.is_none_or(|expires| now < expires);
        valid.then(|| Known { id: token.user, user: view.users[&token.user].clone(), expires: token.expires })
    })
}

impl Caller {
    /// The actor of its commands.
    pub fn actor(&self) -> Actor {
        Actor::User(self.id)
    }

    /// Whether its token is still valid.
    pub fn is_known(&self, app: &App) -> bool {
        known(app, &self.token).is_some()
    }

    /// Returns once its token was revoked or has expired: no stream outlives that. A revocation is a commit, so nothing is
    /// looked at between commits; between two looks is a rest, because a busy center commits hundreds of times a second.
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
        permission::allows(self.id, &self.user, action, owner)
    }

    /// Refuses unless its role allows this at all, for whatever things.
    pub fn require_any(&self, action: Action) -> Result<Scope, Refusal> {
        match permission::scope(self.user.role, action) {
            Scope::Nothing => Err(permission::forbidden(self.user.role, action)),
            scope => Ok(scope),
        }
    }

    /// Refuses unless it may do this to everything.
    pub fn require_everything(&self, action: Action) -> Result<(), Refusal> {
        permission::require(self.id, &self.user, action, Owner::default())
    }

    /// The organization to which a list is narrowed: the one asked for, or the caller's own where it sees no others.
    /// None is everybody's.
    pub fn narrowed(&self, app: &App, action: Action, asked: Option<&str>) -> Result<Option<OrganizationId>, Refusal> {
        let scope = self.require_any(action)?;
        let own = if scope == Scope::Everything { None } else { self.user.organization };
        let Some(name) = asked else { return Ok(own) };
        let named = app.view(|view| view.organization_of_name.get(name).copied());
        match named.filter(|named| own.is_none_or(|own| own == *named)) {
            Some(named) => Ok(Some(named)),
            None => Err(Refusal::not_found(haina_core::Kind::Organization, name)),
        }
    }
}
