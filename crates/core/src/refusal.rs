//! Refusals: what was asked cannot be done, said so that a person knows why and what to do.
//!
//! Each has a stable code, the values involved, and from these a sentence and a hint in the caller's language. What
//! only an administrator may read is kept apart in `context`, which is never serialized.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::phrase::{Kind, Phrase, both};

/// A language of the center's people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

/// What kind of refusal it is; shells map it to an HTTP status and an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The request is wrong in itself.
    Invalid,
    /// Nobody is known to be asking.
    Unauthenticated,
    /// Whoever asks may not.
    Forbidden,
    /// The account does not cover it.
    Unfunded,
    /// No such thing, or not for whoever asks.
    NotFound,
    /// It contradicts what is.
    Conflict,
    /// Not now; the same request may succeed later.
    Unavailable,
    /// A defect of Haina.
    Internal,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal $category:ident
        $english:literal $english_hint:literal $chinese:literal $chinese_hint:literal;)*) => {
        /// The stable codes. In a sentence or hint, `{name}` stands for the value of that name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The stable word.
            pub fn word(self) -> &'static str {
                match self { $(Code::$name => $word,)* }
            }

            /// Its category.
            pub fn category(self) -> Category {
                match self { $(Code::$name => Category::$category,)* }
            }

            /// Sentence and hint before the values are filled in.
            fn templates(self, language: Language) -> (&'static str, &'static str) {
                match (self, language) {
                    $((Code::$name, Language::English) => ($english, $english_hint),
                      (Code::$name, Language::Chinese) => ($chinese, $chinese_hint),)*
                }
            }
        }
    };
}

codes! {
    /// The request could not be read.
    InvalidRequest "invalid_request" Invalid
        "The request could not be read: {detail}." "See `haina schema job` and /api/openapi.json for what is understood."
        "无法读取请求：{detail}。" "可用的字段见 `haina schema job` 与 /api/openapi.json。";
    /// A value is outside what its field allows.
    InvalidValue "invalid_value" Invalid
        "`{field}` is {value}, but must be {rule}." "Change `{field}` and try again."
        "`{field}` 的值为 {value}，不符合要求：{rule}。" "请修改 `{field}` 后重试。";
    /// No node or set of nodes could ever host it.
    ImpossibleRequest "impossible_request" Invalid
        "No part of pool {pool} could ever host this job: {detail}." "Ask for less per node, another card model or another pool; `haina nodes` shows what there is."
        "资源池 {pool} 永远无法满足该作业：{detail}。" "请减少每个节点的需求，或换用其他卡型号、资源池；`haina nodes` 可查看现有资源。";
    /// The machine has cards that the center file does not know.
    UnknownCards "unknown_cards" Invalid
        "This machine has {cards}, and no real card model of the center file is theirs." "Add this to the center file, with what is not known filled in:\n\n{entry}"
        "本机有 {cards}，而中心文件中没有与之对应的真实卡型号。" "请将以下内容加入中心文件，并补全未知的值：\n\n{entry}";
    /// Jobs wait for each other in a circle.
    DependencyCycle "dependency_cycle" Invalid
        "These jobs wait for each other in a circle: {jobs}." "Remove one `after` of the circle."
        "这些作业互相等待，形成循环：{jobs}。" "请去掉循环中的一个 `after`。";
    /// It waits for something that cannot happen any more.
    DependencyUnsatisfiable "dependency_unsatisfiable" Conflict
        "Job {job} has ended as {state}, so a job that waits for its success would never start." "Depend on its end instead (`condition = \"ended\"`), or run it again."
        "作业 {job} 已结束，状态为 {state}，等待其成功的作业将永远无法启动。" "可改为依赖其结束（`condition = \"ended\"`），或重新运行该作业。";
    /// Nobody is known to be asking.
    Unauthenticated "unauthenticated" Unauthenticated
        "This needs a valid token." "Set HAINA_TOKEN, or pass `Authorization: Bearer TOKEN`; the operator's first token is in admin.token of the data directory."
        "需要有效的令牌。" "请设置 HAINA_TOKEN，或携带 `Authorization: Bearer 令牌`；运营方的首个令牌在数据目录的 admin.token 中。";
    /// The actor's role does not allow it.
    Forbidden "forbidden" Forbidden
        "Your role ({role}) does not allow this: {action}." "Ask an administrator of your organization or the operator."
        "您的角色（{role}）不允许此操作：{action}。" "请联系单位管理员或运营方。";
    /// The organization or user may not start work.
    Suspended "suspended" Forbidden
        "{name} is suspended and may not start work." "Ask the operator why and until when."
        "{name} 已停用，不能启动作业。" "请向运营方了解原因和期限。";
    /// No such thing, or not for the actor's eyes.
    NotFound "not_found" NotFound
        "There is no {kind} {name} that you may see." "Check the name; lists show what you may see."
        "没有您可查看的{kind} {name}。" "请检查名称；列表中是您可查看的内容。";
    /// Old output was removed.
    NoLongerKept "no_longer_kept" NotFound
        "Nothing that {attempt} wrote is kept any more." "The center removes old output; ask the operator how long it is kept."
        "{attempt} 的输出已不再保留。" "中心会清理较早的输出；保留时间请咨询运营方。";
    /// The name is in use.
    NameTaken "name_taken" Conflict
        "There already is a {kind} named {name}." "Choose another name."
        "已存在名为 {name} 的{kind}。" "请换一个名称。";
    /// The center file does not allow images from there.
    ImageNotAllowed "image_not_allowed" Forbidden
        "The image {image} may not be used here. Allowed: {allowed}." "Name an image from there, or ask the operator to add its registry to `allowed` in the center file's [local.images]."
        "此处不能使用镜像 {image}。允许的来源：{allowed}。" "请改用允许来源中的镜像，或请运营方将其镜像仓库加入中心文件 [local.images] 的 `allowed`。";
    /// The machine lacks what prepares such an environment.
    EnvironmentUnavailable "environment_unavailable" Conflict
        "This center cannot prepare {what}: {reason}." "Ask the operator to install it."
        "该中心无法准备{what}：{reason}。" "请联系运营方安装。";
    /// The job has ended.
    AlreadyEnded "already_ended" Conflict
        "Job {job} has already ended as {state}." "Nothing to do."
        "作业 {job} 已结束，状态为 {state}。" "无需操作。";
    /// The job does not run now.
    NotRunning "not_running" Conflict
        "Job {job} does not run now; it is {state}." "`haina job why` says what it waits for."
        "作业 {job} 现在没有运行，状态为 {state}。" "`haina job why` 可查看等待原因。";
    /// The key was used for another request.
    IdempotencyMismatch "idempotency_mismatch" Conflict
        "This Idempotency-Key was used before for a different request." "Use a new key for a new request."
        "该 Idempotency-Key 已用于另一个不同的请求。" "新请求请使用新的键。";
    /// More cards than may ever be held at some level.
    QuotaExceeded "quota_exceeded" Conflict
        "The job asks for {asked} cards, but {holder} may hold {limit} at once." "Ask for fewer cards, or ask the operator for a higher limit."
        "该作业需要 {asked} 张卡，但{holder}最多同时占用 {limit} 张。" "请减少卡数，或向运营方申请更高的上限。";
    /// The account does not cover even one attempt.
    InsufficientFunds "insufficient_funds" Unfunded
        "One attempt may cost up to {needed}, but {organization} has {available}." "Lower the time limit or the cards, or top up the account."
        "一次运行最多需要 {needed}，但 {organization} 只有 {available}。" "请缩短时限或减少卡数，或为账户充值。";
    /// Who proposed it may not approve it.
    OwnProposal "own_proposal" Conflict
        "You proposed adjustment {adjustment} yourself; another person must approve it." "Ask somebody else who may adjust accounts; you may reject it."
        "调账 {adjustment} 由您本人提出，须由他人批准。" "请由另一位有权调账的人员批准；您可以将其驳回。";
    /// An adjustment takes more than the account has.
    BalanceTooLow "balance_too_low" Unfunded
        "This takes {amount} from {organization}, which has {available} that is neither spent nor held." "Take less, or wait until what is held has ended."
        "此次调账将从 {organization} 扣除 {amount}，而其未使用且未预扣的余额只有 {available}。" "请减少金额，或待预扣结束后再试。";
    /// Somebody else changed it first.
    VersionConflict "version_conflict" Conflict
        "This was changed meanwhile: it is at version {version}, and you changed version {asked}." "Look at it again, and make your change to what it is now."
        "该内容已被他人修改：当前为版本 {version}，而您修改的是版本 {asked}。" "请重新查看，并在当前内容上修改。";
    /// It is not where this can be done to it.
    WrongStage "wrong_stage" Conflict
        "The {kind} {id} is {stage}; this needs one that is {needed}." "Lists show where each is."
        "{kind} {id} 处于“{stage}”状态，此操作要求“{needed}”。" "列表中可查看各自的状态。";
    /// More was sold of a pool than it has.
    OverSold "over_sold" Conflict
        "{what} would be sold beyond what it has: {sold} card-hours of {capacity} in that term." "Sign for less, for another term or pool, or say on purpose by how much it may be over-sold."
        "{what}将被超售：该期间内已售 {sold} 卡时，而总量为 {capacity} 卡时。" "请减少数量、调整期限或资源池，或明确指定允许的超售比例。";
    /// The programme's rules do not allow the claim.
    ClaimNotAllowed "claim_not_allowed" Conflict
        "This voucher cannot be claimed or issued: {rule}." "`haina voucher programmes` shows the rules."
        "不能申领或发放该算力券：{rule}。" "规则可用 `haina voucher programmes` 查看。";
    /// Nothing was used of it that its sponsor has not paid.
    NothingToCashOut "nothing_to_cash_out" Conflict
        "Nothing was used of voucher {voucher} that its sponsor has not paid." "Nothing to do; `haina voucher show` says what was redeemed and cashed out."
        "算力券 {voucher} 没有尚未兑付的已核销金额。" "无需操作；`haina voucher show` 可查看核销与兑付金额。";
    /// Who claimed it may not review it.
    OwnClaim "own_claim" Conflict
        "You claimed voucher {voucher} yourself; another person must review it." "Ask somebody else who may review vouchers."
        "算力券 {voucher} 由您本人申领，须由他人审核。" "请由另一位有权审核的人员处理。";
    /// The request is larger than is taken at once.
    TooLarge "too_large" Invalid
        "{what} is {size}, but at most {limit} is taken at once." "Split the request."
        "{what}为 {size}，但一次最多接受 {limit}。" "请拆分请求。";
    /// The center cannot commit or answer now.
    Unavailable "unavailable" Unavailable
        "The center's database does not answer, or did not confirm: a change that was asked for did not happen, or it is not known whether it happened." "Try again; a change with the same Idempotency-Key."
        "中心的数据库没有应答或未予确认：所请求的更改没有发生，或尚不知是否发生。" "请稍后重试；更改请使用相同的 Idempotency-Key。";
    /// The disk is full.
    ReadOnly "read_only" Unavailable
        "The center's disk is full; it only answers questions until there is room." "Free disk space; the center notices by itself."
        "中心的磁盘已满，在腾出空间之前只能查询。" "请释放磁盘空间；中心会自动恢复。";
    /// A defect.
    Internal "internal" Internal
        "Something went wrong inside Haina." "The center's log says more; please report it."
        "Haina 内部出错。" "中心日志中有更多信息，请反馈。";
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The values involved, by the names that the sentences use.
    pub values: BTreeMap<String, String>,
    /// Chinese for those of the values that are words of this program. Shown only: whoever reads a refusal back, as from a
    /// log, has the English ones.
    #[serde(skip)]
    chinese: BTreeMap<String, String>,
    /// What to do, where the code's own hint does not fit. Shown only, as well.
    #[serde(skip)]
    advice: Option<Box<Phrase>>,
    /// For administrators and logs only.
    #[serde(skip)]
    pub context: Option<String>,
}

impl Refusal {
    /// A refusal without values.
    pub fn new(code: Code) -> Refusal {
        Refusal { code, values: BTreeMap::new(), chinese: BTreeMap::new(), advice: None, context: None }
    }

    /// Adds a value.
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Refusal {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds a value that is words of this program.
    pub fn with_phrase(mut self, name: &str, phrase: Phrase) -> Refusal {
        self.chinese.insert(name.to_owned(), phrase.say(Language::Chinese).to_owned());
        self.with(name, phrase.say(Language::English))
    }

    /// Says which entry of a table of the center file it is about, counted from 0.
    pub fn of_entry(self, table: &str, entry: usize) -> Refusal {
        self.with("table", table).with("entry", entry)
    }

    /// Says what to do, in the place of the code's own hint.
    pub fn with_hint(mut self, advice: Phrase) -> Refusal {
        self.advice = Some(Box::new(advice));
        self
    }

    /// Adds what only an administrator may read.
    pub fn because(mut self, context: impl fmt::Display) -> Refusal {
        self.context = Some(context.to_string());
        self
    }

    /// `There is no KIND NAME that you may see.`
    pub fn not_found(kind: Kind, name: impl fmt::Display) -> Refusal {
        Refusal::new(Code::NotFound).with_phrase("kind", kind.noun()).with("name", name)
    }

    /// `FIELD is VALUE, but must be RULE.`
    pub fn invalid_value(field: &str, value: impl fmt::Display, rule: Phrase) -> Refusal {
        Refusal::new(Code::InvalidValue).with("field", field).with("value", value).with_phrase("rule", rule)
    }

    /// `FIELD is absent, but must be RULE.`
    pub fn absent(field: &str, rule: Phrase) -> Refusal {
        Refusal::invalid_value(field, "", rule).with_phrase("value", both("absent", "空（未填写）"))
    }

    /// `FIELD is empty, but must be RULE.`
    pub fn empty(field: &str, rule: Phrase) -> Refusal {
        Refusal::invalid_value(field, "", rule).with_phrase("value", both("empty", "空"))
    }

    /// The plain sentence.
    pub fn sentence(&self, language: Language) -> String {
        self.fill(self.code.templates(language).0, language)
    }

    /// What to do.
    pub fn hint(&self, language: Language) -> String {
        let hint = self.advice.as_ref().map_or(self.code.templates(language).1, |advice| advice.say(language));
        self.fill(hint, language)
    }

    /// A value for a sentence: as words of that language where it is words of this program.
    pub fn shown(&self, name: &str, language: Language) -> Option<&str> {
        let chinese = self.chinese.get(name).filter(|_| language == Language::Chinese);
        chinese.or_else(|| self.values.get(name)).map(String::as_str)
    }

    fn fill(&self, template: &str, language: Language) -> String {
        self.values.keys().fold(template.to_owned(), |text, name| {
            let place = format!("{{{name}}}");
            let value = self.shown(name, language).unwrap_or_default();
            // Chinese is set apart from Latin letters and digits, not from Chinese.
            let is_close = self.chinese.contains_key(name) && value.starts_with(is_chinese);
            let text = if is_close { text.replace(&format!(" {place}"), &place) } else { text };
            text.replace(&place, value)
        })
    }
}

/// Whether a character is a Chinese one or a full-width mark.
fn is_chinese(character: char) -> bool {
    ('\u{3000}'..='\u{9fff}').contains(&character) || ('\u{ff00}'..='\u{ffef}').contains(&character)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.sentence(Language::English), self.code.word())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_codes_are_their_serialized_form() {
        for &code in Code::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("{:?}", code.word()));
        }
    }

    #[test]
    fn a_sentence_names_the_values_in_both_languages() {
        let refusal = Refusal::invalid_value("nodes", -1, both("between 1 and 4096", "1 到 4096 之间"));
        assert_eq!(refusal.sentence(Language::English), "`nodes` is -1, but must be between 1 and 4096.");
        assert_eq!(refusal.sentence(Language::Chinese), "`nodes` 的值为 -1，不符合要求：1 到 4096 之间。");
        let refusal = Refusal::absent("organization", both("given", "必须填写"));
        assert_eq!(refusal.sentence(Language::English), "`organization` is absent, but must be given.");
        assert_eq!(refusal.sentence(Language::Chinese), "`organization` 的值为空（未填写），不符合要求：必须填写。");
        assert_eq!(refusal.values["value"], "absent", "values are the same in every language");
        let refusal = Refusal::not_found(Kind::Node, "node-9");
        assert_eq!(refusal.sentence(Language::Chinese), "没有您可查看的节点 node-9。");
    }

    #[test]
    fn every_template_fills_the_same_values_in_both_languages() {
        let names = |text: &str| -> std::collections::BTreeSet<String> {
            text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
        };
        for code in Code::ALL {
            let (english, chinese) = (code.templates(Language::English).0, code.templates(Language::Chinese).0);
            assert_eq!(names(english), names(chinese), "{}", code.word());
        }
    }
}
