//! How letters look: on a terminal, and to a script.

use std::{collections::BTreeMap, collections::BTreeSet, fmt::Write as _};

use cordon_records::Letter;
use serde::Serialize;

use super::{
    fate::Fate,
    files::Origin,
    hints::hint,
    letters::{Known, Letters},
    time::show_ms,
};
use crate::terminal::{escape, escape_bytes, escape_json};

/// A letter as a JSON object.
#[derive(Serialize)]
pub(crate) struct LetterView<'a> {
    id: &'a str,
    stage: &'a str,
    stage_version: &'a str,
    batch: String,
    time_ms: i64,
    time: String,
    topic: &'a str,
    partition: i32,
    offset: i64,
    from: i64,
    to: i64,
    bucket: &'a str,
    key: &'a str,
    reason: &'a str,
    detail: &'a str,
    attempts: i32,
    /// What is no UTF-8 is replaced; then the bytes follow.
    excerpt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    excerpt_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Origin>,
    fate: Fate,
    /// The letters that this one stands for: their datapoints were driven again.
    redrives: &'a [String],
}

impl<'a> LetterView<'a> {
    pub(crate) fn of(known: &'a Known) -> Self {
        let Known { letter, origin, fate } = known;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let is_text = str::from_utf8(&letter.excerpt).is_ok();
        Self {
            id: &letter.id,
            stage: &letter.stage,
            stage_version: &letter.stage_version,
            batch: letter.batch.to_string(),
            time_ms: letter.time_ms,
            time: show_ms(letter.time_ms),
            topic: &letter.topic,
            partition: letter.partition,
            offset: letter.offset,
            from: letter.from,
            to: letter.to,
            bucket: &letter.bucket,
            key: &letter.key,
            reason: &letter.reason,
            detail: &letter.detail,
            attempts: letter.attempts,
            excerpt: String::from_utf8_lossy(&letter.excerpt).into_owned(),
            excerpt_hex: (!is_text).then(|| hex(&letter.excerpt)),
            file: origin.as_ref(),
            fate: *fate,
            redrives: &letter.redrives,
        }
    }
}

/// One JSON object a line.
pub(crate) fn json_lines(letters: &Letters) -> serde_json::Result<String> {
    let mut lines = String::new();
    for known in &letters.known {
        lines.push_str(&escape_json(&serde_json::to_string(&LetterView::of(known))?));
        lines.push('\n');
    }
    Ok(lines)
}

/// Three lines a letter, then what the reasons mean.
pub(crate) fn text(letters: &Letters) -> String {
    let mut text = String::new();
    for known in &letters.known {
        put_letter(known, &mut text);
    }
    text.push_str(&summary_text(letters));
    text
}

fn put_letter(known: &Known, text: &mut String) {
    let Known { letter, origin, fate } = known;
    let (time, reason, id) = (show_ms(letter.time_ms), escape(&letter.reason), escape(&letter.id));
    // Writing to a string does not fail.
    let fate = if *fate == Fate::Open { String::new() } else { format!(" ({})", fate.word()) };
    let _ = writeln!(text, "{time}  {reason:<9} {id}{fate}");
    let _ = write!(text, "    {}", escape(&letter.detail));
    if letter.to.saturating_sub(letter.from) != 1 {
        let _ = write!(text, " ({})", datapoints(letter));
    }
    if let Some(origin) = origin {
        let _ = write!(text, ", from {}", origin_text(origin));
    }
    text.push('\n');
    if !letter.excerpt.is_empty() {
        let excerpt = escape_bytes(&letter.excerpt);
        let _ = writeln!(text, "    | {}", shortened(&excerpt));
    }
}

/// An excerpt in a list is to be recognised, not read.
const EXCERPT_CHARS_MAX: usize = 160;

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many datapoints a letter speaks for.
pub(crate) fn datapoints(letter: &Letter) -> String {
    match letter.to.saturating_sub(letter.from) {
        0 => format!("what lies behind the end, {}", letter.to),
        1 => "one datapoint".to_owned(),
        count => format!("{count} datapoints, {} to {}", letter.from, letter.to - 1),
    }
}

/// A file by name and digest.
pub(crate) fn origin_text(origin: &Origin) -> String {
    let short = origin.sha256.get(..12).unwrap_or(&origin.sha256);
    match &origin.name {
        name if name.is_empty() => format!("the file with SHA-256 {short}…"),
        name => format!("{} (SHA-256 {short}…)", escape(name)),
    }
}

/// The letters of one reason.
#[derive(Serialize)]
pub(crate) struct ReasonView<'a> {
    reason: &'a str,
    letters: usize,
    datapoints: i64,
    stages: BTreeSet<&'a str>,
    meaning: &'static str,
    remedy: &'static str,
}

/// Counts by reason, the most letters first.
pub(crate) fn by_reason(letters: &Letters) -> Vec<ReasonView<'_>> {
    let mut reasons: BTreeMap<&str, ReasonView<'_>> = BTreeMap::new();
    for Known { letter, .. } in &letters.known {
        let hint = hint(&letter.reason);
        let view = reasons.entry(&letter.reason).or_insert_with(|| ReasonView {
            reason: &letter.reason,
            letters: 0,
            datapoints: 0,
            stages: BTreeSet::new(),
            meaning: hint.meaning,
            remedy: hint.remedy,
        });
        view.letters += 1;
        view.datapoints = view.datapoints.saturating_add(letter.to.saturating_sub(letter.from));
        view.stages.insert(&letter.stage);
    }
    let mut views: Vec<_> = reasons.into_values().collect();
    views.sort_by(|a, b| b.letters.cmp(&a.letters).then_with(|| a.reason.cmp(b.reason)));
    views
}

/// The counts as one JSON object.
pub(crate) fn summary_json(letters: &Letters) -> serde_json::Result<String> {
    let reasons = by_reason(letters);
    let datapoints: i64 = reasons.iter().map(|view| view.datapoints).sum();
    let summary = serde_json::json!({
        "letters": letters.known.len(),
        "datapoints": datapoints,
        "undecodable": letters.undecodable,
        "reasons": reasons,
    });
    Ok(escape_json(&summary.to_string()) + "\n")
}

/// The counts with a hint for each reason.
pub(crate) fn summary_text(letters: &Letters) -> String {
    let reasons = by_reason(letters);
    let datapoints: i64 = reasons.iter().map(|view| view.datapoints).sum();
    let mut text = format!("{} letters for {datapoints} datapoints\n", letters.known.len());
    for view in &reasons {
        let stages: Vec<&str> = view.stages.iter().copied().collect();
        let (reason, stages) = (escape(view.reason), escape(&stages.join(", ")));
        let _ = writeln!(text, "  {reason}: {} in {stages}", view.letters);
        let _ = writeln!(text, "    {}\n    {}", view.meaning, view.remedy);
    }
    if letters.undecodable > 0 {
        let _ =
            writeln!(text, "{} records are no letters: find who wrote them", letters.undecodable);
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::fixture::letter;

    fn letters() -> Letters {
        let mut rest = letter("generate/logs/0/6/3", "corrupt", 2_000);
        (rest.to, rest.detail, rest.excerpt) = (64, "truncated".to_owned(), Vec::new());
        let mut hostile = letter("pack/raw/0/9/9", "rejected", 3_000);
        hostile.excerpt = b"\x1b[2J\xff{".to_vec();
        let sha256 = "ab".repeat(32);
        let origin = Some(Origin { sha256, name: "evil\u{202e}.json".to_owned() });
        Letters {
            known: vec![
                Known {
                    letter: letter("generate/logs/0/5/3", "rejected", 1_000),
                    origin,
                    fate: Fate::Resolved,
                },
                Known { letter: rest, origin: None, fate: Fate::Open },
                Known { letter: hostile, origin: None, fate: Fate::Open },
            ],
            undecodable: 0,
        }
    }

    #[test]
    fn people_see_what_and_why_and_what_to_do() {
        expect![[r#"
            1970-01-01T00:00:01.000Z  rejected  generate/logs/0/5/3 (resolved)
                no object, from evil\u{202e}.json (SHA-256 abababababab…)
                | {"a":
            1970-01-01T00:00:02.000Z  corrupt   generate/logs/0/6/3
                truncated (61 datapoints, 3 to 63)
            1970-01-01T00:00:03.000Z  rejected  pack/raw/0/9/9
                no object
                | \u{1b}[2J\xff{
            3 letters for 63 datapoints
              rejected: 2 in generate, pack
                the datapoint does not parse, or has the wrong shape
                mend what wrote it; if it is right as it is, the parser needs to learn its shape
              corrupt: 1 in generate
                the payload cannot be decoded from here on
                look at what wrote the payload; cordon never stores a broken one
        "#]]
        .assert_eq(&text(&letters()));
    }

    #[test]
    fn scripts_see_every_field() {
        let json = json_lines(&letters()).unwrap();
        assert!(!json.contains(['\u{1b}', '\u{202e}']), "{json}");
        expect![[r#"{"id":"pack/raw/0/9/9","stage":"pack","stage_version":"0.1.0","batch":"07070707070707070707070707070707","time_ms":3000,"time":"1970-01-01T00:00:03.000Z","topic":"raw","partition":0,"offset":9,"from":9,"to":10,"bucket":"cordon","key":"logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10","reason":"rejected","detail":"no object","attempts":1,"excerpt":"\u001b[2J�{","excerpt_hex":"1b5b324aff7b","fate":"open","redrives":[]}"#]].assert_eq(json.lines().last().unwrap());
        expect![[r#"
            {"letters":3,"datapoints":63,"undecodable":0,"reasons":[{"reason":"rejected","letters":2,"datapoints":2,"stages":["generate","pack"],"meaning":"the datapoint does not parse, or has the wrong shape","remedy":"mend what wrote it; if it is right as it is, the parser needs to learn its shape"},{"reason":"corrupt","letters":1,"datapoints":61,"stages":["generate"],"meaning":"the payload cannot be decoded from here on","remedy":"look at what wrote the payload; cordon never stores a broken one"}]}
        "#]].assert_eq(&summary_json(&letters()).unwrap());
    }
}
