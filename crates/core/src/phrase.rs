//! Words that code gives in both languages, to be put into sentences: kinds of things, rules, actions.

use std::borrow::Cow;

use crate::Language;

/// The same words in English and in Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    english: Cow<'static, str>,
    chinese: Cow<'static, str>,
}

/// A phrase of its two forms.
pub fn both(english: impl Into<Cow<'static, str>>, chinese: impl Into<Cow<'static, str>>) -> Phrase {
    Phrase { english: english.into(), chinese: chinese.into() }
}

impl Phrase {
    /// The words in a language.
    pub fn say(&self, language: Language) -> &str {
        match language {
            Language::English => &self.english,
            Language::Chinese => &self.chinese,
        }
    }
}

/// What a refusal may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the things")]
pub enum Kind {
    Adjustment,
    Agreement,
    Attempt,
    CardModel,
    Element,
    Job,
    /// A job of the same submission, by its place there.
    JobOfSubmission,
    Node,
    Organization,
    Pool,
    Programme,
    Project,
    Route,
    Token,
    User,
    Voucher,
}

impl Kind {
    /// Its noun.
    pub fn noun(self) -> Phrase {
        match self {
            Kind::Adjustment => both("proposed adjustment", "待批准的调账"),
            Kind::Agreement => both("agreement", "合同"),
            Kind::Attempt => both("attempt", "运行尝试"),
            Kind::CardModel => both("card model", "卡型号"),
            Kind::Element => both("element", "数组元素"),
            Kind::Job => both("job", "作业"),
            Kind::JobOfSubmission => both("job of this submission", "本次提交的作业"),
            Kind::Node => both("node", "节点"),
            Kind::Organization => both("organization", "单位"),
            Kind::Pool => both("pool", "资源池"),
            Kind::Programme => both("voucher programme", "算力券政策"),
            Kind::Project => both("project", "项目"),
            Kind::Route => both("route", "接口地址"),
            Kind::Token => both("token", "令牌"),
            Kind::User => both("user", "用户"),
            Kind::Voucher => both("voucher", "算力券"),
        }
    }
}
