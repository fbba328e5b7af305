//! Users and tokens.

use haina_core::both;
use haina_core::{Code, Digest, Refusal, Role, Timestamp, TokenId, UserId};

use super::apply::check_membership;
use super::{Outcome, acting, check_name, require};
use crate::permission::{Owner, Subject, forbidden};
use crate::{Action, Fact, Input, Reply, State};

/// Adds a user. A tenant's administrator adds only tenants' people, to its own organization.
pub fn add_user(
    state: &State,
    input: &Input,
    name: &str,
    role: Role,
    organization: Option<&str>,
) -> Result<Outcome, Refusal> {
    let organization = match organization {
        None => None,
        Some(name) => Some(
            *state
                .view
                .organization_of_name
                .get(name)
                .ok_or_else(|| Refusal::not_found(haina_core::Kind::Organization, name))?,
        ),
    };
    require(state, input, Action::AddUser, Owner { organization, ..Owner::default() })?;
    if let Some(subject @ Subject::User { role: Role::TenantAdmin, .. }) = acting(state, input)?
        && !matches!(role, Role::TenantAdmin | Role::Developer)
    {
        return Err(forbidden(subject, Action::AddUser));
    }
    check_name("user", name)?;
    check_membership(role, organization)?;
    if state.view.user_of_name.contains_key(name) {
        return Err(Refusal::new(Code::NameTaken)
            .with_phrase("kind", haina_core::Kind::User.noun())
            .with("name", name));
    }
    let id = UserId(state.view.users.len() as u32 + 1);
    let fact = Fact::UserAdded { id, name: name.to_owned(), role, organization };
    Ok(Outcome::replied(vec![fact], Reply::Added(id)))
}

/// Makes a token valid.
pub fn issue_token(
    state: &State,
    input: &Input,
    user: &str,
    digest: Digest,
    label: &str,
    expires: Option<Timestamp>,
) -> Result<Outcome, Refusal> {
    let id = state.view.user_of_name.get(user).copied();
    let organization = id.and_then(|id| state.view.users[&id].organization);
    require(state, input, Action::IssueToken, Owner { organization, user: id, job: None })?;
    let id = id.ok_or_else(|| Refusal::not_found(haina_core::Kind::User, user))?;
    if label.len() > 200 {
        return Err(Refusal::invalid_value("label", "", both("at most 200 bytes", "不超过 200 字节"))
            .with_phrase("value", both(format!("{} bytes", label.len()), format!("{} 字节", label.len()))));
    }
    let token = state.view.center.next_token;
    let fact = Fact::TokenIssued { id: token, user: id, digest, label: label.to_owned(), expires };
    Ok(Outcome::replied(vec![fact], Reply::Issued(token)))
}

/// Makes a token invalid.
pub fn revoke_token(state: &State, input: &Input, id: TokenId) -> Result<Outcome, Refusal> {
    let not_found = || Refusal::not_found(haina_core::Kind::Token, id);
    let token = state.view.tokens.get(&id).ok_or_else(not_found)?;
    let organization = state.view.users[&token.user].organization;
    let owner = Owner { organization, user: Some(token.user), job: None };
    require(state, input, Action::RevokeToken, owner).map_err(|_| not_found())?;
    Ok(Outcome::done(vec![Fact::TokenRevoked { id }]))
}
