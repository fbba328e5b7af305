//! What a job file says of Python packages.

use haina_core::{PackagesFile, PackagesFileKind, PythonEnvironment, Refusal, both};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Python packages: exactly one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PythonSpec {
    /// Requirement specifiers as pip reads them, one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub requirements: Option<Vec<String>>,
    /// A requirements file beside the job file; whoever submits reads it and sends `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub requirements_file: Option<String>,
    /// A lock file beside the job file: `uv.lock` (with its `pyproject.toml`), `pylock.toml`, or a requirements file with
    /// hashes; whoever submits reads it and sends `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lock_file: Option<String>,
    /// What is in such a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub file: Option<PackagesFileSpec>,
}

/// A file that says which packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackagesFileSpec {
    /// How it is to be read: `requirements`, `hashed_requirements`, `pylock` or `uv_lock`.
    #[schema(value_type = PackagesFileKindWord)]
    pub kind: PackagesFileKind,
    /// What is in it.
    pub text: String,
    /// The `pyproject.toml` that a `uv.lock` belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub project: Option<String>,
}

/// How a file says which packages.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PackagesFileKind)]
#[expect(missing_docs, reason = "see haina_core::PackagesFileKind")]
pub enum PackagesFileKindWord {
    Requirements,
    HashedRequirements,
    Pylock,
    UvLock,
}

impl PythonSpec {
    /// These requirements.
    pub fn of(requirements: Vec<String>) -> PythonSpec {
        PythonSpec { requirements: Some(requirements), ..PythonSpec::default() }
    }

    /// What the engine is to make of it.
    ///
    /// # Errors
    /// `invalid_value` with the field.
    pub fn environment(self) -> Result<PythonEnvironment, Refusal> {
        let given = [
            ("python.requirements", self.requirements.is_some()),
            ("python.requirements_file", self.requirements_file.is_some()),
            ("python.lock_file", self.lock_file.is_some()),
            ("python.file", self.file.is_some()),
        ];
        let given: Vec<&str> = given.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name).collect();
        match (given.as_slice(), self.requirements, self.file) {
            ([_], Some(requirements), _) => {
                check_requirements("python.requirements", &requirements)?;
                Ok(PythonEnvironment { requirements, file: None })
            }
            ([_], _, Some(file)) => {
                check_file(&file)?;
                let file = PackagesFile { kind: file.kind, text: file.text, project: file.project };
                Ok(PythonEnvironment { requirements: Vec::new(), file: Some(file) })
            }
            ([field], ..) => {
                let rule = both(
                    "read by who submits, who sends what is in it as `python.file`; `haina submit` does",
                    "由提交方读取，并以 `python.file` 发送其内容；`haina submit` 会这样做",
                );
                Err(Refusal::invalid_value(field, "", rule).with_phrase("value", both("a path", "路径")))
            }
            _ => {
                let rule = both(
                    "exactly one of `requirements`, `requirements_file` and `lock_file`",
                    "`requirements`、`requirements_file` 和 `lock_file` 之中恰好一个",
                );
                let value = match given.is_empty() {
                    true => both("empty", "空"),
                    false => both(given.join(", "), given.join("、")),
                };
                Err(Refusal::invalid_value("python", "", rule).with_phrase("value", value))
            }
        }
    }
}

/// Requirement specifiers are one line each, and name no other file.
fn check_requirements(field: &str, requirements: &[String]) -> Result<(), Refusal> {
    let is_one = |text: &String| {
        let text = text.trim();
        // An option would be one of the installer's command line.
        !text.is_empty() && !text.starts_with(['-', '#']) && !text.contains(['\n', '\r', '\0'])
    };
    match requirements.iter().find(|text| !is_one(text)) {
        None => Ok(()),
        Some(wrong) => {
            let rule = both(
                "requirement specifiers such as `numpy==2.1.0`, one each",
                "依赖说明，每项一个，例如 `numpy==2.1.0`",
            );
            Err(Refusal::invalid_value(field, wrong, rule))
        }
    }
}

fn check_file(file: &PackagesFileSpec) -> Result<(), Refusal> {
    let wrong = |value: String, rule| Err(Refusal::invalid_value("python.file", value, rule));
    if file.text.contains('\0') || file.project.as_ref().is_some_and(|text| text.contains('\0')) {
        let rule = both("a text without zero bytes", "不含零字节的文本");
        return Err(Refusal::invalid_value("python.file", "", rule)
            .with_phrase("value", both("a text with a zero byte", "含有零字节的文本")));
    }
    match file.kind {
        PackagesFileKind::Requirements | PackagesFileKind::HashedRequirements => {
            if let Some(line) = other_file(&file.text) {
                let rule = both(
                    "a requirements file that stands alone: no `-r`, `-c` or `-e`, because only this file is sent",
                    "独立完整的依赖文件：不能有 `-r`、`-c` 或 `-e`，因为只发送这一个文件",
                );
                return wrong(line.to_owned(), rule);
            }
        }
        PackagesFileKind::Pylock | PackagesFileKind::UvLock => {
            if let Err(error) = toml::from_str::<toml::Table>(&file.text) {
                let rule = both("a lock file in TOML", "TOML 格式的锁定文件");
                return wrong(error.message().to_owned(), rule);
            }
        }
    }
    match (file.kind, &file.project) {
        (PackagesFileKind::UvLock, None) => Err(Refusal::absent(
            "python.file.project",
            both("the `pyproject.toml` that the `uv.lock` belongs to", "该 `uv.lock` 对应的 `pyproject.toml`"),
        )),
        (PackagesFileKind::UvLock, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => Err(Refusal::invalid_value(
            "python.file.project",
            "",
            both("absent unless the file is a `uv.lock`", "仅在文件为 `uv.lock` 时填写"),
        )
        .with_phrase("value", both("given", "已填写"))),
    }
}

/// The line of a requirements file that names another file.
fn other_file(text: &str) -> Option<&str> {
    let options = ["-r", "-c", "-e", "--requirement", "--constraint", "--editable"];
    text.lines().map(str::trim).find(|line| {
        options.iter().any(|option| {
            line.strip_prefix(option).is_some_and(|rest| {
                // The short ones need nothing between them and the name.
                !option.starts_with("--") || rest.starts_with([' ', '\t', '='])
            })
        })
    })
}
