//! Names of output files: `slurm-%j.out`, `%x-%A_%4a.txt`.

/// What the letters stand for.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// `%j`, `%J`: the job, with its element.
    pub job: String,
    /// `%A`: the array's job.
    pub array_job: String,
    /// `%a`: the task of the array.
    pub array_task: Option<u32>,
    /// `%x`.
    pub job_name: String,
    /// `%u`.
    pub user: String,
    /// `%N`.
    pub node_name: String,
    /// `%n`: the node's place among the job's.
    pub node: u32,
    /// `%t`: the task's rank.
    pub task: u32,
    /// `%s`: the step.
    pub step: String,
}

/// The file's name. With a backslash in it, it is meant as it is.
pub fn expand(pattern: &str, values: &Values) -> String {
    if pattern.contains('\\') {
        return pattern.replace('\\', "");
    }
    let mut name = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        name += &rest[..at];
        let after = &rest[at + 1..];
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        // More than ten digits are ten.
        let width = after[..digits].parse::<usize>().unwrap_or(0).min(10);
        let letter = after[digits..].chars().next();
        let number = |number: u32| format!("{number:0width$}");
        let padded = |text: &str| format!("{}{text}", "0".repeat(width.saturating_sub(text.len())));
        let value = match letter {
            Some('%') if digits == 0 => Some("%".to_owned()),
            Some('j' | 'J') => Some(padded(&values.job)),
            Some('A') => Some(padded(&values.array_job)),
            Some('a') => Some(values.array_task.map_or_else(|| "4294967294".to_owned(), number)),
            Some('x') => Some(values.job_name.clone()),
            Some('u') => Some(values.user.clone()),
            Some('N') => Some(values.node_name.clone()),
            Some('n') => Some(number(values.node)),
            Some('t') => Some(number(values.task)),
            Some('s') => Some(padded(&values.step)),
            _ => None,
        };
        match (value, letter) {
            (Some(value), Some(letter)) => {
                name += &value;
                rest = &after[digits + letter.len_utf8()..];
            }
            // What means nothing stays as it is.
            _ => {
                name.push('%');
                rest = after;
            }
        }
    }
    name + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter() {
        let values = Values {
            job: "44".to_owned(),
            array_job: "43".to_owned(),
            array_task: Some(5),
            job_name: "e.sh".to_owned(),
            user: "root".to_owned(),
            node_name: "n1".to_owned(),
            node: 0,
            task: 0,
            step: "batch".to_owned(),
        };
        for (pattern, expected) in [
            // As Slurm 22.05 named it.
            ("e-%A_%a-%4a-%j-%n-%t-%x-%u-%%.txt", "e-43_5-0005-44-0-0-e.sh-root-%.txt"),
            ("slurm-%j.out", "slurm-44.out"),
            ("%6j", "000044"),
            ("%N/%s", "n1/batch"),
            ("100%", "100%"),
            ("%z%", "%z%"),
            ("\\%j", "%j"),
            ("%012a", "0000000005"),
        ] {
            assert_eq!(expand(pattern, &values), expected, "{pattern}");
        }
    }
}
