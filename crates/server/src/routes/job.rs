//! One job.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use haina_api::{Job, Why, WhyState, show_card_hours};
use haina_center::{Action, Command};
use haina_core::{CardUse, Code, JobState, JobTarget, Language, Refusal};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::PathText;
use crate::jobs_seen::{Seen, sums};
use crate::reply::{committed, send};
use crate::{shown_job, shown_waiting};

/// Show a job
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array.")),
    responses((status = 200, description = "The job, with why it waits, what it runs, used and was charged.", body = Job), Problems))]
pub async fn show(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Json<Job>, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    Ok(Json(whole(&app, &caller, &seen).await?))
}

async fn whole(app: &App, caller: &Caller, seen: &Seen) -> Result<Job, Failure> {
    let payload = app.center.store().payload(seen.record.payload_of).await?;
    let sums = sums(app, seen).await?;
    let waiting = waiting(app, caller, seen).await?;
    let with_variables = caller.may(Action::ReadLog, seen.owner());
    Ok(app.view(|view| Job {
        waiting,
        program: payload.map(|payload| shown_job::program(payload, with_variables)),
        exit_code: sums.exit_code.filter(|_| seen.record.state.is_ended()),
        attempts: Some(sums.attempts),
        card_hours: Some(show_card_hours(CardUse(sums.metered))),
        charged: Some(shown_job::charged(view, sums.charged_micros)),
        ..shown_job::job(view, &seen.record)
    }))
}

async fn waiting(app: &App, caller: &Caller, seen: &Seen) -> Result<Option<WhyState>, Refusal> {
    if seen.record.state.is_ended() {
        return Ok(None);
    }
    let (id, now) = (seen.record.id, app.center.now());
    let prospect = app.center.ask(move |state| state.prospect(id, now)).await?;
    Ok(prospect.map(|prospect| app.view(|view| shown_waiting::why(view, caller, &prospect))))
}

/// Say why a job is where it is
#[utoipa::path(get, path = "/api/v1/jobs/{id}/why", tag = "jobs", operation_id = "explainJob",
    params(("id" = String, Path, description = "The job's id.")),
    responses((status = 200, description = "A sentence, and what it waits for if it does.", body = Why), Problems))]
pub async fn why(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Json<Why>, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    let waiting = waiting(&app, &caller, &seen).await?;
    let sentence = match &waiting {
        Some(waiting) => waiting.sentence.clone(),
        None => sentence(&seen, caller.language),
    };
    Ok(Json(Why { id: seen.record.id.to_string(), state: seen.record.state, sentence, waiting }))
}

fn sentence(seen: &Seen, language: Language) -> String {
    let cause = seen.record.cause;
    let (english, chinese) = match (seen.record.state, cause) {
        (_, Some(cause)) => {
            return match language {
                Language::English => {
                    format!("It was cancelled because job {cause}, which it waited for, did not succeed.")
                }
                Language::Chinese => format!("因其依赖的作业 {cause} 未成功，该作业已取消。"),
            };
        }
        (JobState::Waiting, _) => ("It is about to start.", "即将启动。"),
        (JobState::Starting, _) => {
            ("It holds its cards; its programs are being started.", "已分配到卡，程序正在启动。")
        }
        (JobState::Running, _) => ("It runs.", "正在运行。"),
        (JobState::Stopping, _) => ("It was told to stop and has not ended yet.", "已收到停止指令，尚未结束。"),
        (JobState::Succeeded, _) => ("It has ended well.", "已成功结束。"),
        (JobState::Failed, _) => ("It has failed; `haina job show` says how.", "已失败；`haina job show` 可查看详情。"),
        (JobState::Cancelled, _) => ("It was cancelled.", "已取消。"),
        (JobState::Lost, _) => {
            ("The center lost track of it: its node or supervisor died.", "中心与其失去联系：节点或监管进程已终止。")
        }
    };
    match language {
        Language::English => english.to_owned(),
        Language::Chinese => chinese.to_owned(),
    }
}

/// Cancel a job, or one element of an array
///
/// What waits ends now; what runs is told to stop. Asking again changes nothing.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancelJob",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array.")),
    responses((status = 200, description = "The job.", body = Job), Problems))]
pub async fn cancel(State(app): State<App>, PathText(id): PathText, caller: Caller) -> Result<Response, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    seen.require(&caller, Action::CancelJob)?;
    let ended = |state: JobState| {
        Refusal::new(Code::AlreadyEnded).with("job", seen.record.id).with_phrase("state", state.phrase())
    };
    if seen.record.state.is_ended() {
        return Err(ended(seen.record.state).into());
    }
    let target = JobTarget { job: seen.record.id, element: seen.element };
    match send(&app, &caller, Command::Cancel { target }, None).await {
        Ok(answer) => {
            let now = Seen::find(&app, &caller, &id).await?;
            Ok(committed(StatusCode::OK, &answer, &whole(&app, &caller, &now).await?))
        }
        // It was there a moment ago, so it has ended since.
        Err(refusal) if refusal.code == Code::NotFound => {
            let now = Seen::find(&app, &caller, &id).await?;
            Err(ended(now.record.state).into())
        }
        Err(refusal) => Err(refusal.into()),
    }
}
