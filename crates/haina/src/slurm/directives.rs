//! The directives of a batch script, word by word.

use anyhow::{Result, bail};

use crate::complaint::{Complaint, FAILED};
use crate::language::say;

const MAGIC: &str = "#SBATCH";

/// Refuses what is no batch script, in Slurm's own words.
pub fn check(script: &str) -> Result<()> {
    let why = if script.trim().is_empty() {
        say("Batch script contains only whitespace!", "批处理脚本只有空白内容！")
    } else if !script.starts_with("#!") {
        say(
            "This does not look like a batch script. The first line must start with #! followed by the path to an \
             interpreter, for instance: #!/bin/sh",
            "这不像是批处理脚本：第一行必须以 #! 开头，后接解释器路径，例如：#!/bin/sh",
        )
    } else if script.contains("\r\n") {
        say(
            "Batch script contains DOS line breaks (\\r\\n) instead of expected UNIX line breaks (\\n).",
            "批处理脚本使用了 DOS 换行符（\\r\\n），应为 UNIX 换行符（\\n）。",
        )
    } else if script.contains('\0') {
        say("The batch script contains a zero byte.", "批处理脚本含有零字节。")
    } else {
        return Ok(());
    };
    bail!(Complaint::new(FAILED, why))
}

/// The words of all directives: lines that begin with `#SBATCH`, up to the first line that is neither comment nor empty.
pub fn words(script: &str) -> Vec<String> {
    let head = script.lines().take_while(|line| {
        let text = line.trim_start();
        text.is_empty() || text.starts_with('#')
    });
    head.filter_map(|line| line.strip_prefix(MAGIC)).flat_map(split).collect()
}

/// The words of one line. Quotes of both kinds keep blanks, a backslash keeps the next character, `#` begins a comment.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            // Outside of quotes, one before a blank is dropped.
            ('\\', _) => match characters.next_if(|next| quote.is_some() || !next.is_whitespace()) {
                Some(next) => word.get_or_insert_default().push(next),
                None => _ = word.get_or_insert_default(),
            },
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('#', None) => break,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Slurm 22.05 made of each, as `scontrol show job` said.
    #[test]
    fn a_line_is_read_as_slurm_reads_it() {
        for (line, expected) in [
            (" --job-name=a#b", &["--job-name=a"][..]),
            (" --comment=x'y z'w", &["--comment=xy zw"]),
            (" --comment=\"a\\\"b\" -N2", &["--comment=a\"b", "-N2"]),
            (" --comment=a\\tb", &["--comment=atb"]),
            ("--nodes=2", &["--nodes=2"]),
            ("\t--nodes 2 # --ntasks 4", &["--nodes", "2"]),
            (" -J a\\ b", &["-J", "a", "b"]),
            ("", &[]),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    #[test]
    fn directives_end_where_the_commands_begin() {
        let script =
            "#!/bin/sh\n\n# x\n   \n#SBATCH -n2\n #SBATCH -N 2\n##SBATCH -N 3\n#SBATCH -c 4\nhostname\n#SBATCH -J no\n";
        assert_eq!(words(script), ["-n2", "-c", "4"]);
    }

    #[test]
    fn what_is_no_script_is_refused() {
        for text in ["", " \n", "hostname\n", "#!/bin/sh\r\nhostname\r\n"] {
            assert!(check(text).is_err(), "{text:?}");
        }
        assert!(check("#!/bin/sh\nhostname\n").is_ok());
    }
}
