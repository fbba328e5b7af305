//! What travels over the wire and lies in files that people write: the job file, the center file, requests and answers
//! of the HTTP interface, with their schemas and their conversions to the vocabulary of `haina-core`.
//!
//! Nothing here decides anything about a job; a value is refused only where no job could have it.

mod account;
mod agreement;
mod attempt;
mod center;
mod center_file;
mod entry_line;
mod environment;
mod event;
mod job;
mod job_file;
mod job_request;
mod job_spec;
mod metrics;
mod moment;
mod nearest;
mod node;
mod node_names;
mod organization;
mod packages;
mod page;
mod policy;
mod problem;
mod quantity;
mod quota;
mod schema;
mod share;
mod shell;
mod statement;
mod user;
mod voucher;
mod waiting;
mod words;

pub use account::{Account, Adjustment, AdjustmentRequest, Amount, Posting, PostingKind, TopUp};
pub use agreement::{
    Agreement, AgreementRequest, AgreementTermsSpec, Amendment, AmendmentRequest, AtEndWord, DocumentReference,
    PaidPart, SignRequest,
};
pub use attempt::{Attempt, AttemptNode, CardPart, Ended, FailedTask};
pub use center::{CardModel, Center, Health, Pool};
pub use center_file::{ReadPackages, parse_center_file, parse_center_file_with};
pub use entry_line::entry_line;
pub use environment::Environment;
pub use event::Event;
pub use haina_core::PackagesFileKind;
pub use job::{ArraySize, Elements, Job, JobAfter, JobQuote, JobQuotes, Jobs, Program, SubmittedJob};
pub use job_file::{JobFile, parse_job, parse_job_file, parse_jobs, parse_json};
pub use job_request::{SubmittedRequest, convert_all, convert_one};
pub use job_spec::{After, ArraySpec, Condition, JobSpec, JobsSpec};
pub use metrics::{CardMetrics, CardMetricsPoint, JobMetrics, MetricsPoint, NodeMetrics};
pub use moment::Moment;
pub use node::{DrainRequest, Node, NodeCardUnusable, NodeConfinement, RealCard};
pub use node_names::expand_names;
pub use organization::{Organization, OrganizationKindWord, OrganizationRequest, Qualification};
pub use packages::{PackagesFileKindWord, PackagesFileSpec, PythonSpec};
pub use page::Page;
pub use policy::{PolicyRequest, PolicyState, PriorityWeightsSpec};
pub use problem::{Problem, status_of};
pub use quantity::{Number, Quantity, show_card_hours, show_cards};
pub use quota::{Project, ProjectRequest, QuotaRequest, QuotaState};
pub use schema::job_schema;
pub use share::Share;
pub use shell::{NoFrame, SHELL_PROTOCOL, ShellFrame, ShellFrames, ShellStart, ShellTerminal};
pub use statement::{Statement, StatementAccount, StatementMovement, StatementPayer, StatementTotal, StatementWork};
pub use user::{IssuedToken, Token, TokenRequest, User, UserRequest};
pub use voucher::{CashOutRequest, ClaimRequest, Programme, ProgrammeSpec, Voucher, VoucherReason};
pub use waiting::{OrganizationCards, PromisedStart, WaitingDemand, Why, WhyState};
pub use words::{ConditionWord, JobStateWord, RoleWord};
