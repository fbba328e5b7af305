//! Options as getopt_long(3) reads them: long and short, clustered, shortened, with `=` or a blank.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::complaint::{Complaint, FAILED, USAGE};
use crate::language::say;

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Never.
    Nothing,
    /// Always.
    Value,
    /// Only after `=`.
    Maybe,
}

/// What becomes of an option; why, in English and Chinese.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It means something here.
    Used,
    /// It changes nothing, and that is said.
    Ignored(&'static str, &'static str),
    /// Going on without it would do something else than was asked for.
    Refused(&'static str, &'static str),
}

/// An option that a program knows.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The long name, without dashes.
    pub long: &'static str,
    /// The letter, if it has one.
    pub short: Option<char>,
    /// Whether it has a value.
    pub takes: Takes,
    /// What becomes of it.
    pub fate: Fate,
}

/// Options and their values by long name; where one is given twice, the later counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    values: BTreeMap<&'static str, String>,
    /// What was ignored, with the reason; each once.
    pub ignored: Vec<(String, &'static str)>,
}

/// Of these, one makes the others void.
const EXCLUSIVE: [&[&str]; 2] = [&["mem", "mem-per-cpu", "mem-per-gpu"], &["requeue", "no-requeue"]];

impl Given {
    /// The value of an option; empty where it takes none.
    pub fn get(&self, long: &str) -> Option<&str> {
        self.values.get(long).map(String::as_str)
    }

    /// Whether it was given.
    pub fn has(&self, long: &str) -> bool {
        self.values.contains_key(long)
    }

    /// Reads `words`, which count more than what was read before. Returns where the options end: at the first word that is
    /// none.
    pub fn read(&mut self, known: &[Known], words: &[String]) -> Result<usize> {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            if word == "--" {
                return Ok(at + 1);
            }
            at += 1;
            let next = words.get(at);
            let taken = if let Some(rest) = word.strip_prefix("--") {
                self.read_long(known, rest, next)?
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.read_short(known, letters, next)?
            } else {
                return Ok(at - 1);
            };
            at += usize::from(taken);
        }
        Ok(at)
    }

    /// Whether the next word was its value.
    fn read_long(&mut self, known: &[Known], rest: &str, next: Option<&String>) -> Result<bool> {
        let (name, value) = rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value)));
        let shown = format!("--{name}");
        let option = find(known, name)?;
        match (option.takes, value, next) {
            (Takes::Nothing, Some(_), _) => {
                Err(wrong(say(format!("option {shown} takes no value"), format!("选项 {shown} 不带取值"))))
            }
            (Takes::Nothing | Takes::Maybe, _, _) => self.set(option, value.unwrap_or("")).map(|()| false),
            (Takes::Value, Some(value), _) => self.set(option, value).map(|()| false),
            (Takes::Value, None, Some(next)) => self.set(option, next).map(|()| true),
            (Takes::Value, None, None) => Err(lacks_value(&shown)),
        }
    }

    fn read_short(&mut self, known: &[Known], letters: &str, next: Option<&String>) -> Result<bool> {
        for (at, letter) in letters.char_indices() {
            let shown = format!("-{letter}");
            let Some(option) = known.iter().find(|option| option.short == Some(letter)) else {
                return Err(unrecognized(&shown));
            };
            let rest = &letters[at + letter.len_utf8()..];
            match (option.takes, rest, next) {
                (Takes::Nothing, _, _) => self.set(option, "")?,
                (Takes::Maybe, rest, _) => return self.set(option, rest).map(|()| false),
                (Takes::Value, "", Some(next)) => return self.set(option, next).map(|()| true),
                (Takes::Value, "", None) => return Err(lacks_value(&shown)),
                (Takes::Value, rest, _) => return self.set(option, rest).map(|()| false),
            }
        }
        Ok(false)
    }

    fn set(&mut self, option: &Known, value: &str) -> Result<()> {
        let shown = || format!("--{}", option.long);
        match option.fate {
            Fate::Used => {
                for others in EXCLUSIVE.iter().filter(|names| names.contains(&option.long)) {
                    others.iter().for_each(|name| _ = self.values.remove(name));
                }
                self.values.insert(option.long, value.to_owned());
            }
            Fate::Ignored(english, chinese) => {
                if self.ignored.iter().all(|(name, _)| *name != shown()) {
                    self.ignored.push((shown(), say(english, chinese)));
                }
            }
            Fate::Refused(english, chinese) => {
                let what = say(format!("{} has no meaning here", shown()), format!("此处不支持 {}", shown()));
                bail!(Complaint::new(FAILED, what).hint(say(english, chinese)));
            }
        }
        Ok(())
    }
}

/// The option with this name, or the only one that begins like it.
fn find<'a>(known: &'a [Known], name: &str) -> Result<&'a Known> {
    if let Some(option) = known.iter().find(|option| option.long == name) {
        return Ok(option);
    }
    let begins: Vec<&Known> = known.iter().filter(|option| option.long.starts_with(name)).collect();
    match begins[..] {
        [option] => Ok(option),
        [] => Err(unrecognized(&format!("--{name}"))),
        _ => {
            let names: Vec<String> = begins.iter().map(|option| format!("--{}", option.long)).collect();
            let names = names.join(", ");
            Err(wrong(say(format!("option --{name} is ambiguous: {names}"), format!("选项 --{name} 有歧义：{names}"))))
        }
    }
}

fn unrecognized(shown: &str) -> anyhow::Error {
    wrong(say(format!("unrecognized option '{shown}'"), format!("无法识别的选项 '{shown}'")))
}

fn lacks_value(shown: &str) -> anyhow::Error {
    wrong(say(format!("option '{shown}' requires an argument"), format!("选项 '{shown}' 需要取值")))
}

fn wrong(what: String) -> anyhow::Error {
    Complaint::new(USAGE, what).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn used(long: &'static str, short: Option<char>, takes: Takes) -> Known {
        Known { long, short, takes, fate: Fate::Used }
    }

    const KNOWN: [Known; 6] = [
        used("nodes", Some('N'), Takes::Value),
        used("ntasks", Some('n'), Takes::Value),
        used("ntasks-per-node", None, Takes::Value),
        used("wait", Some('W'), Takes::Nothing),
        used("wrap", None, Takes::Maybe),
        Known { long: "nice", short: None, takes: Takes::Maybe, fate: Fate::Ignored("why", "因为") },
    ];

    fn read(words: &[&str]) -> Result<(Given, usize)> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut given = Given::default();
        let end = given.read(&KNOWN, &words)?;
        Ok((given, end))
    }

    #[test]
    fn all_forms_are_understood() {
        for words in [
            &["--nodes=2", "--wait"][..],
            &["--nodes", "2", "--wait"],
            &["-N2", "-W"],
            &["-WN2"],
            &["-WN", "2"],
            &["--node=2", "--wai"],
            &["-N9", "-W", "-N", "2"],
        ] {
            let (given, end) = read(words).unwrap();
            assert_eq!((given.get("nodes"), given.has("wait"), end), (Some("2"), true, words.len()), "{words:?}");
        }
        let (given, end) = read(&["-N2", "script", "-n3"]).unwrap();
        assert_eq!((given.get("ntasks"), end), (None, 1));
        assert_eq!(read(&["--wrap", "x"]).unwrap().1, 1);
        assert_eq!(read(&["--nice", "--nice=3"]).unwrap().0.ignored.len(), 1);
    }

    #[test]
    fn the_rest_is_refused() {
        for (words, text) in [
            (&["--nosuch"][..], "unrecognized option '--nosuch'"),
            (&["-Z"], "unrecognized option '-Z'"),
            (&["--nodes"], "option '--nodes' requires an argument"),
            (&["-N"], "option '-N' requires an argument"),
            (&["--wait=1"], "option --wait takes no value"),
            (&["--n=1"], "option --n is ambiguous: --nodes, --ntasks, --ntasks-per-node, --nice"),
        ] {
            assert_eq!(read(words).unwrap_err().to_string(), text);
        }
    }
}
