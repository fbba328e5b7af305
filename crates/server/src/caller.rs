//! Who asks.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use haina_center::permission::{self, Owner, Scope};
use haina_center::{Action, User};
use haina_core::{Actor, Code, Digest, Language, OrganizationId, Refusal, UserId};

use crate::app::App;
use crate::failure::{Failure, language};

/// A user that authenticated with a valid token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its id.
    pub id: UserId,
    /// What it is.
    pub user: User,
    /// What it reads best.
    pub language: Language,
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
        let digest = Digest::of(secret.trim_ascii());
        let now = app.center.now();
        let known = app.view(|view| {
            let token = &view.tokens[view.token_of_digest.get(&digest)?];
            let valid = token.expires.is_none_or(|expires| now < expires);
            valid.then(|| (token.user, view.users[&token.user].clone()))
        });
        let (id, user) = known.ok_or_else(unknown)?;
        Ok(Caller { id, user, language: language(&parts.headers) })
    }
}

impl Caller {
    /// The actor of its commands.
    pub fn actor(&self) -> Actor {
        Actor::User(self.id)
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
