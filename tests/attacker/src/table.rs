//! The table of attempts: made by the run, kept with the code, and compared.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The attempt.
    pub name: String,
    /// What it wants.
    pub wants: String,
    /// Where it is tried.
    pub place: &'static str,
    /// What must refuse it.
    pub layer: String,
    /// What must be seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// What was seen with seccomp alone; [`NOT_CLAIMED`] where that leaves it to Landlock, and empty
    /// where neither plays a part.
    pub without_landlock: String,
    /// Whether it can be tried on this machine: its layer is there.
    pub is_tried: bool,
    /// Whether the control succeeded: the same without the layer.
    pub is_controlled: bool,
}

impl Row {
    /// Whether it is as it must be, with all layers and with seccomp alone.
    pub fn is_as_expected(&self) -> bool {
        let alone = &self.without_landlock;
        let is_held_alone = alone.is_empty() || alone == NOT_CLAIMED || *alone == self.expected;
        self.seen == self.expected && is_held_alone
    }

    fn line(&self) -> String {
        let Self { name, wants, place, layer, expected, seen, without_landlock, .. } = self;
        format!(
            "| {name} | {wants} | {place} | {layer} | {expected} | {seen} | {without_landlock} |"
        )
    }
}

const HEAD: &str = "\
# What the attacker tries

Made by `make attacker`, which fails when this file is not what it saw. Every attempt has a control:
without its layer, the same attempt succeeds. *Seccomp alone* is what is seen where the kernel has no
Landlock; *not claimed* is what is then left to file permissions and the network.

| attempt | wants | where | layer | expected | seen | seccomp alone |
|---|---|---|---|---|---|---|
";

/// What seccomp leaves to Landlock.
pub const NOT_CLAIMED: &str = "not claimed";

/// The table as text. What this machine could not try stands as it was kept.
pub fn render(rows: &[Row], kept: &str) -> String {
    let mut text = HEAD.to_owned();
    for row in rows {
        let start = format!("| {} | {} | {} |", row.name, row.wants, row.place);
        let before = kept.lines().find(|line| line.starts_with(&start));
        let line = match before {
            Some(line) if !row.is_tried => line.to_owned(),
            _ => row.line(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_cannot_try_stands_as_it_was() {
        let row = Row {
            name: "connect".to_owned(),
            wants: "out".to_owned(),
            place: "courier",
            layer: "landlock-tcp".to_owned(),
            expected: "EACCES".to_owned(),
            seen: "EACCES".to_owned(),
            without_landlock: NOT_CLAIMED.to_owned(),
            is_tried: true,
            is_controlled: true,
        };
        let kept = render(std::slice::from_ref(&row), "");
        assert!(kept.ends_with("| EACCES | EACCES | not claimed |\n"), "{kept}");
        let old_kernel = Row { seen: "succeeds".to_owned(), is_tried: false, ..row.clone() };
        assert_eq!(render(&[old_kernel], &kept), kept);
        let alone = Row { without_landlock: "succeeds".to_owned(), ..row.clone() };
        assert!(row.is_as_expected() && !alone.is_as_expected());
        let broken = Row { seen: "succeeds".to_owned(), ..row };
        assert!(!broken.is_as_expected());
        assert_ne!(render(&[broken], &kept), kept);
    }
}
