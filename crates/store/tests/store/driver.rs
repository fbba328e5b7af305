//! Drives a real center as the runtime does: executes commands into a batch, commits it, goes on from what is loaded.

use std::collections::BTreeSet;

use haina_center::{Command, Fact, Input, Reply, RowCollector, State};
use haina_core::center_definition::*;
use haina_core::*;
use haina_store::{Batch, CommitError, IdempotencyRecord, NewFact, Store};

/// The users of [`small_center`], in its order.
pub const OPERATOR: Actor = Actor::User(UserId(1));
pub const OCEAN: Actor = Actor::User(UserId(2));
#[allow(dead_code, reason = "the example has no use for it")]
pub const HARBOUR: Actor = Actor::User(UserId(3));

/// A center's writer.
pub struct Driver {
    pub state: State,
    pub epoch: Epoch,
    pub sequence: u64,
    pub position: u64,
    pub now: Timestamp,
    /// The last input that changed something.
    pub last_input_at: Timestamp,
    open: Batch,
    rows: RowCollector,
    /// Effects that are not done, as the outbox should hold them.
    pub effects: Vec<Effect>,
}

impl Driver {
    /// Takes the leadership and goes on from what is stored. Nothing is executed yet.
    pub async fn lead(store: &Store) -> Driver {
        let epoch = store.take_leadership().await.unwrap().epoch;
        let loaded = store.load().await.unwrap();
        let now = loaded.last_input_at.max(Timestamp(1_790_000_000_000_000));
        let mut driver = Driver {
            state: loaded.state,
            epoch,
            sequence: loaded.sequence,
            position: loaded.position,
            now,
            last_input_at: loaded.last_input_at,
            open: empty(),
            rows: RowCollector::default(),
            effects: loaded.outbox,
        };
        driver.run(Actor::Center, Command::Lead { epoch }).unwrap();
        driver
    }

    /// Executes a command into the open batch, a millisecond after the last.
    pub fn run(&mut self, actor: Actor, command: Command) -> Result<Reply, Refusal> {
        self.now = self.now + Milliseconds(1);
        let input = Input { actor, command, now: self.now, fuel: 1_000_000 };
        let executed = haina_center::execute(&mut self.state, &input, &mut self.rows);
        if executed.changed() {
            self.sequence += 1;
            self.last_input_at = self.now;
            for fact in executed.facts {
                self.position += 1;
                self.open.facts.push(NewFact { position: self.position, sequence: self.sequence, at: self.now, fact });
            }
            self.open.inputs.push((self.sequence, input));
            self.open.outbox_added.extend(executed.effects);
        }
        executed.reply
    }

    /// Submits jobs with a payload each; returns their ids.
    pub fn submit(&mut self, actor: Actor, jobs: Vec<(JobRequest, Payload)>) -> Vec<JobId> {
        let request = |(mut job, payload): (JobRequest, Payload)| {
            let (digest, text) = payload.encode();
            self.open.payloads.push((digest, text));
            job.payload = digest;
            job
        };
        let jobs = jobs.into_iter().map(request).collect();
        match self.run(actor, Command::Submit { jobs, known_ends: Vec::new() }) {
            Ok(Reply::Submitted(ids)) => ids,
            other => panic!("jobs were not accepted: {other:?}"),
        }
    }

    /// Places what can be placed; returns the attempts that were.
    pub fn advance(&mut self) -> Vec<AttemptId> {
        let before = self.open.facts.len();
        while self.state.has_work(self.now + Milliseconds(1)) {
            self.run(Actor::Center, Command::Advance).unwrap();
        }
        let placed = self.open.facts[before..].iter().filter_map(|new| match &new.fact {
            Fact::AttemptPlaced { attempt, .. } => Some(*attempt),
            _ => None,
        });
        placed.collect()
    }

    /// An engine reports that an attempt started.
    pub fn start(&mut self, attempt: AttemptId) {
        let report = Report::Started { attempt, at: self.now };
        self.run(Actor::Engine, Command::Report(report)).unwrap();
    }

    /// An engine reports that an attempt ended.
    pub fn end(&mut self, attempt: AttemptId, ending: Ending) {
        let used = TaskUse { cpu: Milliseconds(1234), memory_peak: Bytes(1 << 20), read: Bytes(1), written: Bytes(2) };
        let at = self.now;
        let report = Report::Ended { attempt, started: None, at, ending, used, failed_task: None };
        self.run(Actor::Engine, Command::Report(report)).unwrap();
    }

    /// Notes an effect as done.
    #[allow(dead_code, reason = "the example has no use for it")]
    pub fn done(&mut self, key: String) {
        self.open.outbox_done.push(key);
    }

    /// Notes a caller's key.
    #[allow(dead_code, reason = "the example has no use for it")]
    pub fn note_key(&mut self, record: IdempotencyRecord) {
        self.open.idempotency.push(record);
    }

    /// The open batch, closed; another one is open.
    pub fn close(&mut self) -> Batch {
        let mut batch = std::mem::replace(&mut self.open, empty());
        batch.rows = std::mem::take(&mut self.rows).finish(&self.state);
        let first = batch.inputs.first().map_or(self.sequence + 1, |(sequence, _)| *sequence);
        self.sequence = self.sequence.max(first);
        (batch.epoch, batch.sequence_before) = (self.epoch, first - 1);
        (batch.sequence, batch.position) = (self.sequence, self.position);
        if !batch.outbox_done.is_empty() {
            let done: BTreeSet<&String> = batch.outbox_done.iter().collect();
            self.effects.retain(|effect| !done.contains(&effect.key()));
        }
        let mut added = batch.outbox_added.clone();
        added.sort_by_key(Effect::key);
        self.effects.extend(added);
        batch
    }

    /// Closes the batch and commits it.
    pub async fn commit(&mut self, store: &Store) -> Result<(), CommitError> {
        store.commit(&self.close()).await
    }
}

fn empty() -> Batch {
    Batch {
        epoch: Epoch(0),
        sequence_before: 0,
        sequence: 0,
        position: 0,
        inputs: Vec::new(),
        facts: Vec::new(),
        rows: Default::default(),
        payloads: Vec::new(),
        outbox_added: Vec::new(),
        outbox_done: Vec::new(),
        idempotency: Vec::new(),
    }
}

/// A center with as many nodes of 8 cards as asked for, two organizations, an operator and a developer of each.
pub fn small_center(nodes: u32) -> Command {
    let money = |yuan| Money::units(yuan, Currency::CNY);
    let organization = |name: &str, title: &str| OrganizationDefinition {
        entitlement: Default::default(),
        name: name.to_owned(),
        title: title.to_owned(),
        card_limit: None,
        opening_balance: money(900_000_000),
    };
    let user = |name: &str, role, organization: Option<&str>| UserDefinition {
        name: name.to_owned(),
        role,
        organization: organization.map(str::to_owned),
    };
    let node = |number| NodeDefinition {
        name: format!("node-{number}"),
        pool: "public".to_owned(),
        card_model: Some("ascend-910".to_owned()),
        cards: 8,
        cpu: CpuMillis(192_000),
        memory: Bytes(768 << 30),
        rack: None,
        pod: None,
    };
    let definition = CenterDefinition {
        policy: None,
        projects: Vec::new(),
        quotas: Vec::new(),
        local: Default::default(),
        name: "青岛".to_owned(),
        currency: Currency::CNY,
        card_models: vec![CardModelDefinition {
            super_pod: 0,
            name: "ascend-910".to_owned(),
            vendor: "Huawei".to_owned(),
            memory: Bytes(32 << 30),
            tflops_fp16: 320,
            watts: 310,
            ring: 4,
            fractions: true,
            simulated: true,
            matches: None,
            price_per_card_hour: money(8),
        }],
        pools: vec![PoolDefinition { name: "public".to_owned() }],
        nodes: (1..=nodes).map(node).collect(),
        organizations: vec![organization("ocean", "海洋研究所"), organization("harbour", "港口")],
        users: vec![
            user("operator", Role::Operator, None),
            user("ocean-dev", Role::Developer, Some("ocean")),
            user("harbour-dev", Role::Developer, Some("harbour")),
        ],
    };
    Command::Apply { definition: Box::new(definition) }
}

/// A job of one card for an hour.
pub fn job(name: impl Into<String>) -> (JobRequest, Payload) {
    let name = name.into();
    let payload = Payload {
        command: vec!["/bin/echo".to_owned(), name.clone()],
        python: None,
        image: None,
        variables: Default::default(),
        working_directory: None,
        labels: Default::default(),
    };
    let request = JobRequest {
        name,
        organization: None,
        project: None,
        pool: None,
        shape: Shape {
            nodes: 1,
            tasks_per_node: 1,
            cards_per_node: CardMillis::whole(1),
            card_model: None,
            cpu_per_node: CpuMillis(1000),
            memory_per_node: Bytes(1 << 30),
            topology: None,
        },
        priority: 0,
        time_limit: Milliseconds::from_seconds(3600),
        grace: Milliseconds::from_seconds(30),
        retries: 0,
        not_before: None,
        array: None,
        dependencies: Vec::new(),
        payload: Digest::of(b""),
    };
    (request, payload)
}
