//! What people ask of the center during the test, and what each of their jobs must come to.

use serde_json::{Value, json};

use crate::random::Random;

/// Organizations of the test's center file, with what they paid in at first, in millionths.
pub const ORGANIZATIONS: [(&str, i128); 3] =
    [("ocean", 2_000_000_000_000), ("harbour", 3_000_000_000_001), ("university", 1_000_000_000_000)];

/// What a job is to come to if nobody and nothing interferes.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Unique among all jobs.
    pub name: String,
    /// The code that its program exits with.
    pub exit_code: u8,
    /// Further attempts after one that failed.
    pub retries: u16,
    /// Elements; 1 where it is no array.
    pub elements: u32,
    /// Processes of each attempt.
    pub tasks: u32,
    /// Whether it runs into its time limit.
    pub runs_over: bool,
    /// What it waits for.
    pub depends: Option<Dependency>,
}

/// Another job that must end first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its id, or its name where both were submitted together.
    pub on: String,
    /// Whether it must succeed.
    pub on_success: bool,
}

impl Planned {
    /// The most milliseconds that one attempt may be charged: its time limit and its grace, as [`Planner`] asks for them.
    pub fn longest_ms(&self) -> i128 {
        if self.runs_over { 2_000 } else { 601_000 }
    }
}

/// A submission.
pub struct Submission {
    /// Where it is sent.
    pub path: &'static str,
    /// What is sent.
    pub body: Vec<u8>,
    /// The jobs of it, in order.
    pub jobs: Vec<Planned>,
}

/// Makes submissions. Every task appends lines to a file that is named like its attempt and rank: its attempt and when it
/// began, by its own look at the clock; and, just before it exits, when it ended.
pub struct Planner {
    /// Where the jobs write.
    pub files: String,
    /// Tells names apart between planners.
    pub prefix: String,
    /// Jobs so far.
    pub made: u64,
}

impl Planner {
    /// One random submission; `earlier` is the id of a job of some organization that may be waited for.
    pub fn submission(&mut self, random: &mut Random, earlier: Option<&(String, usize)>) -> Submission {
        let organization = random.below(ORGANIZATIONS.len() as u64) as usize;
        match random.below(100) {
            0..60 => {
                let after =
                    earlier.filter(|(_, of)| *of == organization && random.chance(15)).map(|(id, _)| id.clone());
                let (planned, body) = self.job(random, organization, after);
                Submission { path: "/api/v1/jobs", body: body.to_string().into_bytes(), jobs: vec![planned] }
            }
            60..80 => {
                let (mut planned, mut body) = self.job(random, organization, None);
                planned.elements = 2 + random.below(4) as u32;
                body["array"] = json!({ "count": planned.elements });
                if random.chance(50) {
                    body["array"]["concurrency"] = json!(1 + random.below(3));
                }
                Submission { path: "/api/v1/jobs", body: body.to_string().into_bytes(), jobs: vec![planned] }
            }
            _ => {
                let mut jobs = Vec::new();
                let mut bodies: Vec<Value> = Vec::new();
                for _ in 0..2 + random.below(6) {
                    let before = jobs.last().map(|planned: &Planned| planned.name.clone());
                    let after = before.filter(|_| random.chance(25));
                    let (planned, body) = self.job(random, organization, after);
                    jobs.push(planned);
                    bodies.push(body);
                }
                let body = json!({ "jobs": bodies }).to_string().into_bytes();
                Submission { path: "/api/v1/jobs/batch", body, jobs }
            }
        }
    }

    fn job(&mut self, random: &mut Random, organization: usize, after: Option<String>) -> (Planned, Value) {
        self.made += 1;
        let name = format!("{}-{}", self.prefix, self.made);
        let exit_code = if random.chance(15) { 1 + random.below(120) as u8 } else { 0 };
        let retries = if random.chance(30) { 1 + random.below(2) as u16 } else { 0 };
        let runs_over = random.chance(1);
        let pause = match random.below(100) {
            _ if runs_over => "sleep 30; ".to_owned(),
            0..50 => String::new(),
            _ => format!("sleep 0.{:03}; ", 50 + random.below(250)),
        };
        // The shell's own clock: a process more for every look at the time would be most of the work of such jobs.
        let script = format!(
            "file='{}'/\"$HAINA_ATTEMPT@$HAINA_RANK\"; echo \"$HAINA_ATTEMPT ${{EPOCHREALTIME/./}}\" >> \"$file\"; \
             {pause}echo \"end ${{EPOCHREALTIME/./}}\" >> \"$file\"; exit {exit_code}",
            self.files
        );
        let mut body = json!({
            "name": name,
            "organization": ORGANIZATIONS[organization].0,
            "cards": random.pick(&[0.0, 0.25, 0.5, 1.0, 1.0, 2.0, 4.0]),
            "cpus": 1,
            "memory": "1GiB",
            "time_limit": if runs_over { "1s" } else { "10m" },
            "grace": "1s",
            "retries": retries,
            "command": ["/bin/bash", "-c", script],
        });
        let tasks = if random.chance(5) { 2 } else { 1 };
        if tasks > 1 {
            body["nodes"] = json!(tasks);
            body["cards"] = json!(0);
        }
        let depends = after.map(|on| Dependency { on, on_success: random.chance(50) });
        if let Some(Dependency { on, on_success }) = &depends {
            let condition = if *on_success { "succeeded" } else { "ended" };
            body["after"] = json!([{ "job": on, "condition": condition }]);
        }
        (Planned { name, exit_code, retries, elements: 1, tasks, runs_over, depends }, body)
    }
}
