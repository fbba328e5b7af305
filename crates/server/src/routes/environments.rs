//! Environments: of Python packages, and images.

use axum::Json;
use axum::extract::State;
use haina_api::{Environment, Moment, Page};
use haina_center::Action;
use haina_core::{Code, Refusal};
use haina_engine::{EnvironmentState, ListedEnvironment};

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};

/// List environments, of Python packages and images
///
/// Those that are kept ready come first, then by last use.
#[utoipa::path(get, path = "/api/v1/environments", tag = "nodes", operation_id = "listEnvironments",
    responses((status = 200, description = "All of them.", body = Page<Environment>), Problems))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Page<Environment>>, Failure> {
    caller.require_any(Action::ReadEnvironment)?;
    let listed = app.center.engine().environments().await;
    let listed = listed.map_err(|error| Refusal::new(Code::Internal).because(error))?;
    Ok(Json(Page::whole(listed.into_iter().map(shown).collect())))
}

fn shown(environment: ListedEnvironment) -> Environment {
    let (state, reason) = match environment.state {
        EnvironmentState::Ready => ("ready", None),
        EnvironmentState::Building => ("building", None),
        EnvironmentState::Failed(why) => ("failed", Some(why)),
        EnvironmentState::Incomplete => ("incomplete", None),
    };
    Environment {
        digest: environment.digest,
        names: environment.names,
        state: state.to_owned(),
        reason,
        image: environment.image.map(String::from),
        image_digest: environment.image_digest,
        interpreter: environment.interpreter,
        requirements: environment.requirements,
        packages_file: environment.packages_file,
        size_bytes: environment.bytes,
        used: environment.used.map(Moment),
    }
}
