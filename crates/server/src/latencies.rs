//! How long requests took, by route and status.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper ends of the buckets, in seconds: from a read of the view to a request that waited for the disk.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

/// Histograms that all handlers share; cheap to clone.
#[derive(Clone, Debug)]
pub struct Latencies(Family<Answered, Histogram, fn() -> Histogram>);

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies(Family::new_with_constructor(|| Histogram::new(BUCKETS)))
    }
}

impl Latencies {
    /// Puts them on a page of metrics.
    pub fn register(&self, page: &mut Registry) {
        let help = "Seconds until a request was answered; for streams, until they began";
        page.register("haina_http_request_duration_seconds", help, self.0.clone());
    }
}

/// The layer that measures. Outside the one that writes failures down, so that it sees their statuses.
pub async fn measure(State(latencies): State<Latencies>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match request.method().as_str() {
        // Anybody may invent methods and paths, but not labels.
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let path = request.extensions().get::<MatchedPath>();
    let route = path.map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let answered = Answered { method, route, status: response.status().as_u16() };
    latencies.0.get_or_create(&answered).observe(began.elapsed().as_secs_f64());
    response
}
