//! `cordon dead show`: one letter whole.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _},
};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    args::ShowArgs,
    fate::Fate,
    files::Origin,
    hints::hint,
    letters::{Known, Letters},
    payload::{Fetcher, Style},
    time::show_ms,
    view::{LetterView, datapoints, origin_text},
};
use crate::terminal::{escape, escape_bytes, escape_json, print};

/// A letter may speak for thousands; a person wants to see what they are like.
const SHOWN_MAX: i64 = 10;

/// Prints the letter with an id. There are several when datapoints were repeated: the newest.
pub(crate) fn show(
    args: &ShowArgs,
    is_json: bool,
    letters: &Letters,
    fetcher: &Fetcher<'_>,
) -> Result<()> {
    let same: Vec<&Known> =
        letters.known.iter().filter(|known| known.letter.id == args.id).collect();
    let Some(known) = same.last() else {
        bail!("there is no letter {}; `cordon dead list` names them", escape(&args.id))
    };
    if args.raw {
        return raw(known, fetcher);
    }
    let datapoints = fetcher
        .datapoints(&known.letter, Style::Json, SHOWN_MAX)
        .and_then(|lines| safe_lines(&lines))
        .map_err(|error| format!("{error:#}"));
    let shown =
        if is_json { json(known, &datapoints)? } else { text(known, same.len(), &datapoints) };
    Ok(print(shown.as_bytes())?)
}

/// The bytes alone. On a terminal they could do anything.
fn raw(known: &Known, fetcher: &Fetcher<'_>) -> Result<()> {
    ensure!(
        !io::stdout().is_terminal(),
        "raw bytes may command a terminal: send them to a file or a pipe"
    );
    Ok(print(&fetcher.datapoints(&known.letter, Style::Exact, i64::MAX)?)?)
}

/// Takes a cell at its word no further than that it is JSON, and lets nothing of it command a
/// terminal.
fn safe_lines(lines: &[u8]) -> Result<Vec<Box<RawValue>>> {
    let text = str::from_utf8(lines).context("the cell printed no text")?;
    let value = |line: &str| RawValue::from_string(escape_json(line));
    text.lines().map(value).collect::<Result<_, _>>().context("the cell printed no JSON")
}

fn json(known: &Known, datapoints: &Result<Vec<Box<RawValue>>, String>) -> Result<String> {
    #[derive(Serialize)]
    struct View<'a> {
        #[serde(flatten)]
        letter: LetterView<'a>,
        meaning: &'static str,
        remedy: &'static str,
    }
    let hint = hint(&known.letter.reason);
    let view = View { letter: LetterView::of(known), meaning: hint.meaning, remedy: hint.remedy };
    let mut object = serde_json::to_string(&view)?;
    // Appended by hand: flattening and raw values exclude each other.
    ensure!(object.pop() == Some('}'), "a letter is a JSON object");
    match datapoints {
        Ok(lines) => write!(object, ",\"datapoints\":{}}}", serde_json::to_string(lines)?)?,
        Err(why) => write!(object, ",\"unreadable\":{}}}", serde_json::to_string(why)?)?,
    }
    Ok(escape_json(&object) + "\n")
}

fn text(
    known: &Known,
    times: usize,
    datapoints_read: &Result<Vec<Box<RawValue>>, String>,
) -> String {
    let Known { letter, origin, fate } = known;
    let hint = hint(&letter.reason);
    let mut lines = vec![
        ("letter", letter.id.clone()),
        (
            "written",
            format!("{} by {} {}", show_ms(letter.time_ms), letter.stage, letter.stage_version),
        ),
        ("batch", letter.batch.to_string()),
        ("reason", format!("{}: {}", letter.reason, letter.detail)),
        ("meaning", hint.meaning.to_owned()),
        ("to do", hint.remedy.to_owned()),
        ("attempts", letter.attempts.to_string()),
        ("speaks of", datapoints(letter)),
        ("record", place(known)),
    ];
    if !letter.key.is_empty() {
        lines.push(("object", format!("{}/{}", letter.bucket, letter.key)));
    }
    lines.extend(origin.as_ref().map(|origin: &Origin| ("file", origin_text(origin))));
    if *fate != Fate::Open {
        lines.push(("fate", fate.word().to_owned()));
    }
    if !letter.redrives.is_empty() {
        lines.push(("again for", letter.redrives.join(", ")));
    }
    if times > 1 {
        lines.push(("repeated", format!("{times} letters have this id; this is the newest")));
    }
    if !letter.excerpt.is_empty() {
        lines.push(("excerpt", escape_bytes(&letter.excerpt)));
    }
    let mut text = String::new();
    for (name, value) in lines {
        // Writing to a string does not fail. What is escaped already stays as it is.
        let _ = writeln!(text, "{name:<10} {}", escape(&value));
    }
    match datapoints_read {
        Ok(lines) => {
            for line in lines {
                let _ = writeln!(text, "{:<10} {}", "datapoint", line.get());
            }
            let left = letter.to.saturating_sub(letter.from).saturating_sub(lines.len() as i64);
            if left > 0 {
                let _ = writeln!(text, "{:<10} {left} more; --raw writes all that can be read", "");
            }
        }
        Err(why) => {
            let _ = writeln!(text, "{:<10} {}", "unreadable", escape(why));
        }
    }
    text
}

fn place(known: &Known) -> String {
    let letter = &known.letter;
    if letter.topic.starts_with("file:") {
        return format!("{} of the file", letter.from);
    }
    format!(
        "{}/{} at offset {}, index {}",
        letter.topic, letter.partition, letter.offset, letter.from
    )
}
