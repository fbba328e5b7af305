//! Who may do what: one table, used by the core for commands and by the server for questions.

use haina_core::{AttemptId, Code, JobId, OrganizationId, Phrase, Refusal, Role, UserId, both};

use crate::User;

/// Who wants to do something, as far as it matters for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user.
    User {
        /// Its id.
        id: UserId,
        /// What it is to the center.
        role: Role,
        /// Where it works, if it is a tenant's.
        organization: Option<OrganizationId>,
    },
    /// A program of a running attempt, by the attempt's own token.
    Attempt(AttemptId),
}

impl Subject {
    /// A user.
    pub fn user(id: UserId, user: &User) -> Subject {
        Subject::User { id, role: user.role, organization: user.organization }
    }

    /// What people call it.
    fn title(self) -> Phrase {
        match self {
            Subject::User { role, .. } => role.title(),
            Subject::Attempt(_) => both("running job", "运行中的作业"),
        }
    }
}

/// Whose things an action may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nobody's.
    Nothing,
    /// The user's own; the attempt's own job.
    Own,
    /// Those of the user's organization.
    Organization,
    /// Everybody's, and the center's.
    Everything,
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    SubmitJob,
    CancelJob,
    ReadJob,
    ReadLog,
    OpenShell,
    ReadNode,
    ChangeNode,
    ReadOrganization,
    ChangeOrganization,
    ReadAccount,
    TopUp,
    ReadAdjustment,
    AdjustAccount,
    ReadUser,
    AddUser,
    IssueToken,
    RevokeToken,
    ReadMetrics,
    ReadEnvironment,
    ChangePolicy,
    ReadQuota,
    ChangeQuota,
    AddProject,
    ReadAgreement,
    ChangeAgreement,
    ReadVoucher,
    ClaimVoucher,
    ReviewVoucher,
    ReadProgramme,
    ChangeProgramme,
}

impl Action {
    /// All actions.
    pub const ALL: [Action; 30] = [
        Action::SubmitJob,
        Action::CancelJob,
        Action::ReadJob,
        Action::ReadLog,
        Action::OpenShell,
        Action::ReadNode,
        Action::ChangeNode,
        Action::ReadOrganization,
        Action::ChangeOrganization,
        Action::ReadAccount,
        Action::TopUp,
        Action::ReadAdjustment,
        Action::AdjustAccount,
        Action::ReadUser,
        Action::AddUser,
        Action::IssueToken,
        Action::RevokeToken,
        Action::ReadMetrics,
        Action::ReadEnvironment,
        Action::ChangePolicy,
        Action::ReadQuota,
        Action::ChangeQuota,
        Action::AddProject,
        Action::ReadAgreement,
        Action::ChangeAgreement,
        Action::ReadVoucher,
        Action::ClaimVoucher,
        Action::ReviewVoucher,
        Action::ReadProgramme,
        Action::ChangeProgramme,
    ];

    /// The words for people.
    pub fn words(self) -> Phrase {
        match self {
            Action::SubmitJob => both("submit a job", "提交作业"),
            Action::CancelJob => both("cancel this job", "取消该作业"),
            Action::ReadJob => both("see jobs", "查看作业"),
            Action::ReadLog => both("read this job's logs", "读取该作业的日志"),
            Action::OpenShell => both("open a shell in this job", "在该作业中打开终端"),
            Action::ReadNode => both("see nodes", "查看节点"),
            Action::ChangeNode => both("drain or resume a node", "让节点停止或恢复接收作业"),
            Action::ReadOrganization => both("see organizations", "查看单位"),
            Action::ChangeOrganization => both("change an organization", "修改单位"),
            Action::ReadAccount => both("see this account", "查看该账户"),
            Action::TopUp => both("top up an account", "为账户充值"),
            Action::ReadAdjustment => both("see proposed adjustments", "查看待批准的调账"),
            Action::AdjustAccount => both("adjust an account", "对账户调账"),
            Action::ReadUser => both("see users", "查看用户"),
            Action::AddUser => both("add this user", "添加该用户"),
            Action::IssueToken => both("issue a token for this user", "为该用户签发令牌"),
            Action::RevokeToken => both("revoke this token", "吊销该令牌"),
            Action::ReadMetrics => both("read metrics", "读取监控指标"),
            Action::ReadEnvironment => both("see environments", "查看运行环境"),
            Action::ReadQuota => both("see quotas and projects", "查看配额与项目"),
            Action::ChangeQuota => both("change a quota", "修改配额"),
            Action::AddProject => both("add this project", "添加该项目"),
            Action::ReadAgreement => both("see agreements", "查看合同"),
            Action::ChangeAgreement => both("change an agreement", "修改合同"),
            Action::ReadVoucher => both("see vouchers", "查看算力券"),
            Action::ClaimVoucher => both("claim a voucher", "申领算力券"),
            Action::ReviewVoucher => both("review or revoke a voucher", "审核或撤销算力券"),
            Action::ReadProgramme => both("see voucher programmes", "查看算力券政策"),
            Action::ChangeProgramme => both("change a voucher programme", "修改算力券政策"),
            Action::ChangePolicy => both("change how jobs are scheduled", "修改调度策略"),
        }
    }
}

/// The table.
pub fn scope(subject: Subject, action: Action) -> Scope {
    use Scope::{Everything, Nothing, Organization, Own};
    // Columns: operator, finance, auditor, tenant admin, developer, attempt.
    let row = match action {
        Action::SubmitJob => [Everything, Nothing, Nothing, Organization, Organization, Nothing],
        Action::CancelJob => [Everything, Nothing, Nothing, Organization, Own, Nothing],
        Action::ReadJob => [Everything, Everything, Everything, Organization, Organization, Own],
        Action::ReadLog => [Everything, Nothing, Nothing, Organization, Own, Own],
        Action::OpenShell => [Everything, Nothing, Nothing, Organization, Own, Nothing],
        Action::ReadNode => [Everything, Everything, Everything, Everything, Everything, Nothing],
        Action::ChangeNode => [Everything, Nothing, Nothing, Nothing, Nothing, Nothing],
        Action::ReadOrganization => [Everything, Everything, Everything, Organization, Organization, Nothing],
        Action::ChangeOrganization => [Everything, Nothing, Nothing, Nothing, Nothing, Nothing],
        Action::ReadAccount => [Everything, Everything, Everything, Organization, Organization, Nothing],
        Action::TopUp => [Everything, Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadAdjustment => [Everything, Everything, Everything, Nothing, Nothing, Nothing],
        Action::AdjustAccount => [Everything, Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadUser => [Everything, Everything, Everything, Organization, Own, Nothing],
        Action::AddUser => [Everything, Nothing, Nothing, Organization, Nothing, Nothing],
        Action::IssueToken => [Everything, Nothing, Nothing, Organization, Own, Nothing],
        Action::RevokeToken => [Everything, Nothing, Nothing, Organization, Own, Nothing],
        Action::ReadMetrics => [Everything, Everything, Everything, Nothing, Nothing, Nothing],
        Action::ReadEnvironment => [Everything, Nothing, Everything, Nothing, Nothing, Nothing],
        Action::ReadQuota => [Everything, Everything, Everything, Organization, Organization, Nothing],
        Action::ChangeQuota => [Everything, Nothing, Nothing, Organization, Nothing, Nothing],
        Action::AddProject => [Everything, Nothing, Nothing, Organization, Nothing, Nothing],
        Action::ReadAgreement => [Everything, Everything, Everything, Organization, Organization, Nothing],
        Action::ChangeAgreement => [Everything, Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadVoucher => [Everything, Everything, Everything, Organization, Organization, Nothing],
        Action::ClaimVoucher => [Everything, Nothing, Nothing, Organization, Nothing, Nothing],
        Action::ReviewVoucher => [Everything, Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadProgramme => [Everything, Everything, Everything, Everything, Everything, Nothing],
        Action::ChangeProgramme => [Everything, Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ChangePolicy => [Everything, Nothing, Nothing, Nothing, Nothing, Nothing],
    };
    row[match subject {
        Subject::User { role: Role::Operator, .. } => 0,
        Subject::User { role: Role::Finance, .. } => 1,
        Subject::User { role: Role::Auditor, .. } => 2,
        Subject::User { role: Role::TenantAdmin, .. } => 3,
        Subject::User { role: Role::Developer, .. } => 4,
        Subject::Attempt(_) => 5,
    }]
}

/// Whose thing an action is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The organization, if it is an organization's.
    pub organization: Option<OrganizationId>,
    /// The user, if it is a user's.
    pub user: Option<UserId>,
    /// The job, if it is one, or of one.
    pub job: Option<JobId>,
}

/// Whether `subject` may do `action` to what `owner` owns.
pub fn allows(subject: Subject, action: Action, owner: Owner) -> bool {
    match (scope(subject, action), subject) {
        (Scope::Nothing, _) => false,
        (Scope::Own, Subject::User { id, .. }) => owner.user == Some(id),
        (Scope::Own, Subject::Attempt(attempt)) => owner.job == Some(attempt.job),
        (Scope::Organization, Subject::User { organization, .. }) => {
            organization.is_some() && owner.organization == organization
        }
        (Scope::Organization, Subject::Attempt(_)) => false,
        (Scope::Everything, _) => true,
    }
}

/// [`allows`], as a result: `forbidden`, with the role and the action.
pub fn require(subject: Subject, action: Action, owner: Owner) -> Result<(), Refusal> {
    if allows(subject, action, owner) { Ok(()) } else { Err(forbidden(subject, action)) }
}

/// The refusal for a subject and an action.
pub fn forbidden(subject: Subject, action: Action) -> Refusal {
    let refusal =
        Refusal::new(Code::Forbidden).with_phrase("role", subject.title()).with_phrase("action", action.words());
    match subject {
        Subject::User { .. } => refusal,
        Subject::Attempt(_) => refusal.with_hint(both(
            "A job's own token reads that job and nothing else. Do this as a user; a job that waits for another is \
             submitted with `after`.",
            "作业自身的令牌只能读取该作业。请以用户身份执行此操作；需要等待其他作业的作业，请提交时使用 `after`。",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: Role, organization: Option<u32>) -> Subject {
        Subject::User { id: UserId(1), role, organization: organization.map(OrganizationId) }
    }

    #[test]
    fn nobody_may_do_more_than_the_operator() {
        for action in Action::ALL {
            let most = scope(of(Role::Operator, None), action);
            for role in [Role::Finance, Role::Auditor, Role::TenantAdmin, Role::Developer] {
                assert!(scope(of(role, None), action) <= most, "{action:?}");
            }
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        use Action::*;
        for action in [
            SubmitJob,
            CancelJob,
            ChangeNode,
            ChangeOrganization,
            TopUp,
            AdjustAccount,
            AddUser,
            IssueToken,
            RevokeToken,
            ChangePolicy,
            ChangeAgreement,
            ClaimVoucher,
            ReviewVoucher,
            ChangeProgramme,
        ] {
            assert_eq!(scope(of(Role::Auditor, None), action), Scope::Nothing, "{action:?}");
        }
    }

    #[test]
    fn a_tenant_never_reaches_another() {
        let other = Owner { organization: Some(OrganizationId(2)), user: Some(UserId(9)), job: Some(JobId(1)) };
        for action in Action::ALL {
            let reaches = allows(of(Role::TenantAdmin, Some(1)), action, other);
            let is_public = matches!(action, Action::ReadNode | Action::ReadProgramme);
            assert!(is_public || !reaches, "{action:?}");
        }
    }

    #[test]
    fn an_attempt_reads_its_own_job_and_nothing_else() {
        let attempt = Subject::Attempt("17_3.1".parse().unwrap());
        let its = |job| Owner { organization: Some(OrganizationId(1)), user: Some(UserId(1)), job: Some(JobId(job)) };
        for action in Action::ALL {
            let reads = [Action::ReadJob, Action::ReadLog].contains(&action);
            assert_eq!(allows(attempt, action, its(17)), reads, "{action:?}");
            for other in [its(18), its(3), Owner { job: None, ..its(17) }, Owner::default()] {
                assert!(!allows(attempt, action, other), "{action:?} of {other:?}");
            }
        }
    }
}
