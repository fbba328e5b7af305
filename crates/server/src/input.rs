//! What a request says, read with sentences about what cannot be.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawQuery, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use futures::StreamExt;
use haina_core::both;
use haina_core::{Code, Digest, Refusal};
use haina_runtime::IdempotencyKey;
use serde::de::DeserializeOwned;

use crate::failure::Failure;

/// The largest body that is taken.
pub const BODY_MOST: usize = 16 << 20;

/// The whole body.
pub struct Body(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Body, Failure> {
        let declared =
            request.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > BODY_MOST as u64) {
            pass_over(request).await;
            return Err(too_large(declared));
        }
        Bytes::from_request(request, state).await.map(Body).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => too_large(None),
            _ => Refusal::new(Code::InvalidRequest)
                .with_phrase("detail", both("the body did not arrive whole", "请求正文未完整到达"))
                .into(),
        })
    }
}

/// Reads a body that is not taken: a client that is answered before it has sent everything sees a broken connection
/// instead of the answer. There is an end to this patience too.
async fn pass_over(request: Request) {
    let mut left = 16 * BODY_MOST;
    let mut pieces = request.into_body().into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        left = left.saturating_sub(piece.len());
        if left == 0 {
            return;
        }
    }
}

fn too_large(size: Option<u64>) -> Failure {
    let size = match size {
        None => both(format!("more than {BODY_MOST} bytes"), format!("超过 {BODY_MOST} 字节")),
        Some(size) => both(format!("{size} bytes"), format!("{size} 字节")),
    };
    Refusal::new(Code::TooLarge)
        .with_phrase("what", both("the body", "请求正文"))
        .with_phrase("size", size)
        .with_phrase("limit", both(format!("{BODY_MOST} bytes"), format!("{BODY_MOST} 字节")))
        .into()
}

/// The parameters after `?`. Unknown ones are refused: a misspelt filter must not widen a list.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query<T>, Failure> {
        let RawQuery(text) = RawQuery::from_request_parts(parts, state).await.expect("reading a URI cannot fail");
        let uri = format!("/?{}", text.unwrap_or_default());
        let parsed = uri.parse::<Uri>().ok().map(|uri| axum::extract::Query::<T>::try_from_uri(&uri));
        match parsed {
            Some(Ok(axum::extract::Query(value))) => Ok(Query(value)),
            Some(Err(rejection)) => {
                let text = rejection.body_text();
                let detail = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
                let detail = both(format!("in the address, {detail}"), format!("地址中有误：{detail}"));
                Err(Refusal::new(Code::InvalidRequest).with_phrase("detail", detail).into())
            }
            None => {
                let detail = both("the address is no URI", "地址不是有效的 URI");
                Err(Refusal::new(Code::InvalidRequest).with_phrase("detail", detail).into())
            }
        }
    }
}

/// One part of the path, decoded.
pub struct PathText(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathText, Failure> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        let axum::extract::Path(text) =
            path.map_err(|_| Refusal::not_found(haina_core::Kind::Route, parts.uri.path()))?;
        Ok(PathText(text))
    }
}

/// What identifies a create, beside its body: method, path and the caller's key.
pub struct Create {
    method: Method,
    path: String,
    key: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Create {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Create, Failure> {
        let key = key(&parts.headers)?;
        let path = if key.is_some() { parts.uri.path().to_owned() } else { String::new() };
        Ok(Create { method: parts.method.clone(), path, key })
    }
}

impl Create {
    /// The key with the digest of the whole request, if there is a key.
    pub fn key(self, body: &[u8]) -> Option<IdempotencyKey> {
        let key = self.key?;
        let mut whole = format!("{} {}\n", self.method, self.path).into_bytes();
        whole.extend_from_slice(body);
        Some(IdempotencyKey { key, request: Digest::of(&whole) })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or("").trim();
    if text.is_empty() || text.len() > 200 {
        let shown = String::from_utf8_lossy(value.as_bytes());
        return Err(Refusal::invalid_value(
            "Idempotency-Key",
            shown,
            both("1 to 200 visible ASCII characters", "1 到 200 个可见的 ASCII 字符"),
        ));
    }
    Ok(Some(text.to_owned()))
}

/// How much of a list is asked for.
pub fn page_size(limit: Option<u32>) -> Result<u32, Refusal> {
    match limit {
        None => Ok(50),
        Some(limit @ 1..=1000) => Ok(limit),
        Some(limit) => Err(Refusal::invalid_value("limit", limit, both("between 1 and 1000", "1 到 1000 之间"))),
    }
}

/// A cursor, as it was given out.
pub fn cursor<T: std::str::FromStr>(cursor: Option<&str>) -> Result<Option<T>, Refusal> {
    let bad = |text: &str| {
        Refusal::invalid_value(
            "cursor",
            text,
            both("the `next_cursor` of an earlier page", "先前某页给出的 `next_cursor`"),
        )
    };
    cursor.filter(|text| !text.is_empty()).map(|text| text.parse().map_err(|_| bad(text))).transpose()
}
