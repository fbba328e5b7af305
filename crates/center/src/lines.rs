//! Who stands where in line: by the policy, by what was used, and by how long jobs like them took.

use haina_core::{JobId, Milliseconds, Order, OrganizationId, UserId};
use haina_scheduler::{Queue, Similar, tells_users_apart};

use crate::{Job, State, View};

impl State {
    /// Everybody in line, as the policy says, nobody set aside.
    pub(crate) fn lined_up(&self) -> Queue {
        let mut queue = Queue::new();
        for (id, class) in &self.view.classes {
            queue.add_class(*id, class.key);
            self.view.weigh_class(&mut queue, *id);
        }
        self.view.weigh_shares(&mut queue);
        for (organization, _) in self.view.shares.iter() {
            stand_users(&mut queue, &self.view, organization);
        }
        for (id, job) in self.jobs.iter().filter(|(_, job)| job.startable().is_some()) {
            let waiting = job.waiting(*id, &self.view.center.policy);
            queue.insert(job.class, waiting, |first| passed_for(&self.view, &self.jobs[&first]));
        }
        queue
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
        let user = if tells_users_apart(view.center.policy.order) { user } else { UserId::default() };
        queue.learned(organization, user, similar, |first| passed_for(view, &jobs[&first]));
    }

    /// Brings the queue in line with whether a job has something to start.
    pub(crate) fn refresh(&mut self, id: JobId) {
        match self.jobs[&id].startable() {
            Some(_) if self.in_line(id) => {}
            Some(_) => {
                let State { jobs, view, queue, .. } = self;
                let job = &jobs[&id];
                queue.insert(job.class, job.waiting(id, &view.center.policy), |first| passed_for(view, &jobs[&first]));
            }
            None => self.leave_line(id),
        }
    }

    fn in_line(&self, id: JobId) -> bool {
        let job = &self.jobs[&id];
        self.queue.contains(job.class, job.waiting(id, &self.view.center.policy))
    }

    /// Takes a job out of its line, if it is there.
    fn leave_line(&mut self, id: JobId) {
        if self.in_line(id) {
            let State { jobs, view, queue, .. } = self;
            let job = &jobs[&id];
            queue.remove(job.class, job.waiting(id, &view.center.policy), |first| passed_for(view, &jobs[&first]));
        }
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
