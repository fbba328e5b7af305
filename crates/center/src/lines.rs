//! Who stands where in line: by the policy, by what was used, and by how long jobs like them took.

use std::collections::BTreeMap;

use haina_core::{JobId, Milliseconds, Order, OrganizationId, UserId};
use haina_scheduler::{Queue, Similar};

use crate::{Job, State, View};

impl State {
    /// A queue in which everybody has a standing, and nobody is in line.
    fn empty_queue(&self) -> Queue {
        let mut queue = Queue::new(self.view.center.policy.order.stands_apart());
        for (id, class) in &self.view.classes {
            queue.add_class(*id, class.key);
            self.view.weigh_class(&mut queue, *id);
        }
        self.view.weigh_shares(&mut queue);
        for (organization, _) in self.view.shares.iter() {
            stand_users(&mut queue, &self.view, organization);
        }
        queue
    }

    /// Everybody in line, as the policy says, nobody set aside.
    pub(crate) fn lined_up(&self) -> Queue {
        let mut queue = self.empty_queue();
        self.jobs.iter().for_each(|(id, job)| enter(&mut queue, &self.view, &self.jobs, *id, job));
        queue
    }

    /// Another policy: all must be put in line anew. There may be a million of them, so that is done by and by, with
    /// [`State::next_to_line_up`]; nobody starts before it is done.
    pub(crate) fn begin_lining_up(&mut self) {
        self.queue = self.empty_queue();
        self.lining_up = self.jobs.first_key_value().map(|(first, _)| *first);
    }

    /// Who comes after the next jobs to put in line, at most so many, and how many they are; none if all are in line.
    pub(crate) fn next_to_line_up(&self, most: u64) -> Option<(Option<JobId>, u64)> {
        let mut jobs = self.jobs.range(self.lining_up?..).map(|(id, _)| *id);
        let count = jobs.by_ref().take(most as usize).count() as u64;
        Some((jobs.next(), count))
    }

    /// Puts jobs in line up to one; with none, all.
    pub(crate) fn line_up_to(&mut self, end: Option<JobId>) {
        let Some(begin) = self.lining_up else { return };
        let State { jobs, view, queue, .. } = self;
        for (id, job) in jobs.range(begin..end.unwrap_or(JobId(u64::MAX))) {
            enter(queue, view, jobs, *id, job);
        }
        self.lining_up = end;
    }

    /// Tells the queue where an organization and one of its users stand now.
    pub(crate) fn stand(&mut self, organization: OrganizationId, user: UserId) {
        stand(&mut self.queue, &self.view, organization, user);
    }

    /// The weight of an organization changed, or how many take part in it.
    pub(crate) fn parts_changed(&mut self, organization: OrganizationId) {
        match self.view.center.policy.order {
            Order::Multifactor(_) => self.view.weigh_shares(&mut self.queue),
            Order::FairTree => stand_users(&mut self.queue, &self.view, organization),
            Order::Fifo | Order::Fair | Order::Shortest | Order::Deadline => {
                self.stand(organization, UserId::default());
            }
        }
    }

    /// Jobs like one that ended move in line.
    pub(crate) fn learned(&mut self, organization: OrganizationId, user: UserId, similar: Similar) {
        let State { jobs, view, queue, .. } = self;
        queue.learned(organization, user, similar, |first| passed_for(view, &jobs[&first]));
    }

    /// Brings the queue in line with whether a job has something to start.
    pub(crate) fn refresh(&mut self, id: JobId) {
        match self.jobs[&id].startable() {
            Some(_) if self.in_line(id) || self.lines_up_later(id) => {}
            Some(_) => enter(&mut self.queue, &self.view, &self.jobs, id, &self.jobs[&id]),
            None => self.leave_line(id),
        }
    }

    /// Whether a job has not been put in line since the policy was changed.
    pub(crate) fn lines_up_later(&self, id: JobId) -> bool {
        self.lining_up.is_some_and(|first| id >= first)
    }

    fn in_line(&self, id: JobId) -> bool {
        let job = &self.jobs[&id];
        self.queue.contains(job.class, job.waiting(id, &self.view.center.policy))
    }

    /// Takes a job out of its line, if it is there.
    fn leave_line(&mut self, id: JobId) {
        let State { jobs, view, queue, .. } = self;
        let job = &jobs[&id];
        queue.remove(job.class, job.waiting(id, &view.center.policy), |first| passed_for(view, &jobs[&first]));
    }

    /// Takes a job that ends out of its line while its class is still known.
    pub(crate) fn leave_class(&mut self, id: JobId) {
        self.leave_line(id);
        let class = self.jobs[&id].class;
        let entry = &self.view.classes[&class];
        if entry.jobs == 1 {
            self.queue.remove_class(class);
            self.class_of_key.remove(&entry.key);
        }
    }
}

/// Puts a job in line, if it has something to start.
fn enter(queue: &mut Queue, view: &View, jobs: &BTreeMap<JobId, Job>, id: JobId, job: &Job) {
    if job.startable().is_some() {
        queue.insert(job.class, job.waiting(id, &view.center.policy), |first| passed_for(view, &jobs[&first]));
    }
}

fn stand(queue: &mut Queue, view: &View, organization: OrganizationId, user: UserId) {
    let (order, shares) = (view.center.policy.order, &view.shares);
    queue.set_organization_standing(organization, shares.of_organization(order, organization));
    queue.set_user_standing(organization, user, shares.of_user(order, organization, user));
}

/// Tells the queue of an organization and all of its users who ever used something; whom it is told nothing of used
/// nothing.
fn stand_users(queue: &mut Queue, view: &View, organization: OrganizationId) {
    stand(queue, view, organization, UserId::default());
    view.shares.users_with_use(organization).for_each(|user| stand(queue, view, organization, user));
}

/// For how long others may pass a job and those that are alike.
fn passed_for(view: &View, job: &Job) -> Milliseconds {
    let cards = crate::cards_of(&view.classes[&job.class].key.demand);
    haina_scheduler::passed_for(&view.center.policy, cards, job.expected(&view.history))
}
