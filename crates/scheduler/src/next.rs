//! Who is next, and who goes before whom: what the queue is asked.

use haina_core::{ClassId, JobId, Milliseconds, PoolId, Timestamp, UserId};

use crate::bits::Bits;
use crate::class::{Blocker, Class, compete};
use crate::lane::{Head, Lane, Standing, Waiting};
use crate::peers::{LEAST, Owner, Peers};
use crate::queue::{PeersId, Place, Queue};

/// So many demands that wait for nothing are few.
const DEMANDS_FEW: usize = 32;

impl Queue {
    /// The job to look at next: the first of those whose class waits for nothing.
    pub fn next(&self) -> Option<(ClassId, JobId)> {
        self.first_ready().map(|(_, head)| (head.class, head.job))
    }

    /// Whoever may be first is looked at, peers and lanes in order, as long as they can have one that goes before the best so
    /// far: first jobs that wait for capacity stand in order too, so where a lane begins is the earliest of what it has.
    pub(crate) fn first_ready(&self) -> Option<(Place, Head)> {
        self.first_ready_of(DEMANDS_FEW)
    }

    /// The same, however many demands are few.
    pub(crate) fn first_ready_of(&self, few: usize) -> Option<(Place, Head)> {
        let ready = self.shapes.ready();
        if ready.is_empty() {
            return None;
        }
        let mut best: Option<(Place, Head)> = None;
        for (from, peers) in self.peers_in_order() {
            if best.as_ref().is_some_and(|(place, _)| *place < from) {
                break;
            }
            if !peers.want(ready) {
                continue;
            }
            if !self.apart && peers.slots().both(ready).nth(few).is_none() {
                // Of few demands the first of each is looked up, however many lanes stand before them.
                for (in_line, lane) in peers.slots().both(ready).filter_map(|slot| peers.first_of(slot)) {
                    let place = Place { in_line, ..from };
                    if best.as_ref().is_none_or(|(before, _)| place < *before) {
                        best = lane.heads().next().map(|head| (place, *head));
                    }
                }
                continue;
            }
            let passed =
                self.passed.filter(|passed| (passed.rank, passed.organization) == (from.rank, from.organization));
            // A lane that begins before may have somebody behind whom nobody passed yet, unless all in it wait for the same.
            let lanes_from = passed.map(|passed| match self.apart {
                true => (passed.in_line.0, Timestamp(i64::MIN), JobId(0)),
                false => passed.in_line,
            });
            for (in_line, lane) in peers.in_order(lanes_from) {
                if best.as_ref().is_some_and(|(place, _)| *place < Place { in_line, ..from }) {
                    break;
                }
                if !lane.wants(ready) {
                    continue;
                }
                let heads_from = passed.map_or(in_line, |passed| passed.in_line.max(in_line));
                let is_ready = |head: &&Head| !self.shapes.waits(head.slot) && self.classes[&head.class].is_open();
                let mut heads = lane.heads_from(heads_from).take(self.kinds_of_a_lane());
                let Some(head) = heads.find(is_ready) else { continue };
                let place = Place { in_line: lane.place_of(head), ..from };
                if best.as_ref().is_none_or(|(before, _)| place < *before) {
                    best = Some((place, *head));
                }
            }
        }
        best
    }

    /// How many first jobs of a lane may wait for different things: where nobody stands apart, all wait for the same.
    fn kinds_of_a_lane(&self) -> usize {
        if self.apart { usize::MAX } else { 1 }
    }

    /// All peers that may have somebody who waits for nothing, with the place of their first job.
    fn peers_in_order(&self) -> impl Iterator<Item = (Place, &Peers)> {
        let from = self.passed.map(|passed| (Place { in_line: LEAST, ..passed }, (None, std::cmp::Reverse(i32::MAX))));
        let all = match from {
            Some(from) => self.order.range(from..),
            None => self.order.range(..),
        };
        all.map(|(place, id)| (*place, &self.peers[id]))
    }

    /// The job to look at next where nobody may pass one before it that waits for the same cards.
    pub fn next_in_strict_order(&self) -> Option<(ClassId, JobId)> {
        // The demands of which somebody might be next, as long as none was seen.
        let mut left = Bits::default();
        self.peers.values().for_each(|peers| left.add(peers.slots()));
        left.keep(self.shapes.ready());
        if left.is_empty() {
            return None;
        }
        // Who is held back holds back others in turn.
        let (mut seen, mut held_back) = (Bits::default(), Vec::new());
        for head in self.heads().filter(|head| self.classes[&head.class].is_open()) {
            if seen.contains(head.slot) {
                continue;
            }
            let demand = &self.shapes.get(head.slot).demand;
            if !self.shapes.waits(head.slot) && !held_back.iter().any(|before| compete(before, demand)) {
                return Some((head.class, head.job));
            }
            held_back.push(*demand);
            seen.set(head.slot, true);
            left.set(head.slot, false);
            if left.is_empty() {
                break;
            }
        }
        None
    }

    /// The first jobs of all that may wait for different things, in order.
    fn heads(&self) -> Box<dyn Iterator<Item = Head> + '_> {
        let lanes = || {
            let of_peers = |(place, id): &(Place, PeersId)| {
                self.peers[id].in_order(None).map({
                    let place = *place;
                    move |(in_line, lane)| (Place { in_line, ..place }, lane)
                })
            };
            self.order.iter().flat_map(of_peers)
        };
        if !self.apart {
            return Box::new(lanes().filter_map(|(_, lane)| lane.heads().next().copied()));
        }
        // Who stand level are merged. No named policy with a strict order lets anybody stand apart.
        let heads = |(place, lane): (Place, &Lane)| {
            let placed = |head: &Head| (Place { in_line: lane.place_of(head), ..place }, *head);
            lane.heads().map(placed).collect::<Vec<_>>()
        };
        let mut all: Vec<(Place, Head)> = lanes().flat_map(heads).collect();
        all.sort_unstable_by_key(|(place, _)| *place);
        Box::new(all.into_iter().map(|(_, head)| head))
    }

    /// The first job of a class that is not set aside.
    pub fn head(&self, id: ClassId) -> Option<JobId> {
        self.first(id).map(|head| head.job)
    }

    pub(crate) fn first(&self, id: ClassId) -> Option<Head> {
        let class = self.class(id);
        if !self.apart {
            return self.peers.get(&self.peers_of(id))?.lane(Owner::Class(id))?.heads().next().copied();
        }
        let placed = |user: &UserId| {
            let (lane, own) = self.entry(id, *user)?;
            let head = own.head((class.slot, id, *user))?;
            Some((lane.place_of(&head), head))
        };
        class.users.iter().filter_map(placed).min_by_key(|(place, _)| *place).map(|(_, head)| head)
    }

    /// The jobs with the demand of a class whose classes do not wait for their accounts, first to last by the first of each
    /// user in each class. Looks at all who have such jobs.
    pub fn alike(&self, id: ClassId) -> impl Iterator<Item = (ClassId, JobId)> {
        let slot = self.class(id).slot;
        let open = self.shapes.get(slot).classes.iter().filter(|class| self.classes[class].is_open());
        let of_class = |class: &ClassId| {
            let peers = self.peers_of(*class);
            let standing = self.peers.get(&peers).map(|peers| peers.standing).unwrap_or_default();
            let (id, class) = (*class, &self.classes[class]);
            class.users.iter().filter_map(move |user| {
                let (lane, own) = self.entry(id, *user)?;
                let head = own.head((slot, id, *user))?;
                let place = Place { rank: peers.1, organization: standing, in_line: lane.place_of(&head) };
                Some((place, id, own))
            })
        };
        let mut all: Vec<_> = open.flat_map(of_class).collect();
        all.sort_unstable_by_key(|(place, ..)| *place);
        all.into_iter().flat_map(|(_, class, own)| own.turns.iter().map(move |job| (class, job)))
    }

    /// The least time for which one of the jobs with the demand of a class may hold what it gets.
    pub fn shortest(&self, id: ClassId) -> Option<Milliseconds> {
        self.shapes.get(self.class(id).slot).shortest()
    }

    /// Jobs in line for one pool. Looks at all classes.
    pub fn in_line(&self, pool: PoolId) -> usize {
        self.classes.values().filter(|class| class.key.demand.pool == pool).map(|class| class.jobs).sum()
    }

    /// Whether a user's jobs of a class wait for a quota of that user.
    pub fn waits_for_user(&self, id: ClassId, user: UserId) -> bool {
        self.classes.contains_key(&id) && self.entry(id, user).is_some_and(|(_, own)| own.waits)
    }

    /// What a class waits for; none if it waits for nothing but its turn, or is not known.
    pub fn blocker(&self, id: ClassId) -> Option<Blocker> {
        let class = self.classes.get(&id)?;
        match class.looked_at {
            Some(_) if self.waiting_for_pool.contains(&id) => Some(Blocker::Pool),
            Some(_) => Some(Blocker::Account),
            None => (self.shapes.waits(class.slot) && self.has_head(id)).then_some(Blocker::Capacity),
        }
    }

    /// Whether somebody's jobs of a class are not set aside.
    fn has_head(&self, id: ClassId) -> bool {
        let class = self.class(id);
        let is_aside = |user: &UserId| self.waiting_for_user.contains(&(class.key.organization, *user, id));
        class.users.iter().any(|user| !is_aside(user))
    }

    /// The jobs of a class in line, first to last by the first of each user; those of users who are set aside come after all
    /// others. Looks at all users of the class.
    pub fn line(&self, id: ClassId) -> impl Iterator<Item = JobId> {
        self.line_with_users(id).map(|(_, job)| job)
    }

    /// The same, each with its user.
    pub fn line_with_users(&self, id: ClassId) -> impl Iterator<Item = (UserId, JobId)> {
        let placed = |(class, user): (&Class, &UserId)| {
            let (lane, own) = self.entry(id, *user)?;
            let first = own.first((class.slot, id, *user))?;
            Some(((own.waits, lane.place_of(&first)), *user, own))
        };
        let class = self.classes.get(&id).into_iter();
        let users = class.flat_map(|class| class.users.iter().map(move |user| (class, user)));
        let mut users: Vec<_> = users.filter_map(placed).collect();
        users.sort_unstable_by_key(|(place, ..)| *place);
        users.into_iter().flat_map(|(_, user, own)| own.turns.iter().map(move |job| (user, job)))
    }

    /// What the place of a job that is in line comes from, among those of its organization: its rank, the higher the better,
    /// where its user stands, and when it is due.
    pub fn turn(&self, id: ClassId, waiting: Waiting) -> (i32, Standing, Timestamp) {
        let (rank, user) = (self.class(id).rank, (self.class(id).key.organization, waiting.user));
        match self.entry(id, waiting.user) {
            Some((lane, own)) => {
                let due = own.turns.due(waiting.alike, waiting.came) + own.later;
                let head = Head { due, job: waiting.job, class: id, slot: 0, user: waiting.user };
                let (standing, due, _) = lane.place_of(&head);
                (rank, standing, due)
            }
            None => (rank, self.users.get(&user).copied().unwrap_or_default(), waiting.came),
        }
    }

    /// Jobs of the same pool that go before one that is in line, counted up to `most`. Looks at all classes and, of those who
    /// stand level with its organization, at all users.
    pub fn ahead(&self, id: ClassId, waiting: Waiting, most: usize) -> usize {
        let pool = self.class(id).key.demand.pool;
        let of_pool = |class: &Class| class.key.demand.pool == pool;
        let (_, user, due) = self.turn(id, waiting);
        let own = (user, due, waiting.job);
        let place = |id: ClassId| {
            let peers = self.peers_of(id);
            (peers.1, self.peers.get(&peers).map(|peers| peers.standing).unwrap_or_default())
        };
        let own_peers = place(id);
        let mut ahead = 0;
        for (class_id, class) in self.classes.iter().filter(|(_, class)| of_pool(class)) {
            if class.jobs > 0 && place(*class_id) < own_peers {
                ahead += class.jobs;
            }
        }
        let level = self.peers.iter().filter(|(id, peers)| (id.1, peers.standing) == own_peers);
        for lane in level.flat_map(|(_, peers)| peers.lanes()) {
            for (entry, jobs) in lane.entries() {
                if ahead >= most {
                    return most;
                }
                if self.shapes.get(entry.0).demand.pool == pool {
                    ahead += lane.count_before(jobs, own, most - ahead);
                }
            }
        }
        ahead.min(most)
    }
}
