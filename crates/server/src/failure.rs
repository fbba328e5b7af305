//! Every error leaves as problem+json, in the caller's language.

use haina_core::both;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use haina_api::{Problem, status_of};
use haina_core::{Category, Code, Language, Refusal};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

/// A body up to so many bytes is read before it is known who asks.
const SMALL: usize = 64 << 10;

/// A refusal on its way out. It is written down by [`finish`], which knows the caller's language.
#[derive(Clone, Debug)]
pub struct Failure {
    refusal: Refusal,
    status: Option<StatusCode>,
}

impl Failure {
    /// The refusal with another status than its code has.
    pub fn with_status(refusal: Refusal, status: StatusCode) -> Failure {
        Failure { refusal, status: Some(status) }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure { refusal, status: None }
    }
}

impl From<haina_store::StoreError> for Failure {
    fn from(error: haina_store::StoreError) -> Failure {
        Refusal::new(Code::Unavailable).because(error).into()
    }
}

impl From<haina_engine::EngineError> for Failure {
    fn from(error: haina_engine::EngineError) -> Failure {
        Refusal::new(Code::Internal).because(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The language that a caller prefers.
pub fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let mut best = (0.0, Language::English);
    for part in wanted.split(',') {
        let (tag, rest) = part.trim().split_once(';').unwrap_or((part.trim(), ""));
        let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |text| text.parse::<f32>().ok()).unwrap_or(0.0);
        let primary = tag.split('-').next().unwrap_or("");
        let language = match primary {
            _ if primary.eq_ignore_ascii_case("zh") => Language::Chinese,
            _ if primary.eq_ignore_ascii_case("en") => Language::English,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, language);
        }
    }
    best.1
}

/// The outermost layer: failures and panics become problems.
pub async fn finish(request: Request, next: Next) -> Response {
    let language = language(request.headers());
    let is_head = request.method() == Method::HEAD;
    let request = match whole(request).await {
        Ok(request) => request,
        Err(failure) => return written(failure, language, is_head),
    };
    let outcome = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = outcome.unwrap_or_else(|_| Failure::from(Refusal::new(Code::Internal)).into_response());
    match response.extensions_mut().remove::<Failure>() {
        None => response,
        Some(failure) => written(failure, language, is_head),
    }
}

/// Reads a small body before anything is answered, whoever will look at it: a body that is left unread ends the
/// connection, and the client's next request on it with it.
async fn whole(request: Request) -> Result<Request, Failure> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if !declared.is_some_and(|length: usize| (1..=SMALL).contains(&length)) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    match axum::body::to_bytes(body, SMALL).await {
        Ok(bytes) => Ok(Request::from_parts(parts, bytes.into())),
        Err(error) => {
            let refusal = Refusal::new(Code::InvalidRequest)
                .with_phrase("detail", both("the body did not arrive whole", "请求正文未完整到达"));
            Err(refusal.because(error).into())
        }
    }
}

fn written(failure: Failure, language: Language, is_head: bool) -> Response {
    let Failure { refusal, status } = failure;
    match (refusal.code.category(), &refusal.context) {
        (Category::Internal, context) => tracing::error!(?context, %refusal, "a request failed"),
        (Category::Unavailable, Some(context)) => tracing::warn!(context, %refusal, "a request failed"),
        (_, Some(context)) => tracing::debug!(context, %refusal, "a request was refused"),
        (_, None) => {}
    }
    let mut problem = Problem::of(&refusal, language);
    let by_code = StatusCode::from_u16(status_of(refusal.code).0).expect("codes have valid statuses");
    let status = status.unwrap_or(by_code);
    if status != by_code {
        problem.status = status.as_u16();
        problem.title = status.canonical_reason().unwrap_or("Error").to_owned();
    }
    let body = serde_json::to_vec(&problem).expect("a problem is plain data");
    let mut response = if is_head { status.into_response() } else { (status, body).into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let tag = if language == Language::Chinese { "zh-CN" } else { "en" };
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(tag));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"haina\""));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Nothing is at this address.
pub async fn unknown_route(request: Request) -> Failure {
    Refusal::not_found(haina_core::Kind::Route, request.uri().path()).into()
}

/// Something is at this address, but not by this method.
pub async fn unknown_method(request: Request) -> Failure {
    let (method, path) = (request.method(), request.uri().path());
    let detail = both(format!("{method} is not understood at {path}"), format!("{path} 不支持 {method} 方法"));
    let refusal = Refusal::new(Code::InvalidRequest).with_phrase("detail", detail);
    Failure::with_status(refusal, StatusCode::METHOD_NOT_ALLOWED)
}

/// The error answers of every route, for the OpenAPI document.
pub struct Problems;

impl utoipa::IntoResponses for Problems {
    fn responses() -> std::collections::BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = || ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let answer = |text: &str| {
            RefOr::T(ResponseBuilder::new().description(text).content("application/problem+json", content()).build())
        };
        let known = [
            ("400", "The request could not be read."),
            ("401", "No valid token."),
            ("403", "The caller's role does not allow it."),
            ("404", "No such thing that the caller may see."),
            ("4XX", "Refused; `code` says why."),
            ("5XX", "Failed; `code` says why."),
        ];
        known.into_iter().map(|(status, text)| (status.to_owned(), answer(text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_language_wins() {
        let of = |text: &str| language(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, text.parse().unwrap())]));
        for text in ["zh", "zh-CN,zh;q=0.9,en;q=0.8", "fr, zh;q=0.5", "en;q=0.1,ZH-Hans;q=0.9"] {
            assert_eq!(of(text), Language::Chinese, "{text}");
        }
        for text in ["", "en", "fr", "en,zh;q=0.9", "zh;q=0"] {
            assert_eq!(of(text), Language::English, "{text}");
        }
    }
}
