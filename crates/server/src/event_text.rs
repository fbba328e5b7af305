//! Facts as events: who may see them, and a sentence about each.

use std::collections::BTreeMap;

use haina_api::{Event, Moment};
use haina_center::permission::Owner;
use haina_center::{Action, Fact, ScopedQuota, View};
use haina_core::{Ending, JobId, Language, Money, OrganizationId, Phrase, UserId, both, reason::show_cards};
use haina_ledger::TransactionKind;
use haina_store::StoredFact;

/// Who may see an event.
pub enum Audience {
    /// Whoever may do this to what this owner owns.
    Readers(Action, Owner),
    /// Whoever may see the job.
    Job(JobId),
    /// Everybody who may see nodes: the center's own shape is no secret within it.
    Everybody,
    /// Those who see everything.
    Center,
    /// Nobody: the core's own bookkeeping.
    Nobody,
}

/// Who may see a fact as an event.
pub fn audience(fact: &Fact, view: &View) -> Audience {
    let readers = |action, organization: Option<OrganizationId>, user: Option<UserId>| {
        Audience::Readers(action, Owner { organization, user, job: None })
    };
    match fact {
        Fact::PromiseWithdrawn { .. } | Fact::ClassAdded { .. } | Fact::ClassBlocked { .. } => Audience::Nobody,
        Fact::LeadershipTaken { .. } | Fact::TokenRevoked { .. } => Audience::Center,
        Fact::CenterNamed { .. }
        | Fact::CardModelSet { .. }
        | Fact::PoolAdded { .. }
        | Fact::NodeAdded { .. }
        | Fact::NodeSet { .. }
        | Fact::CardsSet { .. }
        | Fact::PolicySet { .. } => Audience::Everybody,
        Fact::OrganizationSet { id, .. } => readers(Action::ReadOrganization, Some(*id), None),
        Fact::ProjectAdded { organization, .. } => readers(Action::ReadQuota, Some(*organization), None),
        Fact::QuotaSet { set, .. } => match set.scope.organization {
            Some(organization) => readers(Action::ReadQuota, Some(organization), None),
            None => Audience::Everybody,
        },
        Fact::UserAdded { id, organization, .. } => readers(Action::ReadUser, *organization, Some(*id)),
        Fact::TokenIssued { user, .. } => {
            readers(Action::ReadUser, view.users.get(user).and_then(|user| user.organization), Some(*user))
        }
        Fact::Posted { transaction, .. } => readers(Action::ReadAccount, Some(transaction.organization), None),
        // What is proposed is no tenant's business before it is approved.
        Fact::AdjustmentProposed { .. } | Fact::AdjustmentRejected { .. } => {
            readers(Action::ReadAdjustment, None, None)
        }
        Fact::AgreementSet { organization, .. } => readers(Action::ReadAgreement, Some(*organization), None),
        Fact::AgreementSigned { id, .. } | Fact::AgreementBegun { id } | Fact::AgreementClosed { id } => {
            readers(Action::ReadAgreement, view.ledger.agreements.get(id).map(|known| known.organization), None)
        }
        Fact::ProgrammeSet { .. } => Audience::Everybody,
        Fact::VoucherClaimed { voucher, .. } => readers(Action::ReadVoucher, Some(voucher.organization), None),
        Fact::VoucherIssued { id, .. }
        | Fact::VoucherRejected { id, .. }
        | Fact::VoucherRevoked { id, .. }
        | Fact::VoucherClosed { id } => {
            readers(Action::ReadVoucher, view.ledger.vouchers.get(id).map(|known| known.organization), None)
        }
        Fact::JobSubmitted { id, organization, user, .. } => {
            let owner = Owner { organization: Some(*organization), user: Some(*user), job: Some(*id) };
            Audience::Readers(Action::ReadJob, owner)
        }
        Fact::AttemptPlaced { organization, .. } => readers(Action::ReadJob, Some(*organization), None),
        Fact::AttemptStarted { attempt, .. }
        | Fact::AttemptStopping { attempt }
        | Fact::AttemptEnded { attempt, .. } => Audience::Job(attempt.job),
        Fact::PromiseMade { job, .. }
        | Fact::JobDue { job }
        | Fact::JobCancelled { job, .. }
        | Fact::ElementCancelled { job, .. }
        | Fact::JobEnded { job, .. } => Audience::Job(*job),
    }
}

/// The event for a fact that somebody may see.
pub fn event(stored: &StoredFact, view: &View, language: Language) -> Event {
    let mut said = Said {
        values: BTreeMap::new(),
        chinese: BTreeMap::new(),
        job: None,
        organization: None,
        text: ("", ""),
        kind: "",
    };
    said.tell(&stored.fact, view);
    let template = if language == Language::Chinese { said.text.1 } else { said.text.0 };
    let shown = said
        .values
        .iter()
        .map(|(name, value)| (name, said.chinese.get(name).filter(|_| language == Language::Chinese).unwrap_or(value)));
    let sentence = shown.fold(template.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value));
    Event {
        id: stored.position.to_string(),
        at: Moment(stored.at),
        kind: said.kind.to_owned(),
        sentence,
        job: said.job.map(|job| job.to_string()),
        organization: said.organization,
        values: said.values,
    }
}

struct Said {
    values: BTreeMap<String, String>,
    /// Chinese for those of the values that are words of this program.
    chinese: BTreeMap<String, String>,
    job: Option<JobId>,
    organization: Option<String>,
    text: (&'static str, &'static str),
    kind: &'static str,
}

impl Said {
    fn say(&mut self, kind: &'static str, english: &'static str, chinese: &'static str) -> &mut Said {
        (self.kind, self.text) = (kind, (english, chinese));
        self
    }

    fn with(&mut self, name: &str, value: impl ToString) -> &mut Said {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    fn with_phrase(&mut self, name: &str, phrase: Phrase) -> &mut Said {
        self.chinese.insert(name.to_owned(), phrase.say(Language::Chinese).to_owned());
        self.with(name, phrase.say(Language::English))
    }

    fn of(&mut self, view: &View, organization: OrganizationId) -> &mut Said {
        self.organization = view.organizations.get(&organization).map(|organization| organization.name.clone());
        self
    }

    fn about(&mut self, job: JobId) -> &mut Said {
        self.job = Some(job);
        self.with("job", job)
    }

    fn tell(&mut self, fact: &Fact, view: &View) {
        match fact {
            Fact::JobSubmitted { .. }
            | Fact::JobDue { .. }
            | Fact::JobCancelled { .. }
            | Fact::ElementCancelled { .. }
            | Fact::JobEnded { .. } => self.tell_job(fact, view),
            Fact::AttemptPlaced { .. }
            | Fact::AttemptStarted { .. }
            | Fact::AttemptStopping { .. }
            | Fact::AttemptEnded { .. } => self.tell_attempt(fact, view),
            _ => self.tell_center(fact, view),
        }
    }

    fn tell_job(&mut self, fact: &Fact, view: &View) {
        let user = |id: &UserId| view.users.get(id).map_or_else(|| "the center".to_owned(), |user| user.name.clone());
        match fact {
            Fact::JobSubmitted { id, name, organization, user: by, .. } => {
                self.say("job_submitted", "Job {job} ({name}) was accepted.", "作业 {job}（{name}）已接收。");
                self.about(*id).of(view, *organization).with("name", name).with("user", user(by));
            }
            Fact::JobDue { job } => {
                self.say("job_due", "Job {job} may start from now on.", "作业 {job} 已到可启动时间。").about(*job);
            }
            Fact::JobCancelled { job, by } => {
                self.say("job_cancelled", "{user} cancelled job {job}.", "{user} 取消了作业 {job}。");
                self.about(*job).with("user", user(by));
            }
            Fact::ElementCancelled { job, element, by } => {
                self.say(
                    "element_cancelled",
                    "{user} cancelled element {element} of job {job}.",
                    "{user} 取消了作业 {job} 的第 {element} 个任务。",
                );
                self.about(*job).with("element", element).with("user", user(by));
            }
            Fact::JobEnded { job, state, cause, .. } => {
                self.say("job_ended", "Job {job} ended as {state}.", "作业 {job} 已结束，状态为 {state}。");
                if let Some(cause) = cause {
                    self.say(
                        "job_ended",
                        "Job {job} ended as {state}, because job {cause} did not succeed.",
                        "因作业 {cause} 未成功，作业 {job} 已结束，状态为 {state}。",
                    );
                    self.with("cause", cause);
                }
                self.about(*job).with_phrase("state", state.phrase());
            }
            _ => unreachable!("told of jobs only"),
        }
    }

    fn tell_attempt(&mut self, fact: &Fact, view: &View) {
        match fact {
            Fact::AttemptPlaced { attempt, organization, allocation, hold, .. } => {
                let nodes = allocation.shares.iter().map(|share| view.nodes[&share.node].name.as_str());
                let nodes = nodes.collect::<Vec<_>>().join(", ");
                self.say(
                    "attempt_placed",
                    "Attempt {attempt} was given {cards} card(s) on {nodes}; {hold} is held.",
                    "运行 {attempt} 已在 {nodes} 分配到 {cards} 张卡，预扣 {hold}。",
                );
                self.about(attempt.job).of(view, *organization).with("attempt", attempt);
                self.with("cards", show_cards(allocation.cards())).with("nodes", nodes).with("hold", hold);
            }
            Fact::AttemptStarted { attempt, .. } => {
                self.say("attempt_started", "Attempt {attempt} runs.", "运行 {attempt} 已开始。");
                self.about(attempt.job).with("attempt", attempt);
            }
            Fact::AttemptStopping { attempt } => {
                self.say("attempt_stopping", "Attempt {attempt} was told to stop.", "已要求运行 {attempt} 停止。");
                self.about(attempt.job).with("attempt", attempt);
            }
            Fact::AttemptEnded { attempt, state, ending, charged, retry, failed_task, .. } => {
                self.say(
                    "attempt_ended",
                    "Attempt {attempt} ended as {state}: {how}. Charged {charged}.",
                    "运行 {attempt} 已结束，状态为 {state}：{how}。扣费 {charged}。",
                );
                if let Some(task) = failed_task {
                    self.say(
                        "attempt_ended",
                        "Attempt {attempt} ended as {state}: task {task} of {tasks} (node {node}) failed first: {how}. \
                         Charged {charged}.",
                        "运行 {attempt} 已结束，状态为 {state}：首先失败的是任务 {task}（共 {tasks} 个，节点 {node}）：{how}。\
                         扣费 {charged}。",
                    );
                    self.with("task", task.rank).with("tasks", task.tasks);
                    self.with("node", view.nodes.get(&task.node).map_or("", |node| &node.name));
                }
                self.about(attempt.job).with("attempt", attempt).with_phrase("state", state.phrase());
                self.with_phrase("how", how(ending)).with("charged", charged).with("retry", retry);
            }
            _ => unreachable!("told of attempts only"),
        }
    }

    fn tell_center(&mut self, fact: &Fact, view: &View) {
        match fact {
            Fact::LeadershipTaken { epoch } => {
                self.say("leadership_taken", "The center is led under epoch {epoch}.", "中心进入领导任期 {epoch}。");
                self.with("epoch", epoch);
            }
            Fact::CenterNamed { name, .. } => {
                self.say("center_named", "The center is named {name}.", "中心名称为{name}。").with("name", name);
            }
            Fact::CardModelSet { definition, price_version, .. } => {
                self.say(
                    "card_model_set",
                    "Card model {name} costs {price} per card-hour (price version {version}).",
                    "卡型号 {name} 的价格为每卡时 {price}（价格版本 {version}）。",
                );
                self.with("name", &definition.name).with("version", price_version);
                self.with("price", definition.price_per_card_hour);
            }
            Fact::PoolAdded { name, .. } => {
                self.say("pool_added", "Pool {name} was added.", "已添加资源池 {name}。").with("name", name);
            }
            Fact::NodeAdded { name, spec } => {
                self.say(
                    "node_added",
                    "Node {name} with {cards} card(s) was added.",
                    "已添加节点 {name}（{cards} 张卡）。",
                );
                self.with("name", name).with("cards", spec.cards);
            }
            Fact::NodeSet { id, draining, reason } => {
                match draining {
                    true => self.say(
                        "node_draining",
                        "Node {name} takes no new work: {reason}",
                        "节点 {name} 不再接收新作业：{reason}",
                    ),
                    false => self.say("node_resumed", "Node {name} takes work again.", "节点 {name} 恢复接收作业。"),
                };
                self.with("name", view.nodes.get(id).map_or("", |node| &node.name)).with("reason", reason);
            }
            Fact::CardsSet { id, unusable } => {
                match unusable.is_empty() {
                    true => self.say(
                        "cards_usable",
                        "All cards of node {name} take work.",
                        "节点 {name} 的所有卡均可接收作业。",
                    ),
                    false => self.say(
                        "cards_unusable",
                        "Cards of node {name} that take no new work: {cards}",
                        "节点 {name} 上不再接收新作业的卡：{cards}",
                    ),
                };
                let cards: Vec<String> =
                    unusable.iter().map(|card| format!("{} ({})", card.index, card.reason)).collect();
                self.with("name", view.nodes.get(id).map_or("", |node| &node.name)).with("cards", cards.join(", "));
            }
            Fact::OrganizationSet { id, name, title, suspended, .. } => {
                self.say(
                    "organization_set",
                    "Organization {name} ({title}) was set.",
                    "单位 {name}（{title}）已设置。",
                );
                self.of(view, *id).with("name", name).with("title", title).with("suspended", suspended);
            }
            Fact::PromiseMade { job, promise } => {
                self.say(
                    "start_promised",
                    "Job {job} starts at {start} at the latest.",
                    "作业 {job} 最迟于 {start} 开始。",
                );
                self.about(*job).with("start", Moment(promise.start).rounded_up());
            }
            Fact::ProjectAdded { name, organization, .. } => {
                self.say("project_added", "Project {name} was added.", "已添加项目 {name}。");
                self.of(view, *organization).with("name", name);
            }
            Fact::QuotaSet { set, .. } => {
                let ScopedQuota { scope, quota } = set;
                self.say(
                    "quota_set",
                    "Cards of {holder}: {guaranteed} guaranteed, at most {limit}.",
                    "{holder}的卡数：保障 {guaranteed}，上限 {limit}。",
                );
                if let Some(organization) = scope.organization {
                    self.of(view, organization);
                }
                let limit = quota.limit.map_or("-".to_owned(), show_cards);
                self.with_phrase("holder", view.holder(scope)).with("guaranteed", show_cards(quota.guaranteed));
                self.with("limit", limit);
            }
            Fact::PolicySet { policy } => {
                self.say("policy_set", "Jobs are scheduled by policy {policy}.", "作业按策略 {policy} 调度。");
                self.with("policy", policy.name().unwrap_or("-"));
            }
            Fact::UserAdded { name, role, .. } => {
                self.say("user_added", "User {name} was added as {role}.", "已添加用户 {name}，角色为 {role}。");
                self.with("name", name).with_phrase("role", role.title());
            }
            Fact::TokenIssued { id, user, label, .. } => {
                self.say("token_issued", "Token {token} was issued to {user}.", "已向 {user} 签发令牌 {token}。");
                let user = view.users.get(user).map_or("", |user| &user.name);
                self.with("token", id).with("user", user).with("label", label);
            }
            Fact::TokenRevoked { id } => {
                self.say("token_revoked", "Token {token} was revoked.", "令牌 {token} 已吊销。").with("token", id);
            }
            Fact::Posted { transaction, .. } => {
                let currency = view.center.currency;
                let amount = match transaction.kind {
                    TransactionKind::TopUp { .. } | TransactionKind::Adjustment { .. } => {
                        transaction.amount_for_organization(currency)
                    }
                    // As before there were others who pay: what a charge takes is negative.
                    TransactionKind::Charge { .. } => {
                        let total = transaction.total(currency);
                        Money { micros: -total.micros, ..total }
                    }
                    _ => transaction.total(currency),
                };
                match &transaction.kind {
                    TransactionKind::TopUp { reference } => {
                        self.say("topped_up", "{organization} paid in {amount}.", "{organization} 充值 {amount}。");
                        self.with("reference", reference);
                    }
                    TransactionKind::Adjustment { adjustment, reason, proposed_by, approved_by } => {
                        let words = "{organization} was adjusted by {amount}: {reason}";
                        self.say("adjusted", words, "{organization} 调账 {amount}：{reason}");
                        self.with("adjustment", adjustment).with("reason", reason);
                        self.with("proposed_by", user(view, proposed_by)).with("approved_by", user(view, approved_by));
                    }
                    TransactionKind::Charge { attempt, .. } => {
                        self.say("charged", "{amount} for attempt {attempt}.", "运行 {attempt} 扣费 {amount}。");
                        self.about(attempt.job).with("attempt", attempt);
                    }
                    TransactionKind::Commitment { agreement, .. } => {
                        let words = "What {organization} commits to by agreement {agreement} changes by {amount}.";
                        self.say("committed", words, "{organization} 在合同 {agreement} 中的承诺金额变动 {amount}。");
                        self.with("agreement", agreement);
                    }
                    TransactionKind::Payment { agreement, reference } => {
                        let words = "{organization} paid {amount} for agreement {agreement}.";
                        self.say("agreement_paid", words, "{organization} 为合同 {agreement} 支付 {amount}。");
                        self.with("agreement", agreement).with("reference", reference);
                    }
                    TransactionKind::Settlement { agreement } => {
                        let words = "{amount} of agreement {agreement} was not used before its end.";
                        self.say("agreement_settled", words, "合同 {agreement} 到期时有 {amount} 未使用。");
                        self.with("agreement", agreement);
                    }
                    TransactionKind::Issue { voucher, .. } => {
                        let words = "{organization} got voucher {voucher} of {amount}.";
                        self.say("voucher_granted", words, "{organization} 获得算力券 {voucher}，金额 {amount}。");
                        self.with("voucher", voucher);
                    }
                    TransactionKind::Return { voucher, .. } => {
                        let words = "{amount} of voucher {voucher} was not used and went back.";
                        self.say("voucher_returned", words, "算力券 {voucher} 有 {amount} 未使用，已退回。");
                        self.with("voucher", voucher);
                    }
                    TransactionKind::CashOut { voucher, reference, .. } => {
                        let words = "{amount} of voucher {voucher} was paid by its sponsor.";
                        self.say("voucher_cashed_out", words, "算力券 {voucher} 已兑付 {amount}。");
                        self.with("voucher", voucher).with("reference", reference);
                    }
                }
                self.of(view, transaction.organization).with("amount", amount);
                if let Some(name) = self.organization.clone() {
                    self.with("organization", name);
                }
            }
            Fact::AdjustmentProposed { id, adjustment } => {
                let words = "Adjustment {adjustment} of {organization} by {amount} was proposed: {reason}";
                self.say(
                    "adjustment_proposed",
                    words,
                    "已提出对 {organization} 的调账 {adjustment}，金额 {amount}：{reason}",
                );
                self.with("adjustment", id).with("amount", adjustment.amount).with("reason", &adjustment.reason);
                self.with("user", user(view, &adjustment.proposed_by));
                self.of(view, adjustment.organization);
                if let Some(name) = self.organization.clone() {
                    self.with("organization", name);
                }
            }
            Fact::AdjustmentRejected { id, by } => {
                let words = "Adjustment {adjustment} was rejected by {user}.";
                self.say("adjustment_rejected", words, "调账 {adjustment} 已被 {user} 驳回。");
                self.with("adjustment", id).with("user", user(view, by));
            }
            Fact::AgreementSet { .. }
            | Fact::AgreementSigned { .. }
            | Fact::AgreementBegun { .. }
            | Fact::AgreementClosed { .. } => self.tell_agreement(fact, view),
            Fact::ProgrammeSet { rules, by, .. } => {
                let words = "Voucher programme {programme} was set by {user}.";
                self.say("programme_set", words, "{user} 设置了算力券政策 {programme}。");
                self.with("programme", &rules.name).with("user", user(view, by));
            }
            Fact::VoucherClaimed { .. }
            | Fact::VoucherIssued { .. }
            | Fact::VoucherRejected { .. }
            | Fact::VoucherRevoked { .. }
            | Fact::VoucherClosed { .. } => self.tell_voucher(fact, view),
            _ => self.kind = "other",
        }
    }

    fn tell_agreement(&mut self, fact: &Fact, view: &View) {
        let id = match fact {
            Fact::AgreementSet { id, version, by, reason, .. } => {
                let words = "Agreement {agreement} has version {version}, by {user}: {reason}";
                self.say("agreement_set", words, "{user} 将合同 {agreement} 更新为版本 {version}：{reason}");
                self.with("version", version).with("user", user(view, by)).with("reason", reason);
                id
            }
            Fact::AgreementSigned { id, by } => {
                self.say("agreement_signed", "Agreement {agreement} was signed.", "合同 {agreement} 已签署。");
                self.with("user", user(view, by));
                id
            }
            Fact::AgreementBegun { id } => {
                self.say("agreement_begun", "Agreement {agreement} pays from now on.", "合同 {agreement} 开始履行。");
                id
            }
            Fact::AgreementClosed { id } => {
                self.say("agreement_closed", "Agreement {agreement} is over.", "合同 {agreement} 已结清。");
                id
            }
            _ => unreachable!("called for facts about agreements only"),
        };
        self.with("agreement", id);
        if let Some(known) = view.ledger.agreements.get(id) {
            self.of(view, known.organization);
        }
    }

    fn tell_voucher(&mut self, fact: &Fact, view: &View) {
        let id = match fact {
            Fact::VoucherClaimed { id, voucher } => {
                let words = "Voucher {voucher} of {amount} was claimed: {purpose}";
                self.say("voucher_claimed", words, "已申领算力券 {voucher}，金额 {amount}：{purpose}");
                self.with("amount", voucher.claimed).with("purpose", &voucher.purpose);
                self.with("user", user(view, &voucher.claimed_by));
                id
            }
            Fact::VoucherIssued { id, by, expires, reason, .. } => {
                self.say("voucher_issued", "Voucher {voucher} was issued.", "算力券 {voucher} 已发放。");
                self.with("user", user(view, by)).with("expires", Moment(*expires)).with("reason", reason);
                id
            }
            Fact::VoucherRejected { id, by, reason } => {
                self.say(
                    "voucher_rejected",
                    "Voucher {voucher} was rejected: {reason}",
                    "算力券 {voucher} 未通过审核：{reason}",
                );
                self.with("user", user(view, by)).with("reason", reason);
                id
            }
            Fact::VoucherRevoked { id, by, reason, .. } => {
                self.say(
                    "voucher_revoked",
                    "Voucher {voucher} was revoked: {reason}",
                    "算力券 {voucher} 已撤销：{reason}",
                );
                self.with("user", user(view, by)).with("reason", reason);
                id
            }
            Fact::VoucherClosed { id } => {
                self.say("voucher_closed", "Voucher {voucher} is over.", "算力券 {voucher} 已终止。");
                id
            }
            _ => unreachable!("called for facts about vouchers only"),
        };
        self.with("voucher", id);
        if let Some(known) = view.ledger.vouchers.get(id) {
            self.of(view, known.organization);
        }
    }
}

fn user<'a>(view: &'a View, id: &UserId) -> &'a str {
    view.users.get(id).map_or("", |user| &user.name)
}

/// How an attempt ended. Reasons are in the kernel's or a resolver's own words.
fn how(ending: &Ending) -> Phrase {
    match ending {
        Ending::Exited { code } => both(format!("exit code {code}"), format!("退出码 {code}")),
        Ending::Signalled { signal } => both(format!("signal {signal}"), format!("被信号 {signal} 终止")),
        Ending::OutOfMemory => {
            both("out of memory: it needed more than it had asked for", "内存超限：实际用量超过申请量")
        }
        Ending::TimedOut => both("past its time limit", "超过时限"),
        Ending::Stopped => both("stopped", "按要求停止"),
        Ending::Unstartable { reason } => both(format!("could not start: {reason}"), format!("无法启动：{reason}")),
        Ending::Lost { reason } => both(format!("lost: {reason}"), format!("丢失：{reason}")),
    }
}
