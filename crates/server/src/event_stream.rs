//! Server-sent events: committed facts that the caller may see, in order, without gaps.

use haina_core::both;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::Stream;
use haina_api::Event;
use haina_center::permission::Owner;
use haina_center::{Action, Fact};
use haina_core::{JobId, Refusal};
use haina_store::{StoreError, StoredFact};

use crate::app::App;
use crate::caller::Caller;
use crate::event_text::{Audience, audience, event};

/// Facts that are read at once.
const PAGE: u32 = 500;
/// Between two reads: a busy center commits hundreds of times a second, and nobody reads so fast.
const REST: Duration = Duration::from_millis(50);
/// Owners of jobs that a stream remembers.
const OWNERS_MOST: usize = 10_000;

/// Where a stream starts: `Last-Event-ID` of a client that connects again, or what was asked for.
pub fn start(headers: &HeaderMap, after: Option<&str>) -> Result<Option<u64>, Refusal> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let text = last.or(after);
    let bad = |text: &str| Refusal::invalid_value("after", text, both("the id of an event", "某个事件的编号"));
    text.map(|text| text.parse().map_err(|_| bad(text))).transpose()
}

/// Whose events.
#[derive(Clone, Copy)]
pub enum Of {
    /// All that the caller may see.
    Everything,
    /// One job, which the caller may see. The stream ends after the job's end.
    Job(JobId),
}

/// The stream.
pub fn stream(app: App, caller: Caller, of: Of, after: u64) -> Sse<impl Stream<Item = Result<Sent, Infallible>>> {
    let events = async_stream::stream! {
        let known = caller.clone();
        let mut reader = Reader { app: app.clone(), caller, of, position: after, owners: BTreeMap::new() };
        let (closed, gone) = (app.closed(), known.gone(&app));
        tokio::pin!(closed, gone);
        loop {
            let page = match reader.page().await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, "a stream of events ended early");
                    return;
                }
            };
            // What was committed after the token's revocation is not for it.
            if !known.is_known(&app) {
                return;
            }
            let full = page.facts == PAGE as usize;
            for event in page.events {
                let sent = Sent::default().id(&event.id).event(&event.kind).json_data(&event);
                yield Ok(sent.expect("an event is plain data"));
            }
            if page.ended {
                return;
            }
            if !full {
                tokio::select! {
                    () = app.center.wait_for(page.committed + 1) => tokio::time::sleep(REST).await,
                    () = &mut closed => return,
                    () = &mut gone => return,
                }
            }
        }
    };
    Sse::new(events).keep_alive(KeepAlive::default())
}

struct Page {
    events: Vec<Event>,
    facts: usize,
    /// What was committed before the page was read.
    committed: u64,
    ended: bool,
}

struct Reader {
    app: App,
    caller: Caller,
    of: Of,
    position: u64,
    owners: BTreeMap<JobId, Owner>,
}

impl Reader {
    async fn page(&mut self) -> Result<Page, StoreError> {
        let committed = self.app.center.position();
        let store = self.app.center.store();
        let facts = match self.of {
            Of::Everything => store.facts(self.position, PAGE).await?,
            Of::Job(job) => store.facts_of_job(job, self.position, PAGE).await?,
        };
        let mut page = Page { events: Vec::new(), facts: facts.len(), committed, ended: false };
        for stored in facts {
            self.position = stored.position;
            page.ended |= matches!((&stored.fact, self.of), (Fact::JobEnded { job, .. }, Of::Job(of)) if *job == of);
            if self.may_see(&stored).await? {
                let event = self.app.view(|view| event(&stored, view, self.caller.language));
                page.events.push(event);
            }
        }
        Ok(page)
    }

    async fn may_see(&mut self, stored: &StoredFact) -> Result<bool, StoreError> {
        if let Fact::JobSubmitted { id, organization, user, .. } = &stored.fact {
            self.remember(*id, Owner { organization: Some(*organization), user: Some(*user), job: Some(*id) });
        }
        Ok(match self.app.view(|view| audience(&stored.fact, view)) {
            Audience::Readers(action, owner) => self.caller.may(action, owner),
            Audience::Everybody => self.caller.may(Action::ReadNode, Owner::default()),
            Audience::Center => self.caller.require_everything(Action::ReadMetrics).is_ok(),
            Audience::Nobody => false,
            Audience::Job(job) => match self.owner(job).await? {
                Some(owner) => self.caller.may(Action::ReadJob, owner),
                None => false,
            },
        })
    }

    async fn owner(&mut self, job: JobId) -> Result<Option<Owner>, StoreError> {
        if let Some(owner) = self.owners.get(&job) {
            return Ok(Some(*owner));
        }
        let Some(record) = self.app.center.store().job(job).await? else { return Ok(None) };
        let owner = Owner { organization: Some(record.organization), user: Some(record.user), job: Some(job) };
        self.remember(job, owner);
        Ok(Some(owner))
    }

    fn remember(&mut self, job: JobId, owner: Owner) {
        if self.owners.len() >= OWNERS_MOST {
            self.owners.pop_first();
        }
        self.owners.insert(job, owner);
    }
}
