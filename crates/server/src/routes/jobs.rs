//! Jobs: submit and list.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use haina_api::{
    Job, JobQuote, JobQuotes, JobSpec, Jobs, JobsSpec, Moment, Page, SubmittedJob, SubmittedRequest, convert_all,
    convert_one, parse_json, show_cards,
};
use haina_center::{Action, Command, Input, Quote, Reply, View};
use haina_core::both;
use haina_core::{Code, JobId, JobReference, JobState, Payload, Refusal};
use haina_runtime::{Answer, IdempotencyKey, Request};
use haina_store::{JobFilter, JobRecord};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{Body, Create, Query, cursor, page_size};
use crate::reply::{created, unexpected};
use crate::shown_job;

/// Submit a job
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", operation_id = "submitJob", request_body = JobSpec,
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    responses((status = 201, description = "The job was accepted, durably.", body = SubmittedJob), Problems))]
pub async fn submit(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    let spec: JobSpec = parse_json(&body)?;
    let name = spec.name.clone();
    let (answer, ids) = send(&app, &caller, convert_one(spec)?, create.key(&body)).await?;
    let id = ids.first().ok_or_else(|| unexpected(&answer))?.to_string();
    let location = format!("/api/v1/jobs/{id}");
    Ok(created(&answer, &location, &SubmittedJob { id, name, state: JobState::Waiting }))
}

/// Submit several jobs, all or none
///
/// Jobs may name each other in `after`.
#[utoipa::path(post, path = "/api/v1/jobs/batch", tag = "jobs", operation_id = "submitJobs", request_body = JobsSpec,
    params(("Idempotency-Key" = Option<String>, Header, description = "Asking twice with the same key does it once.")),
    responses((status = 201, description = "All jobs were accepted, durably.", body = Jobs), Problems))]
pub async fn submit_batch(
    State(app): State<App>,
    caller: Caller,
    create: Create,
    Body(body): Body,
) -> Result<Response, Failure> {
    let JobsSpec { jobs } = parse_json(&body)?;
    let names: Vec<String> = jobs.iter().map(|job| job.name.clone()).collect();
    let (answer, ids) = send(&app, &caller, convert_all(jobs)?, create.key(&body)).await?;
    let submitted = |(id, name): (&JobId, String)| SubmittedJob { id: id.to_string(), name, state: JobState::Waiting };
    let jobs = Jobs { jobs: ids.iter().zip(names).map(submitted).collect() };
    Ok(created(&answer, "/api/v1/jobs", &jobs))
}

/// Say what jobs would come to
///
/// Nothing is submitted. What a submission would be refused with is refused here too. At most twenty jobs.
#[utoipa::path(post, path = "/api/v1/jobs/quote", tag = "jobs", operation_id = "quoteJobs", request_body = JobsSpec,
    responses((status = 200, description = "Cost and earliest start of each.", body = JobQuotes), Problems))]
pub async fn quote(State(app): State<App>, caller: Caller, Body(body): Body) -> Result<Json<JobQuotes>, Failure> {
    caller.require_any(Action::SubmitJob)?;
    let JobsSpec { jobs } = parse_json(&body)?;
    let submitted = convert_all(jobs)?;
    check(&app, &submitted)?;
    let on = submitted.jobs.iter().flat_map(|job| &job.dependencies);
    let ids = on.filter_map(|dependency| match dependency.on {
        JobReference::Id(id) => Some(id),
        JobReference::Index(_) => None,
    });
    let known_ends = app.center.store().known_ends(&ids.collect::<Vec<_>>()).await?;
    let command = Command::Submit { jobs: submitted.jobs, known_ends };
    let input = Input { actor: caller.actor(), command, now: app.center.now(), fuel: 0 };
    let quotes = app.center.ask(move |state| state.quote(&input)).await??;
    let quote = |view: &View, quote: &Quote| JobQuote {
        name: quote.name.clone(),
        organization: view.organizations[&quote.organization].name.clone(),
        cards_total: show_cards(quote.cards),
        elements: quote.elements,
        price_per_card_hour: quote.price_per_card_hour.into(),
        cost_most: quote.cost_most.into(),
        available: quote.available.into(),
        parts: quote.funding.iter().map(crate::shown_agreed::portion).collect(),
        earliest_start: quote.earliest_start.map(Moment),
    };
    Ok(Json(JobQuotes { quotes: app.view(|view| quotes.iter().map(|of_one| quote(view, of_one)).collect()) }))
}

async fn send(
    app: &App,
    caller: &Caller,
    submitted: SubmittedRequest,
    idempotency: Option<IdempotencyKey>,
) -> Result<(Answer, Vec<JobId>), Refusal> {
    check(app, &submitted)?;
    let command = Command::Submit { jobs: submitted.jobs, known_ends: Vec::new() };
    let request = Request { actor: caller.actor(), command, payloads: submitted.payloads, idempotency };
    let mut answer = app.center.send(request).await?;
    match std::mem::replace(&mut answer.reply, Reply::Done) {
        Reply::Submitted(ids) => Ok((answer, ids)),
        _ => Err(unexpected(&answer)),
    }
}

/// What this machine could never prepare is refused before it waits for cards.
fn check(app: &App, submitted: &SubmittedRequest) -> Result<(), Refusal> {
    for (digest, text) in &submitted.payloads {
        let payload: Payload =
            serde_json::from_str(text).map_err(|error| Refusal::new(Code::Internal).because(error))?;
        app.center.engine().check(&payload).map_err(|refusal| {
            let first = submitted.jobs.iter().find(|job| job.payload == *digest);
            match first.filter(|_| submitted.jobs.len() > 1) {
                Some(job) => refusal.with("job_name", &job.name),
                None => refusal,
            }
        })?;
    }
    Ok(())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Also jobs that have ended.
    all: Option<bool>,
    /// Only jobs in these states, separated by commas.
    state: Option<String>,
    /// Only jobs of this organization.
    organization: Option<String>,
    /// Only jobs of this user.
    user: Option<String>,
    /// Also when each waiting job will probably start.
    estimates: Option<bool>,
    /// At most so many; 50 if absent.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List jobs, newest first
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", operation_id = "listJobs", params(ListQuery),
    responses((status = 200, description = "A page of the jobs that you may see.", body = Page<Job>), Problems))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Job>>, Failure> {
    let organization = caller.narrowed(&app, Action::ReadJob, query.organization.as_deref())?;
    let user = match &query.user {
        None => None,
        Some(name) => {
            let named = app.view(|view| {
                let id = *view.user_of_name.get(name)?;
                let of = view.users[&id].organization;
                (organization.is_none() || of.is_none() || of == organization).then_some(id)
            });
            Some(named.ok_or_else(|| Refusal::not_found(haina_core::Kind::User, name))?)
        }
    };
    let limit = page_size(query.limit)?;
    let before = cursor::<JobId>(query.cursor.as_deref())?;
    let filter = JobFilter { organization, user, states: states(&query)? };
    let mut records = app.center.store().jobs(&filter, before, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|last| last.id.to_string());
    let ids: Vec<JobId> = records.iter().map(|record| record.id).filter(|_| query.estimates == Some(true)).collect();
    let now = app.center.now();
    let starts = match ids.is_empty() {
        true => BTreeMap::new(),
        false => app.center.ask(move |state| state.estimated_starts(&ids, now)).await?,
    };
    let job = |view: &View, record: &JobRecord| {
        let estimate = starts.get(&record.id);
        let estimated_start = estimate.map(|estimate| Moment(estimate.start));
        let estimated_start_is_least = estimate.map(|estimate| estimate.is_least);
        Job { estimated_start, estimated_start_is_least, ..shown_job::job(view, record) }
    };
    let items = app.view(|view| records.iter().map(|record| job(view, record)).collect());
    Ok(Json(Page { items, next_cursor }))
}

fn states(query: &ListQuery) -> Result<Vec<JobState>, Refusal> {
    let Some(words) = &query.state else {
        let ended = query.all.unwrap_or(false);
        return Ok(if ended {
            Vec::new()
        } else {
            JobState::ALL.into_iter().filter(|state| !state.is_ended()).collect()
        });
    };
    let rule = || {
        let words: Vec<_> = JobState::ALL.iter().map(|state| state.word()).collect();
        both(format!("one or several of {}", words.join(",")), format!("{} 中的一个或多个", words.join(",")))
    };
    let state = |word| JobState::from_word(word).ok_or_else(|| Refusal::invalid_value("state", word, rule()));
    words.split(',').map(state).collect()
}
