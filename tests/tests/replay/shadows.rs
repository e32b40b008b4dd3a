//! Shadows: match with other rules, and generate of another version, over all of history, killed in
//! the middle. What differs is exactly what the checker computes from the raw lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{flawed, stage::Stage, world::World};
use serde_json::Value;

use crate::{rules::Rules, stages::SESSION_TIMEOUT_MS};

/// The shadow of match, and that of generate.
pub(crate) const RULES: &str = "rules";
pub(crate) const VERSION: &str = "version";

/// For a shadow to come to its end.
const PATIENCE: Duration = Duration::from_secs(900);

/// Differences by what they are.
#[derive(Debug, Default, PartialEq)]
struct Differences {
    appears: BTreeSet<String>,
    vanishes: BTreeSet<String>,
    changes: BTreeSet<String>,
}

impl Differences {
    /// As the checker computed them. Nothing that is compared here would be noticed if there were
    /// none.
    fn expected(computed: &Value, kinds: &[&str]) -> Result<Self> {
        let some = |kind: &str| {
            let found = strings(&computed[kind]);
            ensure!(!kinds.contains(&kind) || !found.is_empty(), "nothing {kind}: {computed}");
            Ok(found)
        };
        Ok(Self {
            appears: some("appears")?,
            vanishes: some("vanishes")?,
            changes: some("changes")?,
        })
    }
}

/// Makes, runs, compares and removes two shadows. `by_rules` and `without_marked` are what the checker
/// expects.
pub(crate) fn differ_as_expected(
    world: &World,
    rules: &Rules,
    by_rules: &Value,
    without_marked: &Value,
) -> Result<bool> {
    for (name, stage) in [(RULES, "match"), (VERSION, "generate")] {
        let create = ["shadow", "create", name, "--stage", stage, "--replication", "1"];
        world.run("admin", &create)?;
        policy_is_what_s3_was_told(world, name, stage)?;
    }
    refused_while_unfinished(world)?;
    run_killed(world, rules)?;

    let (found, summary) = diff(world, RULES, |finding| text(&finding["id"]))?;
    let kinds = ["appears", "vanishes", "changes"];
    let expected = Differences::expected(by_rules, &kinds)?;
    ensure!(found == expected, "of rules: {found:?}, expected {expected:?}");
    ensure!(summary["new"]["dead"] == summary["old"]["dead"], "{summary}");

    let (found, summary) = diff(world, VERSION, identity)?;
    let expected = Differences::expected(without_marked, &["vanishes", "changes"])?;
    ensure!(found == expected, "of versions: {found:?}, expected {expected:?}");
    ensure!(summary["new"]["versions"] == Value::from(vec![flawed::VERSION]), "{summary}");
    ensure!(summary["undecided"] == 0, "{summary}");

    readers_choose(world, by_rules, without_marked)?;
    each_datapoint_once(world)?;
    removed_without_a_trace(world)?;
    Ok(true)
}

/// A shadow of nothing yet would differ in everything.
fn refused_while_unfinished(world: &World) -> Result<()> {
    let said = refused(world, "reader", &["replay", "diff", RULES])?;
    ensure!(said.contains("has not processed"), "{said}");
    let said = refused(world, "admin", &["shadow", "create", RULES, "--stage", "merge"])?;
    ensure!(said.contains("there is a shadow rules of match already"), "{said}");
    // Another principal may not run it: the stage's own least of all.
    let said = refused(world, "match", &["run", "match", "--shadow", RULES])?;
    ensure!(said.is_empty() || said.contains("shadow-rules"), "{said}");
    Ok(())
}

/// Each ends by itself when all is done, although its courier is killed in the middle.
fn run_killed(world: &World, rules: &Rules) -> Result<()> {
    let released = world.cordon(&principal(RULES));
    let mut by_rules = start(world, released, RULES, "match", |command| {
        command.arg("--rules").arg(&rules.new);
    })?;
    let flawed = Path::new(env!("CARGO_BIN_EXE_cordon-flawed"));
    let flawed = world.program_by(flawed, &principal(VERSION), &principal(VERSION));
    let mut version = start(world, flawed, VERSION, "generate", |_| {})?;
    for shadow in [&mut by_rules, &mut version] {
        shadow.wait_for("begins a batch", |notes| {
            notes
                .iter()
                .any(|note| matches!(note, cordon_tests::diary::Note::Begins(_)))
                .then_some(())
        })?;
        shadow.kill_courier()?;
    }
    by_rules.wait_until_it_ends(PATIENCE)?;
    version.wait_until_it_ends(PATIENCE)
}

fn start(
    world: &World,
    command: Command,
    name: &str,
    stage: &str,
    settings: impl FnOnce(&mut Command),
) -> Result<Stage> {
    Stage::start_as(world, command, stage, &principal(name), |command| {
        command
            .args(["--shadow", name])
            .env("CORDON_KAFKA_SESSION_TIMEOUT_MS", SESSION_TIMEOUT_MS)
            // So that there is a middle.
            .env("CORDON_COURIER_BATCH_DATAPOINTS_MAX", "2000");
        settings(command);
    })
}

/// What `cordon replay diff` prints, and its summary.
fn diff(
    world: &World,
    name: &str,
    identity: impl Fn(&Value) -> String,
) -> Result<(Differences, Value)> {
    let lines = json_lines(&world.run("reader", &["replay", "diff", name, "--json"])?)?;
    let mut found = Differences::default();
    let mut summary = Value::Null;
    for line in lines {
        let (kind, thing) = line.as_object().and_then(|o| o.iter().next()).context("a line")?;
        let into = match kind.as_str() {
            "appears" => &mut found.appears,
            "vanishes" => &mut found.vanishes,
            "changes" => {
                found.changes.insert(identity(&thing["to"]));
                ensure!(identity(&thing["to"]) == identity(&thing["from"]), "{line}");
                continue;
            }
            "summary" => {
                summary = thing.clone();
                continue;
            }
            other => anyhow::bail!("{other}: {line}"),
        };
        ensure!(into.insert(identity(thing)), "twice: {line}");
    }
    ensure!(summary["appears"] == found.appears.len(), "{summary}");
    Ok((found, summary))
}

/// What an element is, as the checker writes it.
fn identity(element: &Value) -> String {
    let fields: &[&str] = match element["node"].is_string() {
        true => &["node", "key"],
        false => &["source", "edge", "target"],
    };
    let kind = if element["node"].is_string() { "node" } else { "edge" };
    let words: Vec<String> = fields.iter().map(|field| text(&element[*field])).collect();
    format!("{kind} {}", words.join(" "))
}

/// `cordon findings` and `cordon graph` show a shadow's results instead of the live ones, and not
/// beside them.
fn readers_choose(world: &World, by_rules: &Value, without_marked: &Value) -> Result<()> {
    let simple: BTreeSet<String> = {
        let found = json_lines(&world.run("reader", &["findings", "--shadow", RULES])?)?;
        let of_these = found.iter().filter(|f| text(&f["rule_id"]).starts_with("0c0ffee0"));
        of_these.map(|finding| text(&finding["id"])).collect()
    };
    ensure!(simple == strings(&by_rules["new"]), "{simple:?}");
    let graph = json_lines(&world.run("reader", &["graph", "--shadow", VERSION])?)?;
    let graph: BTreeSet<String> = graph.iter().map(identity).collect();
    ensure!(graph == strings(&without_marked["new"]), "{} elements", graph.len());
    let said = refused(world, "reader", &["graph", "--shadow", RULES])?;
    ensure!(said.contains("cordon findings --shadow rules"), "{said}");
    Ok(())
}

/// Killed or not, a shadow accounts for each datapoint of its range, and for nothing else.
fn each_datapoint_once(world: &World) -> Result<()> {
    let statuses = world.run("operator", &["shadow", "list", "--json"])?;
    let statuses: BTreeMap<String, Value> =
        json_lines(&statuses)?.into_iter().map(|status| (text(&status["name"]), status)).collect();
    for name in [RULES, VERSION] {
        let audit = ["audit", "--json", "--complete", "--shadow", name];
        let report: Value = serde_json::from_slice(&world.run("reader", &audit)?)?;
        let status = &statuses[name];
        ensure!(status["done"] == true, "{status}");
        ensure!(report["total"]["datapoints"] == status["datapoints"], "{report:#} {status}");
        ensure!(status["datapoints"] == status["datapoints_done"], "{status}");
    }
    Ok(())
}

fn removed_without_a_trace(world: &World) -> Result<()> {
    let check = ["topology", "check", "--replication", "1", "--json"];
    let checked: Value = serde_json::from_slice(&world.run("admin", &check)?)?;
    ensure!(checked["drift"] == Value::Array(Vec::new()), "{checked:#}");
    ensure!(checked["shadows"][RULES] == "match", "{checked:#}");
    for name in [RULES, VERSION] {
        let removed = ["shadow", "remove", name, "--json"];
        let removed: Value = serde_json::from_slice(&world.run("admin", &removed)?)?;
        let topics = removed["topics"].as_array().map_or(0, Vec::len);
        ensure!(topics == 5 && removed["group"] == true && removed["user"] == true, "{removed}");
        ensure!(!world.password_file(&principal(name)).exists(), "a password is left");
        let said = refused(world, "admin", &["shadow", "remove", name])?;
        ensure!(said.contains("there is no shadow"), "{said}");
    }
    let checked: Value = serde_json::from_slice(&world.run("admin", &check)?)?;
    ensure!(checked["drift"] == Value::Array(Vec::new()), "{checked:#}");
    ensure!(checked["shadows"] == serde_json::json!({}), "{checked:#}");
    Ok(())
}

/// The tests' S3 lets a shadow do what cordon says that it must, and no more.
fn policy_is_what_s3_was_told(world: &World, name: &str, stage: &str) -> Result<()> {
    let policy = world.run("admin", &["shadow", "policy", name, "--stage", stage])?;
    let policy: Value = serde_json::from_slice(&policy)?;
    let resource = |index: usize| text(&policy["Statement"][index]["Resource"][0]);
    let bucket = &world.topology().bucket;
    ensure!(resource(0) == format!("arn:aws:s3:::{bucket}/logs/*"), "{policy:#}");
    let own = format!("arn:aws:s3:::{bucket}/{}.{stage}/*", principal(name));
    ensure!(resource(1) == own && policy["Statement"][2].is_null(), "{policy:#}");
    Ok(())
}

fn principal(name: &str) -> String {
    format!("shadow-{name}")
}

/// What a command says that must fail.
pub(crate) fn refused(world: &World, principal: &str, arguments: &[&str]) -> Result<String> {
    let output = world.cordon(principal).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "{arguments:?} succeeds: {said}");
    Ok(said)
}

fn json_lines(printed: &[u8]) -> Result<Vec<Value>> {
    str::from_utf8(printed)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
