//! `cordon replay diff`: what a shadow made of history, against what is there.

use anyhow::{Result, bail, ensure};
use cordon_body::DIFF_OPTION;
use cordon_records::schema;
use serde::Serialize;

use super::{args::DiffArgs, find, history::History, plan::Plan, results::Results};
use crate::{
    archive::Archive,
    bodies,
    config::{Config, ConfigFaults},
    demo,
    reader::{self, Payload},
    terminal::escape,
    wiring,
};

/// Compares, and gives what is to be printed.
pub(crate) fn diff(args: &DiffArgs, config: &Config, is_json: bool) -> Result<Vec<u8>> {
    let topology = wiring::topology(config.topology.as_deref())?;
    let log = wiring::log(config)?;
    let shadow = find(&topology, &log, &args.name)?;
    let plan = Plan::read(&shadow, &log)?;
    let history = History::read(&plan, &log)?;
    let new = Results::of_shadow(&shadow, &history, &log)?;
    ensure_done(&format!("the shadow {}", args.name), new.undone, &history, args)?;
    let (against, old) = match &args.against {
        None => {
            let old = Results::of_stage(&plan.stage, &topology, &history, &log)?;
            (plan.stage.clone(), old)
        }
        Some(name) => {
            let other = find(&topology, &log, name)?;
            let other_plan = Plan::read(&other, &log)?;
            let is_alike = other_plan.ranges == plan.ranges && other_plan.topic == plan.topic;
            if !is_alike || other_plan.stage != plan.stage {
                let fault = format!("{} and {name} are not of one stage and range", args.name);
                return Err(ConfigFaults::one(fault).into());
            }
            (format!("shadow {name}"), Results::of_shadow(&other, &history, &log)?)
        }
    };
    ensure_done(&against, old.undone, &history, args)?;
    let summary = Summary {
        shadow: args.name.as_str(),
        against,
        payloads: history.len(),
        datapoints: history.datapoints(),
        new: Side::of(&new),
        old: Side::of(&old),
        mixed_batches: old.mixed_batches,
        ..Summary::default()
    };
    let differences = compare(&new, &old, &plan.stage, config)?;
    summary.show(&differences, is_json)
}

fn ensure_done(who: &str, undone: usize, history: &History, args: &DiffArgs) -> Result<()> {
    ensure!(
        undone == 0 || args.unfinished,
        "{who} has not processed {undone} of {} payloads of the range: what they give would be told \
         as a difference; --unfinished tells it all the same",
        history.len()
    );
    Ok(())
}

/// Compares in a cell.
fn compare(new: &Results, old: &Results, stage: &str, config: &Config) -> Result<Differences> {
    let archive = Archive::open(None, config)?;
    let runtime = crate::runtime()?;
    // An element does not say which lines it is of, so that no line tells where it belongs.
    let witnesses = if has_findings(stage) { &old.witnesses[..] } else { &[] };
    let roles = [witnesses, &new.whole, &old.whole, &old.mixed];
    let mut payloads = Vec::new();
    for pointer in roles.iter().copied().flatten() {
        let n = pointer.datapoints.unwrap_or(0);
        payloads.push(Payload {
            bytes: runtime.block_on(archive.fetch(pointer))?,
            schema: pointer.schema,
            from: 0,
            to: n,
            datapoints: pointer.datapoints,
        });
    }
    let counts = roles.map(|role| role.len().to_string()).join(",");
    let limits = reader::whole_topic_limits();
    let printed = demo::with_reader(|cells| {
        reader::print(cells, &payloads, &[(DIFF_OPTION, &counts)], limits)
    })?;
    if let Some(letter) = printed.letters.first() {
        let why = escape(&letter.detail);
        bail!("a payload cannot be read, so that nothing can be said: {why}");
    }
    let same = printed.same;
    Ok(Differences { lines: printed.lines(), same })
}

/// Whether a stage makes findings, and not elements of a graph.
pub(crate) fn has_findings(stage: &str) -> bool {
    bodies::output_schema(stage).is_some_and(|written| schema::FINDING.find(written).is_some())
}

/// What a cell said.
struct Differences {
    /// One a line, as `{"appears":…}`.
    lines: Vec<u8>,
    same: i64,
}

/// What a line may say, and how a person sees it.
const KINDS: [(&str, &str); 4] =
    [("appears", "+"), ("vanishes", "-"), ("changes", "~"), ("undecided", "?")];

/// What a diff comes to.
#[derive(Default, Serialize)]
struct Summary<'a> {
    shadow: &'a str,
    against: String,
    /// Of the range.
    payloads: usize,
    datapoints: i64,
    appears: usize,
    vanishes: usize,
    changes: usize,
    /// Elements that differ, of which the old payloads do not tell what came from the range.
    undecided: usize,
    same: i64,
    new: Side,
    old: Side,
    /// Batches of the stage that reach beyond the range.
    mixed_batches: usize,
}

/// One of the two versions.
#[derive(Default, Serialize)]
struct Side {
    versions: Vec<String>,
    /// Datapoints of the range that have a letter.
    dead: i64,
    /// Payloads of the range that are not processed.
    undone: usize,
    /// Results that retention took.
    gone: usize,
}

impl Side {
    fn of(results: &Results) -> Self {
        let Results { told, undone, gone, .. } = results;
        let versions = told.versions.iter().map(|version| escape(version)).collect();
        Self { versions, dead: told.dead, undone: *undone, gone: *gone }
    }
}

impl Summary<'_> {
    /// Everything as it is printed.
    fn show(mut self, differences: &Differences, is_json: bool) -> Result<Vec<u8>> {
        let mut shown = Vec::new();
        for line in differences.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Some((kind, rest)) = kind_of(line) else { continue };
            let count =
                [&mut self.appears, &mut self.vanishes, &mut self.changes, &mut self.undecided];
            *count[kind] += 1;
            if is_json {
                shown.extend_from_slice(line);
            } else {
                shown.extend_from_slice(KINDS[kind].1.as_bytes());
                shown.push(b' ');
                shown.extend_from_slice(rest);
            }
            shown.push(b'\n');
        }
        self.same = differences.same;
        shown.extend_from_slice(if is_json { self.json()? } else { self.text() }.as_bytes());
        Ok(shown)
    }

    fn json(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Line<'a> {
            summary: &'a Summary<'a>,
        }
        Ok(serde_json::to_string(&Line { summary: self })? + "\n")
    }

    fn text(&self) -> String {
        let Self { shadow, against, payloads, datapoints, appears, vanishes, changes, .. } = self;
        let mut text = format!(
            "shadow {shadow} against {against}, over {payloads} payloads with {datapoints} datapoints: \
             {appears} appear, {vanishes} vanish, {changes} change, {} are the same\n",
            self.same
        );
        for (who, side) in [("new", &self.new), ("old", &self.old)] {
            let Side { versions, dead, undone, gone } = side;
            text += &format!("{who}: version {}, {dead} datapoints dead", versions.join(", "));
            if *undone > 0 {
                text += &format!(", {undone} payloads not processed");
            }
            if *gone > 0 {
                text += &format!(", {gone} results deleted by retention");
            }
            text.push('\n');
        }
        if self.undecided > 0 {
            let Self { undecided, mixed_batches, .. } = self;
            text += &format!(
                "{undecided} are undecided: {mixed_batches} batches reached beyond the range, and \
                 what their elements owe to it nobody can say; compare with another shadow \
                 (--against) over the same range\n"
            );
        }
        text
    }
}

/// Which kind of line it is, and what follows; the cell's word.
fn kind_of(line: &[u8]) -> Option<(usize, &[u8])> {
    KINDS.iter().enumerate().find_map(|(kind, (word, _))| {
        let rest = line.strip_prefix(format!("{{\"{word}\":").as_bytes())?;
        Some((kind, rest.strip_suffix(b"}")?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(is_json: bool) -> String {
        let summary = Summary { shadow: "new", against: "match".to_owned(), ..Summary::default() };
        let lines = b"{\"appears\":{\"id\":1}}\n{\"changes\":{\"from\":{},\"to\":{}}}\nodd\n";
        let differences = Differences { lines: lines.to_vec(), same: 3 };
        String::from_utf8(summary.show(&differences, is_json).unwrap()).unwrap()
    }

    #[test]
    fn a_person_sees_signs_and_a_script_objects() {
        expect_test::expect![[r#"
            + {"id":1}
            ~ {"from":{},"to":{}}
            shadow new against match, over 0 payloads with 0 datapoints: 1 appear, 0 vanish, 1 change, 3 are the same
            new: version , 0 datapoints dead
            old: version , 0 datapoints dead
        "#]]
        .assert_eq(&shown(false));
        let json = shown(true);
        let last: serde_json::Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
        assert_eq!(json.lines().count(), 3);
        assert_eq!(last["summary"]["appears"], 1);
        assert_eq!(last["summary"]["same"], 3);
    }

    #[test]
    fn only_match_makes_findings() {
        assert!(has_findings("match") && !has_findings("generate") && !has_findings("merge"));
    }
}
