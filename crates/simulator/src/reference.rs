//! Plain loops over one flat pool, written apart from the scheduler: yardsticks with known published results, and a second
//! opinion on what the center decides. They know how long each job will run; a center does not.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use haina_core::Milliseconds;

use crate::replay::{Schedule, Span};
use crate::trace::Workload;

/// A rule by which a pool starts jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// In order; nobody passes a job that does not fit.
    Fifo,
    /// In order; whoever does not fit is passed.
    FifoSkip,
    /// In order; whoever does not delay the first that does not fit may pass it (EASY: Lifka, JSSPP '95), with exact run
    /// times. Looks at no more than so many waiting jobs.
    Easy {
        /// How many waiting jobs behind the first are looked at.
        look_ahead: usize,
    },
    /// The shortest run time first; whoever does not fit is passed.
    Shortest,
    /// The least cards × run time first; whoever does not fit is passed (QSSF: Hu et al., SC '21).
    Smallest,
    /// The least cards × mean run time of the ended jobs with the same name and cards first; whoever does not fit is passed.
    /// Knows no run time before its end.
    SmallestByHistory,
}

/// What the loops need of a job.
#[derive(Clone, Copy)]
struct Job {
    at: u64,
    run: u64,
    cards: u64,
    name: u32,
}

/// Runs a trace by a rule, in a pool of so many cards. Parts of cards count as whole ones; what is larger than the pool is
/// left out. At one moment ends come first, then submissions, then starts.
pub fn run(workload: &Workload, cards: u32, rule: Rule) -> Schedule {
    let jobs: Vec<Job> = workload.jobs.iter().map(job).collect();
    let mut pool = Pool { free: u64::from(cards), running: BTreeSet::new(), spans: vec![None; jobs.len()] };
    let mut waiting = Waiting::new(rule);
    let mut history = History::default();
    let mut next = 0;
    loop {
        let ended = pool.running.first().map(|(at, _)| *at);
        let Some(now) = jobs.get(next).map(|job| job.at).into_iter().chain(ended).min() else { break };
        while let Some(&(at, index)) = pool.running.first()
            && at == now
        {
            pool.running.remove(&(at, index));
            pool.free += jobs[index].cards;
            history.learn(&jobs[index]);
        }
        while let Some(job) = jobs.get(next)
            && job.at == now
        {
            if job.cards <= u64::from(cards) {
                waiting.add(next, job);
            }
            next += 1;
        }
        waiting.start(&jobs, &mut pool, &history, now);
    }
    Schedule { spans: pool.spans, ..Schedule::default() }
}

fn job(submission: &crate::trace::Submission) -> Job {
    let run = submission.limit.map_or(submission.run, |limit| submission.run.min(limit));
    let cards = u64::from(submission.cards.0.div_ceil(1000));
    Job { at: submission.at.0, run: run.0, cards, name: submission.name.0 }
}

struct Pool {
    free: u64,
    running: BTreeSet<(u64, usize)>,
    spans: Vec<Option<Span>>,
}

impl Pool {
    fn start(&mut self, index: usize, job: &Job, now: u64) {
        self.free -= job.cards;
        let end = now + job.run;
        self.running.insert((end, index));
        self.spans[index] = Some(Span { start: Milliseconds(now), end: Milliseconds(end) });
    }
}

/// Waiting jobs, as a rule needs them.
enum Waiting {
    /// In order.
    Line { line: VecDeque<usize>, look_ahead: usize },
    /// By cards, each in the order of the rule's key.
    BySize { rule: Rule, sizes: BTreeMap<u64, BinaryHeap<Reverse<(u64, usize)>>> },
    /// By name and cards, each in order.
    ByClass(BTreeMap<(u32, u64), VecDeque<usize>>),
}

impl Waiting {
    fn new(rule: Rule) -> Waiting {
        match rule {
            Rule::Fifo => Waiting::Line { line: VecDeque::new(), look_ahead: 0 },
            Rule::Easy { look_ahead } => Waiting::Line { line: VecDeque::new(), look_ahead },
            Rule::FifoSkip | Rule::Shortest | Rule::Smallest => Waiting::BySize { rule, sizes: BTreeMap::new() },
            Rule::SmallestByHistory => Waiting::ByClass(BTreeMap::new()),
        }
    }

    fn add(&mut self, index: usize, job: &Job) {
        match self {
            Waiting::Line { line, .. } => line.push_back(index),
            Waiting::BySize { rule, sizes } => {
                let key = match rule {
                    Rule::Shortest => job.run,
                    Rule::Smallest => job.run * job.cards,
                    _ => 0,
                };
                sizes.entry(job.cards).or_default().push(Reverse((key, index)));
            }
            Waiting::ByClass(classes) => classes.entry((job.name, job.cards)).or_default().push_back(index),
        }
    }

    fn start(&mut self, jobs: &[Job], pool: &mut Pool, history: &History, now: u64) {
        match self {
            Waiting::Line { line, look_ahead } => {
                while let Some(&first) = line.front()
                    && jobs[first].cards <= pool.free
                {
                    line.pop_front();
                    pool.start(first, &jobs[first], now);
                }
                backfill(line, *look_ahead, jobs, pool, now);
            }
            Waiting::BySize { sizes, .. } => {
                loop {
                    let fitting = sizes.range(..=pool.free).filter_map(|(_, heap)| heap.peek());
                    let Some(Reverse((_, index))) = fitting.max().copied() else { break };
                    sizes.get_mut(&jobs[index].cards).expect("its size is known").pop();
                    pool.start(index, &jobs[index], now);
                }
                sizes.retain(|_, heap| !heap.is_empty());
            }
            Waiting::ByClass(classes) => {
                if pool.free == 0 {
                    return;
                }
                let mut order: Vec<_> =
                    classes.keys().map(|class| (history.expect(*class) * class.1, *class)).collect();
                order.sort_unstable();
                for (_, class) in order {
                    let line = classes.get_mut(&class).expect("it was just listed");
                    while class.1 <= pool.free
                        && let Some(index) = line.pop_front()
                    {
                        pool.start(index, &jobs[index], now);
                    }
                }
                classes.retain(|_, line| !line.is_empty());
            }
        }
    }
}

/// Starts who fits behind the first, which does not, unless the first would start later for it.
fn backfill(line: &mut VecDeque<usize>, look_ahead: usize, jobs: &[Job], pool: &mut Pool, now: u64) {
    let Some(&first) = line.front() else { return };
    if pool.free == 0 || look_ahead == 0 {
        return;
    }
    let (mut promised, mut free_then) = (now, pool.free);
    for (at, index) in &pool.running {
        if free_then >= jobs[first].cards {
            break;
        }
        free_then += jobs[*index].cards;
        promised = *at;
    }
    // Cards that the first does not need when it starts.
    let mut spare = free_then - jobs[first].cards;
    let mut place = 1;
    while place < line.len().min(look_ahead + 1) && pool.free > 0 {
        let index = line[place];
        let job = &jobs[index];
        let ends_before = now + job.run <= promised;
        if job.cards <= pool.free && (ends_before || job.cards <= spare) {
            if !ends_before {
                spare -= job.cards;
            }
            line.remove(place);
            pool.start(index, job, now);
        } else {
            place += 1;
        }
    }
}

/// Run times of ended jobs: number and sum by name and cards, by cards, and of all.
#[derive(Default)]
struct History {
    by_class: BTreeMap<(u32, u64), (u64, u64)>,
    by_cards: BTreeMap<u64, (u64, u64)>,
    all: (u64, u64),
}

impl History {
    fn learn(&mut self, job: &Job) {
        let of_class = self.by_class.entry((job.name, job.cards)).or_default();
        let of_cards = self.by_cards.entry(job.cards).or_default();
        for (count, sum) in [of_class, of_cards, &mut self.all] {
            *count += 1;
            *sum += job.run;
        }
    }

    /// The mean of the narrowest group that has ended jobs; an hour before any has.
    fn expect(&self, class: (u32, u64)) -> u64 {
        let known = self.by_class.get(&class).or_else(|| self.by_cards.get(&class.1)).unwrap_or(&self.all);
        known.1.checked_div(known.0).unwrap_or(3_600_000)
    }
}
