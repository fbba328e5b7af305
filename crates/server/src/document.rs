//! The table of routes, which is also the OpenAPI document.

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Json, Router};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::failure::{finish, unknown_method, unknown_route};
use crate::input::BODY_MOST;
use crate::latencies::measure;
use crate::routes as r;

#[derive(OpenApi)]
#[openapi(
    info(title = "Haina", description = "A computing center: jobs, nodes, accounts, users.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(haina_api::Problem, haina_api::Event)),
    security(("token" = [])),
    tags(
        (name = "jobs", description = "Submit, see and cancel jobs."),
        (name = "nodes", description = "The machines."),
        (name = "accounts", description = "What organizations paid in, hold and spent."),
        (name = "organizations", description = "Who is served."),
        (name = "users", description = "Who may authenticate, as what."),
        (name = "center", description = "The center as a whole."),
    ),
    modifiers(&Bearer)
)]
struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(bearer));
    }
}

fn parts() -> (Router<App>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Base::openapi())
        .routes(routes!(r::jobs::submit, r::jobs::list))
        .routes(routes!(r::jobs::quote))
        .routes(routes!(r::jobs::submit_batch))
        .routes(routes!(r::job::show))
        .routes(routes!(r::job::why))
        .routes(routes!(r::job::cancel))
        .routes(routes!(r::job_attempts::list))
        .routes(routes!(r::job_events::list))
        .routes(routes!(r::job_logs::read))
        .routes(routes!(r::job_metrics::show))
        .routes(routes!(r::job_shell::open))
        .routes(routes!(r::nodes::list))
        .routes(routes!(r::nodes::show))
        .routes(routes!(r::nodes::drain))
        .routes(routes!(r::nodes::resume))
        .routes(routes!(r::environments::list))
        .routes(routes!(r::policy::show, r::policy::set))
        .routes(routes!(r::quotas::list, r::quotas::set))
        .routes(routes!(r::quotas::list_projects, r::quotas::add_project))
        .routes(routes!(r::accounts::list))
        .routes(routes!(r::accounts::show))
        .routes(routes!(r::accounts::postings))
        .routes(routes!(r::accounts::statement))
        .routes(routes!(r::accounts::top_up))
        .routes(routes!(r::adjustments::list))
        .routes(routes!(r::adjustments::propose))
        .routes(routes!(r::adjustments::approve))
        .routes(routes!(r::adjustments::reject))
        .routes(routes!(r::agreements::list, r::agreements::draft))
        .routes(routes!(r::agreements::show, r::agreements::amend))
        .routes(routes!(r::agreements::sign))
        .routes(routes!(r::agreements::pay))
        .routes(routes!(r::vouchers::list_programmes))
        .routes(routes!(r::vouchers::set_programme))
        .routes(routes!(r::vouchers::list, r::vouchers::claim))
        .routes(routes!(r::vouchers::show))
        .routes(routes!(r::vouchers::issue))
        .routes(routes!(r::vouchers::reject))
        .routes(routes!(r::vouchers::revoke))
        .routes(routes!(r::vouchers::cash_out))
        .routes(routes!(r::organizations::list))
        .routes(routes!(r::organizations::set))
        .routes(routes!(r::shares::list))
        .routes(routes!(r::users::list, r::users::add))
        .routes(routes!(r::users::me))
        .routes(routes!(r::tokens::issue))
        .routes(routes!(r::tokens::revoke))
        .routes(routes!(r::events::stream))
        .routes(routes!(r::center::show))
        .routes(routes!(r::center::job_schema))
        .routes(routes!(r::health::alive))
        .routes(routes!(r::health::ready))
        .routes(routes!(r::health::metrics))
        .routes(routes!(openapi_json))
        .split_for_parts()
}

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    parts().1
}

/// All routes.
pub fn router(app: App) -> Router {
    let measured = from_fn_with_state(app.latencies.clone(), measure);
    parts()
        .0
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(from_fn(finish))
        .layer(measured)
        .with_state(app)
}

/// The OpenAPI document
#[utoipa::path(get, path = "/api/openapi.json", tag = "center", operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "This document.", body = serde_json::Value)))]
async fn openapi_json() -> Json<utoipa::openapi::OpenApi> {
    static DOCUMENT: std::sync::OnceLock<utoipa::openapi::OpenApi> = std::sync::OnceLock::new();
    Json(DOCUMENT.get_or_init(document).clone())
}
