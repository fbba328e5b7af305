//! A small center to tell stories about: one pool, two nodes of 8 cards at 10 CNY a card-hour, three organizations.

use haina_center::{Command, Executed, Fact, Input, Reply, RowCollector, State, execute};
use haina_core::center_definition::*;
use haina_core::*;

pub const OPERATOR: Actor = Actor::User(UserId(1));
pub const OCEAN: Actor = Actor::User(UserId(2));
pub const HARBOUR: Actor = Actor::User(UserId(3));
pub const MAKER: Actor = Actor::User(UserId(4));

pub struct Story {
    pub state: State,
    pub now: Timestamp,
    pub facts: Vec<Fact>,
    pub effects: Vec<Effect>,
}

impl Story {
    pub fn begin() -> Story {
        Story::of(definition())
    }

    /// In another center.
    pub fn of(center: CenterDefinition) -> Story {
        let mut story = Story {
            state: State::new(),
            now: Timestamp(1_700_000_000_000_000),
            facts: Vec::new(),
            effects: Vec::new(),
        };
        story.by(Actor::Center, Command::Lead { epoch: Epoch(1) }).unwrap();
        story.by(Actor::Center, Command::Apply { definition: Box::new(center) }).unwrap();
        story
    }

    /// Sends a command and then lets the center place what it can.
    pub fn by(&mut self, actor: Actor, command: Command) -> Result<Reply, Refusal> {
        let reply = self.execute(actor, command).reply;
        let advanced = self.execute(Actor::Center, Command::Advance);
        assert!(!advanced.more, "the fuel of a story is enough");
        self.state.check();
        reply
    }

    fn execute(&mut self, actor: Actor, command: Command) -> Executed {
        let input = Input { actor, command, now: self.now, fuel: 100_000 };
        let executed = execute(&mut self.state, &input, &mut RowCollector::default());
        self.facts.extend(executed.facts.iter().cloned());
        self.effects.extend(executed.effects.iter().cloned());
        executed
    }

    pub fn submit(&mut self, actor: Actor, jobs: Vec<JobRequest>) -> Result<Vec<JobId>, Refusal> {
        match self.by(actor, Command::Submit { jobs, known_ends: Vec::new() })? {
            Reply::Submitted(ids) => Ok(ids),
            other => panic!("{other:?} is no answer to a submission"),
        }
    }

    pub fn submit_one(&mut self, actor: Actor, job: JobRequest) -> JobId {
        self.submit(actor, vec![job]).expect("the job is accepted")[0]
    }

    pub fn refused(&mut self, actor: Actor, job: JobRequest) -> Refusal {
        self.submit(actor, vec![job]).expect_err("the job is refused")
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now + Milliseconds::from_seconds(seconds);
        self.by(Actor::Center, Command::Advance).unwrap();
    }

    /// The attempts under way of a job.
    pub fn attempts(&self, job: JobId) -> Vec<AttemptId> {
        self.state.view().attempts_of(job).map(|(id, _)| id).collect()
    }

    pub fn start(&mut self, attempt: AttemptId) {
        let at = self.now;
        self.by(Actor::Engine, Command::Report(Report::Started { attempt, at })).unwrap();
    }

    pub fn end(&mut self, attempt: AttemptId, ending: Ending) {
        let (at, used) = (self.now, TaskUse::default());
        let report = Report::Ended { attempt, started: None, at, ending, used, failed_task: None };
        self.by(Actor::Engine, Command::Report(report)).unwrap();
    }

    /// Starts and ends every attempt under way of a job.
    pub fn finish(&mut self, job: JobId, ending: Ending) {
        for attempt in self.attempts(job) {
            self.start(attempt);
            self.end(attempt, ending.clone());
        }
    }

    pub fn job_state(&self, job: JobId) -> JobState {
        let ended = self.facts.iter().find_map(|fact| match fact {
            Fact::JobEnded { job: id, state, .. } if *id == job => Some(*state),
            _ => None,
        });
        ended.or(self.state.job_state(job)).expect("the job was accepted")
    }

    pub fn balance(&self, organization: u32) -> String {
        self.state.view().ledger.accounts[&OrganizationId(organization)].balance.to_string()
    }
}

pub const SUCCESS: Ending = Ending::Exited { code: 0 };
pub const FAILURE: Ending = Ending::Exited { code: 3 };

pub fn job(name: &str, cards: f64) -> JobRequest {
    JobRequest {
        name: name.to_owned(),
        organization: None,
        project: None,
        pool: None,
        shape: Shape {
            nodes: 1,
            tasks_per_node: 1,
            cards_per_node: CardMillis((cards * 1000.0) as u32),
            card_model: None,
            cpu_per_node: CpuMillis(1000),
            memory_per_node: Bytes(1 << 30),
            topology: None,
        },
        priority: 0,
        time_limit: Milliseconds::from_seconds(3600),
        grace: Milliseconds(0),
        retries: 0,
        not_before: None,
        array: None,
        dependencies: Vec::new(),
        payload: Digest::of(b"payload"),
    }
}

pub fn after(mut job: JobRequest, index: u32, condition: Condition) -> JobRequest {
    job.dependencies.push(Dependency { on: JobReference::Index(index), condition });
    job
}

pub fn definition() -> CenterDefinition {
    let organization = |name: &str, card_limit: Option<u32>, yuan| OrganizationDefinition {
        entitlement: Default::default(),
        name: name.to_owned(),
        title: name.to_owned(),
        card_limit: card_limit.map(CardMillis::whole),
        opening_balance: Money::units(yuan, Currency::CNY),
    };
    let user = |name: &str, role, organization: Option<&str>| UserDefinition {
        name: name.to_owned(),
        role,
        organization: organization.map(str::to_owned),
    };
    CenterDefinition {
        policy: None,
        projects: Vec::new(),
        quotas: Vec::new(),
        local: Default::default(),
        name: "story".to_owned(),
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
            price_per_card_hour: Money::units(10, Currency::CNY),
        }],
        pools: vec![PoolDefinition { name: "public".to_owned() }],
        nodes: ["n1", "n2"]
            .map(|name| NodeDefinition {
                name: name.to_owned(),
                pool: "public".to_owned(),
                card_model: Some("ascend-910".to_owned()),
                cards: 8,
                cpu: CpuMillis(64_000),
                memory: Bytes(256 << 30),
                rack: None,
                pod: None,
            })
            .to_vec(),
        organizations: vec![
            organization("ocean", Some(12), 10_000),
            organization("harbour", None, 10_000),
            organization("maker", None, 15),
        ],
        users: vec![
            user("operator", Role::Operator, None),
            user("ocean-dev", Role::Developer, Some("ocean")),
            user("harbour-dev", Role::Developer, Some("harbour")),
            user("maker-dev", Role::Developer, Some("maker")),
        ],
    }
}
