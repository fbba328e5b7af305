//! A shell inside a running job.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use haina_api::SHELL_PROTOCOL;
use haina_center::Action;
use haina_core::{Code, JobState, Refusal, both};
use hyper::upgrade::OnUpgrade;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query};
use crate::jobs_seen::Seen;
use crate::logs::attempt;
use crate::shell::{Place, serve};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShellQuery {
    /// The element, of a job array; also `17_3` in the path.
    element: Option<u32>,
    /// The task's rank; 0 if absent.
    task: Option<u32>,
}

/// Open a shell inside a running job
///
/// The connection must ask for `Upgrade: haina-shell`. What follows are frames: a byte that says what it is, four that say
/// how long, big-endian. The client begins with 0, JSON with `command` (a list; a shell if empty) and `terminal` (`kind`,
/// `columns`, `rows`; or none), then sends 1, input; 2, end of input; 3, columns and rows in two bytes each. The center
/// sends 4, output; 5, error output; and last 6, the exit code; or 7, why there is no shell.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/shell", tag = "jobs", operation_id = "openShell",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array."), ShellQuery),
    responses((status = 101, description = "The connection carries the shell."), Problems))]
pub async fn open(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Query(query): Query<ShellQuery>,
    headers: HeaderMap,
    upgrade: Option<Extension<OnUpgrade>>,
) -> Result<Response, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    seen.require(&caller, Action::OpenShell)?;
    let user = caller.user(Action::OpenShell)?;
    let element = seen.one_element(query.element)?;
    let is_asked = headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes() == SHELL_PROTOCOL.as_bytes());
    let Some(Extension(upgrade)) = upgrade.filter(|_| is_asked) else {
        let detail = both(
            format!("a shell needs a connection with `Upgrade: {SHELL_PROTOCOL}`"),
            format!("打开终端需要带 `Upgrade: {SHELL_PROTOCOL}` 的连接"),
        );
        return Err(Refusal::new(Code::InvalidRequest).with_phrase("detail", detail).into());
    };
    let state = seen.record.state;
    let refused = |code| Refusal::new(code).with("job", &id).with_phrase("state", state.phrase());
    if state.is_ended() {
        return Err(refused(Code::AlreadyEnded).into());
    }
    let not_running = refused(Code::NotRunning);
    let record = match attempt(&app, seen.record.id, element, None).await? {
        Some(record) if record.ended.is_none() && state != JobState::Waiting => record,
        _ => return Err(not_running.into()),
    };
    let place = Place { attempt: record.id, rank: query.task.unwrap_or(0), not_running };
    tracing::info!(%user, attempt = %record.id, rank = place.rank, "a shell is opened");
    tokio::spawn(serve(app, caller, place, upgrade));
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static(SHELL_PROTOCOL)),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}
