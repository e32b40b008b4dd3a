//! The attacker in the released pipeline: lines of telemetry take the cells of generate over, and
//! each costs itself.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use cordon_attacker::{body::ESCAPES, lies, play::line, table::Row};
use serde_json::Value;

use crate::{arena::Arena, attacker};

/// Honest lines around every attack.
const HONEST: usize = 20;
/// What lines attempt: what a cell's list refuses whatever it is aimed at.
const ATTEMPTS: &[&str] = &["fork", "execute", "list-processes", "io-uring", "datagram"];

/// What letters say of them.
const FORBIDDEN: &str = "a forbidden system call";
/// What the letter of a line says that never ends; CPU or wall, as busy as the machine is.
const LATE: &str = "time of one datapoint";

/// The letters of a pipeline under attack, by the order that was in the line.
pub(crate) struct Letters {
    letters: BTreeMap<String, Value>,
    /// What `cordon dead list` prints for people.
    text: Vec<u8>,
}

/// Runs `cordon demo` on honest lines and attacks, and checks that nothing honest is lost.
pub(crate) fn play(arena: &Arena) -> Result<Letters> {
    // Lies last: nobody knows whose they are, so that batches are halved until one datapoint is
    // left, and whatever is before it is tried again each time.
    let mut orders = vec!["linger".to_owned(), "escape".to_owned()];
    orders.extend(ATTEMPTS.iter().map(|name| format!("attempt {name}")));
    orders.extend(lies::ALL.iter().map(|lie| format!("lie {}", lie.name)));
    let (file, out) = (arena.path("lines.jsonl"), arena.path("demo"));
    write_lines(&file, &orders)?;
    let (file, from) = (file.to_string_lossy(), out.to_string_lossy());
    let demo = attacker().args(["demo", &file, "--json", "--out", &from]).output()?;
    let words = String::from_utf8_lossy(&demo.stderr);
    ensure!(demo.status.success(), "cordon demo: {}: {words}", demo.status);
    let demo = String::from_utf8(demo.stdout)?;
    let figures = demo.lines().find_map(|line| line.strip_prefix("figures: "));
    let figures: Value = serde_json::from_str(figures.context("the demo has figures")?)?;
    let expected = [
        ("datapoints", HONEST + orders.len()),
        ("mapped", HONEST),
        ("dead", orders.len()),
        ("lost", 0),
        ("duplicated", 0),
    ];
    for (name, count) in expected {
        ensure!(figures[name] == count, "{name} should be {count}: {figures}");
    }
    let list = |json: bool| -> Result<Vec<u8>> {
        let mut command = attacker();
        command.args(["dead", "list", "--stage", "generate", "--from", &from]);
        if json {
            command.arg("--json");
        }
        let output = command.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    };
    let json = String::from_utf8(list(true)?)?;
    let letters = json.lines().map(|line| {
        let letter: Value = serde_json::from_str(line)?;
        // All lines are in one payload, in their order.
        let index = letter["from"].as_u64().and_then(|from| usize::try_from(from).ok());
        let order = index.and_then(|index| orders.get(index.checked_sub(HONEST / 2)?));
        Ok((order.context("a letter of an honest line")?.clone(), letter))
    });
    let letters = letters.collect::<Result<BTreeMap<_, _>>>()?;
    Ok(Letters { letters, text: list(false)? })
}

/// Attacks between honest lines.
fn write_lines(file: &Path, orders: &[String]) -> Result<()> {
    let honest = line(None)?;
    let mut bytes = Vec::new();
    let mut put = |line: &[u8]| {
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    };
    (0..HONEST / 2).for_each(|_| put(&honest));
    for order in orders {
        put(&line(Some(order))?);
    }
    (0..HONEST / 2).for_each(|_| put(&honest));
    Ok(fs::write(file, bytes)?)
}

impl Letters {
    /// What the letter of an order says: the words looked for, or all of it.
    pub(crate) fn seen(&self, order: &str, words: &str) -> String {
        match self.letters.get(order).and_then(|letter| letter["detail"].as_str()) {
            Some(detail) if detail.contains(words) => format!("letter: {words}"),
            Some(detail) => format!("letter: {detail}"),
            None => "no letter".to_owned(),
        }
    }

    /// What the input attempted, and what it would have printed. `is_controlled` knows the same
    /// attempts as they were made without the pipeline around them.
    pub(crate) fn rows(&self, is_controlled: impl Fn(&str) -> bool) -> Result<Vec<Row>> {
        let row = |name: &str, wants: &str, layer: &str, expected: &str, seen: String| Row {
            name: format!("line-{name}"),
            wants: wants.to_owned(),
            place: "cell",
            layer: layer.to_owned(),
            expected: expected.to_owned(),
            seen,
            without_landlock: String::new(),
            is_tried: true,
            is_controlled: is_controlled(name),
        };
        let mut rows: Vec<Row> = ATTEMPTS
            .iter()
            .map(|name| {
                let seen = self.seen(&format!("attempt {name}"), FORBIDDEN);
                let wants = "the same, told by a line of telemetry";
                row(name, wants, "seccomp", &format!("letter: {FORBIDDEN}"), seen)
            })
            .collect();
        let wants = "the same, told by a line of telemetry";
        let seen = self.seen("linger", LATE);
        let expected = format!("letter: {LATE}");
        rows.push(row("write-after-the-deadline", wants, "zygote", &expected, seen));
        let escape = self.letters.get("escape").context("the escapes have a letter")?;
        let is_command = |byte: &u8| *byte < b' ' && *byte != b'\n' || *byte == 0x7f;
        let is_printed = self.text.iter().any(is_command) || contains(&self.text, "\u{9b}");
        let seen = if is_printed { "printed" } else { "spelled out" };
        rows.push(Row {
            // The letter itself holds them.
            is_controlled: escape["detail"] == ESCAPES,
            ..row(
                "escapes",
                "to command the operator's terminal",
                "cordon dead list",
                "spelled out",
                seen.to_owned(),
            )
        });
        Ok(rows)
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
