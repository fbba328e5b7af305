//! The machines.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{DrainRequest, Node, NodeConfinement, Page, RealCard, parse_json};
use haina_center::permission::Owner;
use haina_center::{Action, Command};
use haina_core::{NodeId, Refusal};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, PathText, Query, cursor, page_size};
use crate::reply::{committed, send};
use crate::shown;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// At most so many; 50 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl ListQuery {
    /// The most things of the page.
    pub fn limit(&self) -> Option<u32> {
        self.limit
    }

    /// Where the page starts.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }
}

/// List nodes
#[utoipa::path(get, path = "/api/v1/nodes", tag = "nodes", operation_id = "listNodes", params(ListQuery),
    responses((status = 200, description = "A page of nodes, by id.", body = Page<Node>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Node>>, Failure> {
    caller.require_any(Action::ReadNode)?;
    let limit = page_size(query.limit())? as usize;
    let after = cursor::<NodeId>(query.cursor())?.unwrap_or_default();
    Ok(Json(app.view(|view| {
        let mut ids = view.nodes.keys().copied().filter(|id| *id > after);
        let items: Vec<Node> = ids.by_ref().take(limit).filter_map(|id| shown::node(view, id)).collect();
        let next_cursor = if ids.next().is_some() { items.last().map(|node| node.id.clone()) } else { None };
        Page { items, next_cursor }
    })))
}

/// Show a node
#[utoipa::path(get, path = "/api/v1/nodes/{name}", tag = "nodes", operation_id = "getNode",
    params(("name" = String, Path, description = "The node's name.")),
    responses((status = 200, description = "The node, with the attempts on it that you may see.", body = Node), Problems))]
pub async fn show(State(app): State<App>, PathText(name): PathText, caller: Caller) -> Result<Json<Node>, Failure> {
    caller.require_any(Action::ReadNode)?;
    let node = app.view(|view| {
        let node = *view.node_of_name.get(&name)?;
        let on_it = view.attempts.iter().filter(|(_, attempt)| {
            let owner = Owner { organization: Some(attempt.organization), ..Owner::default() };
            attempt.allocation.shares.iter().any(|share| share.node == node) && caller.may(Action::ReadJob, owner)
        });
        let mut real_cards = real_cards(&app, &name);
        for (id, attempt) in on_it.clone() {
            for slot in
                attempt.allocation.shares.iter().filter(|share| share.node == node).flat_map(|share| &share.cards)
            {
                if let Some(card) = real_cards.iter_mut().flatten().find(|card| card.index == u32::from(slot.index)) {
                    card.attempts.push(id.to_string());
                }
            }
        }
        let attempts = Some(on_it.map(|(id, _)| id.to_string()).collect());
        Some(Node { attempts, real_cards, confinement: Some(confinement(&app)), ..shown::node(view, node)? })
    });
    Ok(Json(node.ok_or_else(|| Refusal::not_found(haina_core::Kind::Node, &name))?))
}

/// The cards of a node, as they were last read, where it is this machine.
fn real_cards(app: &App, node: &str) -> Option<Vec<RealCard>> {
    let engine = app.center.engine();
    let real = engine.real_node().filter(|real| real.name == node)?;
    let readings = engine.card_readings();
    Some(
        real.cards
            .iter()
            .zip(&readings)
            .map(|(card, (_, index, reading))| RealCard::of(*index, card, reading))
            .collect(),
    )
}

/// All nodes of a local engine are this one machine.
fn confinement(app: &App) -> NodeConfinement {
    let found = app.center.engine().enforcement();
    NodeConfinement {
        enforced: found.enforced.iter().map(|what| what.word().to_owned()).collect(),
        not_enforced: found.missing.into_iter().map(|(what, why)| (what.word().to_owned(), why)).collect(),
    }
}

/// Take a node out of service for new work
///
/// What runs on it may end.
#[utoipa::path(post, path = "/api/v1/nodes/{name}/drain", tag = "nodes", operation_id = "drainNode",
    params(("name" = String, Path, description = "The node's name.")), request_body = DrainRequest,
    responses((status = 200, description = "The node.", body = Node), Problems))]
pub async fn drain(
    State(app): State<App>,
    PathText(name): PathText,
    caller: Caller,
    Body(body): Body,
) -> Result<Response, Failure> {
    let DrainRequest { reason } = parse_json(&body)?;
    set(app, caller, name, true, reason).await
}

/// Put a node back into service
#[utoipa::path(post, path = "/api/v1/nodes/{name}/resume", tag = "nodes", operation_id = "resumeNode",
    params(("name" = String, Path, description = "The node's name.")),
    responses((status = 200, description = "The node.", body = Node), Problems))]
pub async fn resume(State(app): State<App>, PathText(name): PathText, caller: Caller) -> Result<Response, Failure> {
    set(app, caller, name, false, String::new()).await
}

async fn set(app: App, caller: Caller, name: String, draining: bool, reason: String) -> Result<Response, Failure> {
    let command = Command::SetNode { node: name.clone(), draining, reason };
    let answer = send(&app, &caller, command, None).await?;
    let node = app.view(|view| shown::node(view, *view.node_of_name.get(&name)?));
    Ok(committed(StatusCode::OK, &answer, &node.ok_or_else(|| Refusal::not_found(haina_core::Kind::Node, &name))?))
}
