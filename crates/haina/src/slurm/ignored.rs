//! Every option of sbatch (Slurm 22.05), and what becomes of it.

use super::options::Fate::{Ignored, Refused, Used};
use super::options::Takes::{Maybe, Nothing, Value};
use super::options::{Fate, Known, Takes};

const PLACE: Fate = Ignored(
    "Haina chooses processors and places itself; a job has its processors to itself",
    "处理器与位置由 Haina 选择；作业独占其处理器份额",
);
const MAIL: Fate =
    Ignored("no mail is sent; `haina job events` tells what happened", "不发送邮件；可用 `haina job events` 查看");
const SITE: Fate = Ignored("there is nothing like it here", "此处没有对应的功能");
const NODES: Fate = Refused(
    "Nodes cannot be chosen by name; choose a pool (--partition) and a card model (--gres=gpu:MODEL:N).",
    "不能按名称选择节点；请选择资源池（--partition）和卡型号（--gres=gpu:型号:数量）。",
);

const fn option(long: &'static str, short: Option<char>, takes: Takes, fate: Fate) -> Known {
    Known { long, short, takes, fate }
}

/// All of them.
pub const SBATCH: &[Known] = &[
    option("account", Some('A'), Value, Used),
    option("array", Some('a'), Value, Used),
    option("begin", Some('b'), Value, Used),
    option("chdir", Some('D'), Value, Used),
    option("comment", None, Value, Used),
    option("cpus-per-gpu", None, Value, Used),
    option("cpus-per-task", Some('c'), Value, Used),
    option("dependency", Some('d'), Value, Used),
    option("error", Some('e'), Value, Used),
    option("export", None, Maybe, Used),
    option("gpus", Some('G'), Value, Used),
    option("gpus-per-node", None, Value, Used),
    option("gpus-per-task", None, Value, Used),
    option("gres", None, Value, Used),
    option("input", Some('i'), Value, Used),
    option("job-name", Some('J'), Value, Used),
    option("mem", None, Value, Used),
    option("mem-per-cpu", None, Value, Used),
    option("mem-per-gpu", None, Value, Used),
    option("no-requeue", None, Nothing, Used),
    option("nodes", Some('N'), Value, Used),
    option("ntasks", Some('n'), Value, Used),
    option("ntasks-per-node", None, Value, Used),
    option("open-mode", None, Value, Used),
    option("output", Some('o'), Value, Used),
    option("parsable", None, Nothing, Used),
    option("partition", Some('p'), Value, Used),
    option("quiet", Some('Q'), Nothing, Used),
    option("test-only", None, Nothing, Used),
    option("time", Some('t'), Value, Used),
    option("wait", Some('W'), Nothing, Used),
    option("wrap", None, Value, Used),
    // Named and left out.
    option(
        "requeue",
        None,
        Nothing,
        Ignored(
            "a job whose node is lost is not started again by itself (`retries` of a job file does that, also for failures)",
            "节点丢失的作业不会自动重新运行（作业文件的 `retries` 可以，但失败时也会重试）",
        ),
    ),
    option(
        "exclusive",
        None,
        Maybe,
        Ignored(
            "what a job asks for is its own, but others may run beside it",
            "作业独占其申请的资源，但同一节点上可能有其他作业",
        ),
    ),
    option(
        "nice",
        None,
        Maybe,
        Ignored("priority is said in a job file (`priority`)", "优先级请在作业文件中填写（`priority`）"),
    ),
    option(
        "priority",
        None,
        Value,
        Ignored("priority is said in a job file (`priority`)", "优先级请在作业文件中填写（`priority`）"),
    ),
    option("qos", Some('q'), Value, Ignored("there are no classes of service yet", "尚无服务质量分级")),
    option(
        "signal",
        None,
        Value,
        Ignored(
            "at its time limit a job gets SIGTERM, and SIGKILL 10 s later",
            "到达时限时作业会收到 SIGTERM，10 秒后收到 SIGKILL",
        ),
    ),
    option(
        "kill-on-invalid-dep",
        None,
        Value,
        Ignored("a job whose dependency cannot be met any more is cancelled", "依赖无法满足的作业会被取消"),
    ),
    option("deadline", None, Value, Ignored("there are no deadlines", "不支持截止时间")),
    option("time-min", None, Value, Ignored("a job has one time limit", "作业只有一个时限")),
    option(
        "no-kill",
        Some('k'),
        Maybe,
        Ignored("a job ends when one of its nodes is lost", "任一节点丢失时作业即结束"),
    ),
    option("mail-type", None, Value, MAIL),
    option("mail-user", None, Value, MAIL),
    option("bb", None, Value, SITE),
    option("bbf", None, Value, SITE),
    option("clusters", Some('M'), Value, SITE),
    option("cluster-constraint", None, Value, SITE),
    option("delay-boot", None, Value, SITE),
    option("get-user-env", None, Maybe, SITE),
    option("ignore-pbs", None, Nothing, Ignored("#PBS and #BSUB are never read", "从不读取 #PBS 和 #BSUB")),
    option("mcs-label", None, Value, SITE),
    option("power", None, Value, SITE),
    option("profile", None, Value, SITE),
    option("propagate", None, Maybe, SITE),
    option("reboot", None, Nothing, SITE),
    option("switches", None, Value, SITE),
    option("tmp", None, Value, SITE),
    option("verbose", Some('v'), Nothing, SITE),
    option("wckey", None, Value, SITE),
    option("contiguous", None, Nothing, PLACE),
    option("core-spec", Some('S'), Value, PLACE),
    option("cores-per-socket", None, Value, PLACE),
    option("cpu-freq", None, Value, PLACE),
    option("distribution", Some('m'), Value, PLACE),
    option("extra-node-info", Some('B'), Value, PLACE),
    option("gpu-bind", None, Value, PLACE),
    option("gpu-freq", None, Value, PLACE),
    option("gres-flags", None, Value, PLACE),
    option("hint", None, Value, PLACE),
    option("mem-bind", None, Value, PLACE),
    option("mincpus", None, Value, PLACE),
    option("ntasks-per-core", None, Value, PLACE),
    option("ntasks-per-socket", None, Value, PLACE),
    option("overcommit", Some('O'), Nothing, PLACE),
    option("oversubscribe", Some('s'), Maybe, PLACE),
    option("sockets-per-node", None, Value, PLACE),
    option("spread-job", None, Nothing, PLACE),
    option("thread-spec", None, Value, PLACE),
    option("threads-per-core", None, Value, PLACE),
    option("use-min-nodes", None, Nothing, PLACE),
    // Without these it would be another job.
    option("nodelist", Some('w'), Value, NODES),
    option("nodefile", Some('F'), Value, NODES),
    option("exclude", Some('x'), Value, NODES),
    option("constraint", Some('C'), Value, NODES),
    option(
        "hold",
        Some('H'),
        Nothing,
        Refused(
            "Jobs cannot be held; --begin says when one may start.",
            "不能挂起作业；可用 --begin 指定最早开始时间。",
        ),
    ),
    option(
        "container",
        None,
        Value,
        Refused("A job file names an image (`image`).", "请在作业文件中用 `image` 指定镜像。"),
    ),
    option("export-file", None, Value, Refused("Name variables with --export.", "请用 --export 指定变量。")),
    option(
        "gpus-per-socket",
        None,
        Value,
        Refused("Say --gpus-per-node or --gpus-per-task.", "请使用 --gpus-per-node 或 --gpus-per-task。"),
    ),
    option("ntasks-per-gpu", None, Value, Refused("Say --ntasks-per-node.", "请使用 --ntasks-per-node。")),
    option("licenses", Some('L'), Value, Refused("There are no licences to count here.", "此处不管理许可证。")),
    option("reservation", None, Value, Refused("There are no reservations yet.", "尚不支持预留。")),
    option("gid", None, Value, Refused("A job runs as its organization's user.", "作业以其单位的用户身份运行。")),
    option("uid", None, Value, Refused("A job runs as its organization's user.", "作业以其单位的用户身份运行。")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_letters_are_unique() {
        for (at, one) in SBATCH.iter().enumerate() {
            for other in &SBATCH[at + 1..] {
                assert_ne!(one.long, other.long);
                assert!(one.short.is_none() || one.short != other.short, "{}", one.long);
            }
        }
    }
}
