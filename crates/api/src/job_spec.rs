//! The job file, which is also the body of a submission: one schema for TOML and JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::packages::PythonSpec;
use crate::quantity::{Number, Quantity};
use crate::words::ConditionWord;

pub use haina_core::Condition;

/// A job as its file describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// A name for people, 1 to 128 bytes.
    #[schema(max_length = 128, min_length = 1)]
    pub name: String,
    /// The organization that pays; your own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The organization's project that it belongs to, and whose quotas hold for it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The pool; the center's first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// How many nodes, all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, default = 1, minimum = 1, maximum = 4096)]
    pub nodes: Option<Number>,
    /// How many processes on each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, default = 1, minimum = 1, maximum = 256)]
    pub tasks_per_node: Option<Number>,
    /// Cards on each node: a whole number, or a fraction of one card such as 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, default = 0, minimum = 0, maximum = 64)]
    pub cards: Option<Number>,
    /// The card model; any model of the pool if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_model: Option<String>,
    /// How near to each other all of its cards must be: `required:rack` or `preferred:rack`; of ring, node, rack and pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// Processor cores on each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, default = 1, minimum = 0, maximum = 65536)]
    pub cpus: Option<Number>,
    /// Memory on each node: `8GiB`, or bytes. Default `1GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
    /// How long an attempt may run: `2h`, `90m`, or seconds. Default `1h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Quantity>,
    /// How long a stopped process has between SIGTERM and SIGKILL. Default `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Quantity>,
    /// Higher goes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i32>, default = 0, minimum = -1000, maximum = 1000)]
    pub priority: Option<Number>,
    /// How many further attempts may follow one that failed or was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u16>, default = 0, minimum = 0, maximum = 100)]
    pub retries: Option<Number>,
    /// Not started before this moment (RFC 3339, with an offset).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::moment::text_or_datetime")]
    #[schema(format = DateTime)]
    pub not_before: Option<String>,
    /// Makes it a job array.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_table")]
    #[schema(nullable = false)]
    pub array: Option<ArraySpec>,
    /// Jobs that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 256)]
    pub after: Vec<After>,
    /// The program and its arguments. Either this or `script`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub command: Option<Vec<String>>,
    /// Shell text, run by `/bin/sh -c`. Either this or `command`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Python packages that the program needs.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "optional_table")]
    pub python: Option<PythonSpec>,
    /// The OCI image whose files the program sees in the place of the machine's own, such as
    /// `registry.example/team/torch:2.4`. Not beside `python`: packages belong into the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub image: Option<String>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// An absolute path; the organization's own work directory if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// Labels for people and programs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// A job array: elements 0..count, each with its index in `HAINA_ARRAY_INDEX`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArraySpec {
    /// How many elements.
    #[schema(value_type = u32, minimum = 1, maximum = 1_000_000)]
    pub count: Number,
    /// How many may run at once; no cap if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub concurrency: Option<Number>,
}

/// A job that another waits for. Also written short: only the job, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct After {
    /// The id of a job, or the name of another job of the same file or batch.
    pub job: String,
    /// What must have happened to it.
    pub condition: Condition,
}

/// The long form of [`After`].
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AfterFields {
    /// The id of a job, or the name of another job of the same file or batch.
    job: JobName,
    /// What must have happened to it; `succeeded` if absent.
    #[serde(default = "succeeded")]
    #[schema(value_type = ConditionWord, default = "succeeded")]
    condition: Condition,
}

fn succeeded() -> Condition {
    Condition::Succeeded
}

/// The name or the id of a job; an id may be written as a number.
#[derive(ToSchema)]
#[schema(value_type = String)]
struct JobName(String);

impl<'de> Deserialize<'de> for JobName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JobName, D::Error> {
        match Quantity::deserialize(deserializer)? {
            Quantity::Text(text) => Ok(JobName(text)),
            Quantity::Number(Number::Whole(id)) => Ok(JobName(id.to_string())),
            Quantity::Number(_) => Err(D::Error::custom("a job is given by its name or id")),
        }
    }
}

impl<'de> Deserialize<'de> for After {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<After, D::Error> {
        struct AfterVisitor;

        impl<'de> Visitor<'de> for AfterVisitor {
            type Value = After;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a job's name or id, or a table with `job` and `condition`")
            }

            fn visit_str<E: Error>(self, job: &str) -> Result<After, E> {
                Ok(After { job: job.to_owned(), condition: Condition::Succeeded })
            }

            fn visit_i64<E: Error>(self, job: i64) -> Result<After, E> {
                self.visit_str(&job.to_string())
            }

            fn visit_u64<E: Error>(self, job: u64) -> Result<After, E> {
                self.visit_str(&job.to_string())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<After, A::Error> {
                let AfterFields { job, condition } = AfterFields::deserialize(MapAccessDeserializer::new(map))?;
                Ok(After { job: job.0, condition })
            }
        }

        deserializer.deserialize_any(AfterVisitor)
    }
}

impl utoipa::PartialSchema for After {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::schema::OneOfBuilder::new()
            .item(String::schema())
            .item(AfterFields::schema())
            .description(Some("A job's id, or the name of another job of the same file; or that with a condition."))
            .into()
    }
}

impl ToSchema for After {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        AfterFields::schemas(schemas);
        schemas.push((ConditionWord::name().into_owned(), <ConditionWord as utoipa::PartialSchema>::schema()));
    }
}

/// Several jobs that are accepted together or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobsSpec {
    /// The jobs, at most 10,000; `after` may name others of them.
    #[serde(deserialize_with = "tables")]
    #[schema(min_items = 1, max_items = 10_000)]
    pub jobs: Vec<JobSpec>,
}

/// A table or object only: a derived reader would also take a list of the fields' values.
struct Table<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Table<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Table<T>, D::Error> {
        struct TableVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for TableVisitor<T> {
            type Value = Table<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of named fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Table<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Table)
            }
        }

        deserializer.deserialize_map(TableVisitor(PhantomData))
    }
}

fn optional_table<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Table<T>>::deserialize(deserializer)?.map(|table| table.0))
}

fn tables<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let tables = Vec::<Table<T>>::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|table| table.0).collect())
}
