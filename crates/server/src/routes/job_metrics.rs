//! What a job used over time.

use axum::Json;
use axum::extract::State;
use haina_api::{CardMetrics, CardMetricsPoint, JobMetrics, MetricsPoint, Moment, NodeMetrics};
use haina_core::{Kind, Refusal};
use haina_engine::card_series::{CardSeries, Condition, Gauge};
use haina_engine::{Engine, NodeSeries};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::Caller;
use crate::failure::{Failure, Problems};
use crate::input::{PathText, Query};
use crate::jobs_seen::Seen;
use crate::logs::attempt;
use crate::shown::{cpus, seconds};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// The element, of a job array; also `17_3` in the path.
    element: Option<u32>,
    /// The attempt's number, from 1; the last one's if absent.
    attempt: Option<u16>,
}

/// Show what a job used over time
#[utoipa::path(get, path = "/api/v1/jobs/{id}/metrics", tag = "jobs", operation_id = "getJobMetrics",
    params(("id" = String, Path, description = "`17`, or `17_3` for one element of an array."), MetricsQuery),
    responses((status = 200, description = "Processors, memory and real cards of one attempt, on each of its nodes.", body = JobMetrics), Problems))]
pub async fn show(
    State(app): State<App>,
    PathText(id): PathText,
    caller: Caller,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<JobMetrics>, Failure> {
    let seen = Seen::find(&app, &caller, &id).await?;
    let element = seen.one_element(query.element)?;
    let job = seen.record.id;
    let found = attempt(&app, job, element, query.attempt).await?;
    let record = match (found, query.attempt) {
        (Some(record), _) => record,
        (None, Some(number)) => return Err(Refusal::not_found(Kind::Attempt, number).into()),
        (None, None) => {
            return Ok(Json(JobMetrics { job: job.to_string(), attempt: None, started: None, nodes: Vec::new() }));
        }
    };
    let series = app.center.engine().series(record.id).await?;
    Ok(Json(JobMetrics {
        job: job.to_string(),
        attempt: Some(record.id.to_string()),
        started: record.started.map(Moment),
        nodes: series.iter().map(node).collect(),
    }))
}

fn node(series: &NodeSeries) -> NodeMetrics {
    let points = series.usage.from_start().map(|(begins, point)| MetricsPoint {
        offset_seconds: seconds(begins),
        seconds: seconds(point.length),
        cpus: cpus(point.cpu_mean()),
        cpus_peak: cpus(point.cpu_peak),
        memory_bytes: point.memory_mean().0,
        memory_peak_bytes: point.memory_peak.0,
    });
    NodeMetrics {
        points: points.collect(),
        node: series.node.clone(),
        cpus: cpus(series.cpu),
        memory_bytes: series.memory.0,
        interval_seconds: seconds(series.usage.interval()),
        cards: series.cards.iter().map(card).collect(),
    }
}

fn card(series: &CardSeries) -> CardMetrics {
    let mean_bytes = |gauge: &Gauge| gauge.mean().map(|bytes| bytes as u64);
    let watts = |milliwatts: f64| milliwatts / 1000.0;
    let peak = |gauge: &Gauge| gauge.peak().map(|value| value as f64);
    let points = series.usage.from_start().map(|(begins, point)| CardMetricsPoint {
        offset_seconds: seconds(begins),
        seconds: seconds(point.length),
        utilization_percent: point.utilization.mean(),
        utilization_percent_peak: peak(&point.utilization),
        memory_bytes: mean_bytes(&point.memory),
        memory_peak_bytes: point.memory.peak(),
        power_watts: point.power.mean().map(watts),
        power_watts_peak: peak(&point.power).map(watts),
        temperature_celsius: point.temperature.mean(),
        temperature_celsius_peak: peak(&point.temperature),
        health: point.worst.map(Condition::word).map(str::to_owned),
    });
    let points = points.collect();
    let whole = series.whole();
    CardMetrics {
        points,
        index: series.index,
        held: f64::from(series.held.0) / 1000.0,
        memory_bytes: series.memory.0,
        utilization_percent: whole.utilization.mean(),
        energy_joules: whole.power.peak().map(|_| whole.energy_millijoules as f64 / 1000.0),
        interval_seconds: seconds(series.usage.interval()),
    }
}
