//! Why a center did not come up, said so that whoever starts it knows what to do.

use haina_core::{Category, Code, Refusal};
use haina_engine::EngineError;
use haina_runtime::StartError;
use haina_store::StoreError;

use crate::complaint::{Complaint, FAILED, UNAVAILABLE};
use crate::language::{language, say};
use crate::up::bad_center_file;
use crate::up_directory::DataDirectory;

/// What to say of a start that failed. Unavailable is what the same start may do better later.
pub fn not_started(error: StartError, directory: &DataDirectory) -> Complaint {
    let what = say("the center cannot start", "中心无法启动");
    match error {
        StartError::Store(error @ (StoreError::NewerVersion { .. } | StoreError::Corrupt(_))) => {
            Complaint::new(FAILED, what).because(error)
        }
        StartError::Store(error @ (StoreError::Open { .. } | StoreError::Database(_))) => {
            Complaint::new(UNAVAILABLE, what).because(error).hint(say(
                "Check that the database is there and has room, and that this user may use it.",
                "请检查数据库是否可用、磁盘是否有空间，当前用户是否有权限。",
            ))
        }
        StartError::Engine(error @ EngineError::OtherCenter { .. }) => {
            let engine = directory.join("engine");
            let engine = engine.display();
            Complaint::new(FAILED, what).because(error).hint(say(
                format!(
                    "Use the database that belongs to this directory, or another directory (--data). Where that database \
                     is gone for good, move {engine} away: what still runs under it belongs to no center."
                ),
                format!(
                    "请使用与该目录对应的数据库，或另选数据目录（--data）。若该数据库已不复存在，请移走 {engine}：\
                     其中仍在运行的进程不再属于任何中心。"
                ),
            ))
        }
        StartError::Engine(error @ EngineError::Unconfined(_)) => {
            Complaint::new(FAILED, what).because(error).hint(say(
                "Install what is missing, or set confinement = \"available\" in the center file's [local].",
                "请安装缺少的组件，或在中心文件的 [local] 中设置 confinement = \"available\"。",
            ))
        }
        StartError::Engine(error @ EngineError::Packages(_)) => Complaint::new(FAILED, what).because(error).hint(say(
            "Mend the file that `credentials` in the center file's [local.python] names.",
            "请修正中心文件 [local.python] 中 `credentials` 所指的文件。",
        )),
        StartError::Engine(error) => Complaint::new(FAILED, what).because(error).hint(say(
            format!("Check {}.", directory.join("engine").display()),
            format!("请检查 {}。", directory.join("engine").display()),
        )),
        StartError::Refused(refusal) => match refusal.code.category() {
            Category::Unavailable => unavailable(what, &refusal),
            _ => bad_center_file(&directory.join("center.toml").display().to_string(), &refusal),
        },
    }
}

/// What the center decided at its start could not be made durable. Whoever starts a center may read the private reason.
fn unavailable(what: &str, refusal: &Refusal) -> Complaint {
    let sentence = refusal.sentence(language());
    let why = match &refusal.context {
        Some(context) => format!("{sentence}\n  {context}"),
        None => sentence,
    };
    let hint = match refusal.code {
        Code::ReadOnly => say("Free disk space, and start it again.", "请释放磁盘空间后重新启动。"),
        _ => say(
            "Nothing is lost. Check the database and that no other server leads this center, and start it again.",
            "数据没有丢失。请检查数据库，并确认没有其他服务正在管理该中心，然后重新启动。",
        ),
    };
    Complaint::new(UNAVAILABLE, what).because(why).hint(hint)
}
