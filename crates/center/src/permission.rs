//! Who may do what: one table, used by the core for commands and by the server for questions.

use haina_core::{Code, OrganizationId, Phrase, Refusal, Role, UserId, both};

use crate::User;

/// Whose things an action may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Nobody's.
    Nothing,
    /// The user's own.
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
    ReadUser,
    AddUser,
    IssueToken,
    RevokeToken,
    ReadMetrics,
}

impl Action {
    /// All actions.
    pub const ALL: [Action; 16] = [
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
        Action::ReadUser,
        Action::AddUser,
        Action::IssueToken,
        Action::RevokeToken,
        Action::ReadMetrics,
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
            Action::ReadUser => both("see users", "查看用户"),
            Action::AddUser => both("add this user", "添加该用户"),
            Action::IssueToken => both("issue a token for this user", "为该用户签发令牌"),
            Action::RevokeToken => both("revoke this token", "吊销该令牌"),
            Action::ReadMetrics => both("read metrics", "读取监控指标"),
        }
    }
}

/// The table.
pub fn scope(role: Role, action: Action) -> Scope {
    use Scope::{Everything, Nothing, Organization, Own};
    // Columns: operator, finance, auditor, tenant admin, developer.
    let row = match action {
        Action::SubmitJob => [Everything, Nothing, Nothing, Organization, Organization],
        Action::CancelJob => [Everything, Nothing, Nothing, Organization, Own],
        Action::ReadJob => [Everything, Everything, Everything, Organization, Organization],
        Action::ReadLog => [Everything, Nothing, Nothing, Organization, Own],
        Action::OpenShell => [Everything, Nothing, Nothing, Organization, Own],
        Action::ReadNode => [Everything, Everything, Everything, Everything, Everything],
        Action::ChangeNode => [Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadOrganization => [Everything, Everything, Everything, Organization, Organization],
        Action::ChangeOrganization => [Everything, Nothing, Nothing, Nothing, Nothing],
        Action::ReadAccount => [Everything, Everything, Everything, Organization, Organization],
        Action::TopUp => [Everything, Everything, Nothing, Nothing, Nothing],
        Action::ReadUser => [Everything, Everything, Everything, Organization, Own],
        Action::AddUser => [Everything, Nothing, Nothing, Organization, Nothing],
        Action::IssueToken => [Everything, Nothing, Nothing, Organization, Own],
        Action::RevokeToken => [Everything, Nothing, Nothing, Organization, Own],
        Action::ReadMetrics => [Everything, Everything, Everything, Nothing, Nothing],
    };
    row[match role {
        Role::Operator => 0,
        Role::Finance => 1,
        Role::Auditor => 2,
        Role::TenantAdmin => 3,
        Role::Developer => 4,
    }]
}

/// Whose thing an action is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The organization, if it is an organization's.
    pub organization: Option<OrganizationId>,
    /// The user, if it is a user's.
    pub user: Option<UserId>,
}

/// Whether `user` may do `action` to what `owner` owns.
pub fn allows(id: UserId, user: &User, action: Action, owner: Owner) -> bool {
    match scope(user.role, action) {
        Scope::Nothing => false,
        Scope::Own => owner.user == Some(id),
        Scope::Organization => user.organization.is_some() && owner.organization == user.organization,
        Scope::Everything => true,
    }
}

/// [`allows`], as a result: `forbidden`, with the role and the action.
pub fn require(id: UserId, user: &User, action: Action, owner: Owner) -> Result<(), Refusal> {
    if allows(id, user, action, owner) { Ok(()) } else { Err(forbidden(user.role, action)) }
}

/// The refusal for a role and an action.
pub fn forbidden(role: Role, action: Action) -> Refusal {
    Refusal::new(Code::Forbidden).with_phrase("role", role.title()).with_phrase("action", action.words())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_may_do_more_than_the_operator() {
        for action in Action::ALL {
            for role in [Role::Finance, Role::Auditor, Role::TenantAdmin, Role::Developer] {
                assert!(scope(role, action) <= scope(Role::Operator, action), "{action:?}");
            }
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        use Action::*;
        for action in [SubmitJob, CancelJob, ChangeNode, ChangeOrganization, TopUp, AddUser, IssueToken, RevokeToken] {
            assert_eq!(scope(Role::Auditor, action), Scope::Nothing, "{action:?}");
        }
    }

    #[test]
    fn a_tenant_never_reaches_another() {
        let user = User { name: "li".into(), role: Role::TenantAdmin, organization: Some(OrganizationId(1)) };
        let other = Owner { organization: Some(OrganizationId(2)), user: Some(UserId(9)) };
        for action in Action::ALL {
            assert!(action == Action::ReadNode || !allows(UserId(1), &user, action, other), "{action:?}");
        }
    }
}
