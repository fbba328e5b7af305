//! The real center.

use std::collections::BTreeMap;

use haina_center::{Command, Input, Reply, RowCollector, State, execute};
use haina_core::center_definition::*;
use haina_core::*;
use haina_simulator::PlanOfFacts;
use haina_simulator::plan_log::Record;

use crate::scheduler::{Job, Node, Scheduler};

const OPERATOR: Actor = Actor::User(UserId(1));

pub struct RealCenter {
    state: State,
    now: Timestamp,
    plan: PlanOfFacts,
    nodes: Vec<Node>,
    jobs: BTreeMap<u64, Job>,
}

impl RealCenter {
    pub fn with(nodes: &[Node]) -> RealCenter {
        let mut center = RealCenter {
            state: State::new(),
            now: Timestamp(1_000_000),
            plan: PlanOfFacts::default(),
            nodes: nodes.to_vec(),
            jobs: BTreeMap::new(),
        };
        center.by(Actor::Center, Command::Lead { epoch: Epoch(1) });
        center.apply();
        center
    }

    pub fn log(self) -> Vec<Record> {
        self.plan.records()
    }

    pub fn set_policy(&mut self, name: &str) {
        let policy = Policy::named(name).expect("it is one of those that have names");
        self.by(OPERATOR, Command::SetPolicy { policy });
    }

    fn by(&mut self, actor: Actor, command: Command) -> Reply {
        let reply = self.execute(actor, command);
        self.execute(Actor::Center, Command::Advance);
        self.plan.settled(self.now);
        self.state.check();
        reply
    }

    fn execute(&mut self, actor: Actor, command: Command) -> Reply {
        let input = Input { actor, command, now: self.now, fuel: 100_000 };
        let executed = execute(&mut self.state, &input, &mut RowCollector::default());
        assert!(!executed.more, "the fuel is enough");
        executed.facts.iter().for_each(|fact| self.plan.take(self.now, fact));
        executed.reply.expect("no step of a scenario is refused")
    }

    fn apply(&mut self) {
        let model = |model: u32| CardModelDefinition {
            super_pod: 0,
            name: format!("model-{model}"),
            vendor: String::new(),
            memory: Bytes(32 << 30),
            tflops_fp16: 320,
            watts: 310,
            ring: 4,
            fractions: false,
            simulated: true,
            matches: None,
            price_per_card_hour: Money::zero(Currency::CNY),
        };
        let node = |(index, node): (usize, &Node)| NodeDefinition {
            rack: None,
            pod: None,
            name: format!("node-{}", index + 1),
            pool: "public".to_owned(),
            card_model: Some(format!("model-{}", node.model)),
            cards: 8,
            cpu: CpuMillis(0),
            memory: Bytes(0),
        };
        let definition = CenterDefinition {
            policy: None,
            projects: Vec::new(),
            quotas: Vec::new(),
            local: Default::default(),
            name: "peers".to_owned(),
            currency: Currency::CNY,
            card_models: vec![model(1), model(2)],
            pools: vec![PoolDefinition { name: "public".to_owned() }],
            nodes: self.nodes.iter().enumerate().map(node).collect(),
            organizations: vec![OrganizationDefinition {
                entitlement: Default::default(),
                name: "ocean".to_owned(),
                title: String::new(),
                card_limit: None,
                opening_balance: Money::zero(Currency::CNY),
            }],
            users: vec![UserDefinition { name: "operator".to_owned(), role: Role::Operator, organization: None }],
        };
        self.by(Actor::Center, Command::Apply { definition: Box::new(definition) });
    }

    fn attempt_ends(&mut self, attempt: AttemptId, ending: Ending) {
        let report =
            Report::Ended { attempt, started: None, at: self.now, ending, used: TaskUse::default(), failed_task: None };
        self.by(Actor::Engine, Command::Report(report));
    }

    fn set_node(&mut self, node: u32, draining: bool) {
        let node = format!("node-{node}");
        self.by(OPERATOR, Command::SetNode { node, draining, reason: String::new() });
    }
}

impl Scheduler for RealCenter {
    fn submit(&mut self, job: Job) -> u64 {
        let request = JobRequest {
            name: "job".to_owned(),
            organization: Some("ocean".to_owned()),
            project: None,
            pool: None,
            shape: Shape {
                topology: None,
                nodes: job.nodes,
                tasks_per_node: 1,
                cards_per_node: CardMillis::whole(job.cards),
                card_model: job.model.map(|model| format!("model-{model}")),
                cpu_per_node: CpuMillis(0),
                memory_per_node: Bytes(0),
            },
            priority: 0,
            time_limit: Milliseconds::from_seconds(job.limit_seconds),
            grace: Milliseconds(0),
            retries: 1,
            not_before: None,
            array: None,
            dependencies: Vec::new(),
            payload: Digest::of(b""),
        };
        let submit = Command::Submit { jobs: vec![request], known_ends: Vec::new() };
        let Reply::Submitted(ids) = self.by(OPERATOR, submit) else { panic!("a submission is answered with ids") };
        self.jobs.insert(ids[0].0, job);
        ids[0].0
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now + Milliseconds::from_seconds(seconds);
        self.by(Actor::Center, Command::Advance);
    }

    fn end(&mut self, job: u64) {
        let attempts: Vec<_> = self.state.view().attempts_of(JobId(job)).map(|(id, _)| id).collect();
        attempts.into_iter().for_each(|attempt| self.attempt_ends(attempt, Ending::Exited { code: 0 }));
    }

    fn add_node(&mut self, node: Node) {
        self.nodes.push(node);
        self.apply();
    }

    fn lose_node(&mut self, node: u32) {
        self.set_node(node, true);
        let on_it =
            |attempt: &haina_center::Attempt| attempt.allocation.shares.iter().any(|share| share.node == NodeId(node));
        let attempts = self.state.view().attempts.iter();
        let lost: Vec<_> = attempts.filter(|(_, attempt)| on_it(attempt)).map(|(id, _)| *id).collect();
        for attempt in lost {
            self.attempt_ends(attempt, Ending::Lost { reason: "the node failed".to_owned() });
        }
    }

    fn node_returns(&mut self, node: u32) {
        self.set_node(node, false);
    }

    fn cards(&self, job: u64) -> Vec<u8> {
        let attempts = self.state.view().attempts_of(JobId(job));
        let shares = attempts.flat_map(|(_, attempt)| &attempt.allocation.shares);
        shares.flat_map(|share| &share.cards).map(|slot| slot.index).collect()
    }

    fn asked(&self, job: u64) -> u32 {
        self.jobs[&job].asked()
    }
}
