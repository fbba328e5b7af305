//! Memory as Slurm writes it: whole MiB, or with K, M, G or T.

/// Bytes.
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_uppercase().as_str() {
        "K" | "KB" => 10,
        "" | "M" | "MB" => 20,
        "G" | "GB" => 30,
        "T" | "TB" => 40,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, expected) in [
            ("100", Some(100 << 20)),
            ("100k", Some(100 << 10)),
            ("2G", Some(2 << 30)),
            ("2TB", Some(2 << 40)),
            ("0", Some(0)),
            ("1.5G", None),
            ("G", None),
            ("1X", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
