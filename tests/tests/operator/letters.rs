//! `cordon dead list` and `show`: they give exactly the letters that were planted.

use std::{collections::BTreeSet, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{
    patience::wait_for,
    ran::{Ran, run},
    stage::Stage,
    world::World,
};
use serde_json::Value;

use crate::{
    planted::{Bytes, GOOD, Planted, flip_last_byte, plant},
    saved,
};

/// For both stages to meet all that was planted.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) fn run_test(world: &World) -> Result<()> {
    let planted = plant(world)?;
    meet_what_was_planted(world, planted.len())?;
    the_list_is_exact(world, &planted)?;
    filters_give_what_they_say(world, &planted)?;
    the_summary_counts_and_advises(world, &planted)?;
    let ask = |line: &str| run(world, "reader", line);
    each_letter_is_shown_whole(&planted, ask)?;
    raw_bytes_stay_off_terminals(world, &planted)?;
    ask("dead show generate/logs/9/9/9")?.expect(1, &["there is no letter"])?;
    ask("dead list --reason unheard-of")?.expect(2, &["rejected, panic"])?;
    ask("dead show generate/logs/2/0/1 --raw --json")?.expect(2, &["cannot be used with"])?;
    ask("dead list --since yesterday")?.expect(2, &["2h"])?;
    saved_letters_are_shown_alike(world, &planted)
}

/// Runs the stages that letters are planted for, until all are there.
fn meet_what_was_planted(world: &World, count: usize) -> Result<()> {
    let stages = ["pack", "generate"].map(|stage| Stage::start(world, stage, stage, |_| {}));
    wait_for("all letters are there", PATIENCE, || {
        Ok((list(world, "")?.len() >= count).then_some(()))
    })?;
    for stage in stages {
        stage?.stop()?;
    }
    Ok(())
}

/// From a directory, without Kafka or S3: at first with everything in it, then when retention has
/// forgotten pointers and raw records, which it does long before letters.
fn saved_letters_are_shown_alike(world: &World, planted: &[Planted]) -> Result<()> {
    let dir = saved::save(world)?;
    let ask = |line: &str| {
        let mut command = world.cordon("nobody");
        command.env_clear();
        Ran::of(command.args(line.split(' ')).arg("--from").arg(&dir))
    };
    let listed = ask("dead list --json")?.expect(0, &[])?.json()?;
    ensure!(listed.len() == planted.len(), "{listed:#?}");
    each_letter_is_shown_whole(planted, ask)?;

    saved::forget(&dir, &["logs", "raw"])?;
    // The bytes that pack set aside are named by its letters.
    let of_pack: Vec<Planted> =
        planted.iter().filter(|letter| letter.id.starts_with("pack/")).cloned().collect();
    each_letter_is_shown_whole(&of_pack, ask)?;
    a_payload_is_found_by_receipts(&dir, planted, ask)
}

/// Mended, the damaged payload can be read, although nothing but receipts tells where it lies.
fn a_payload_is_found_by_receipts(
    dir: &Path,
    planted: &[Planted],
    ask: impl Fn(&str) -> Result<Ran>,
) -> Result<()> {
    let victim = planted.iter().find(|letter| letter.file == Some("victim.json"));
    let line = format!("dead show {} --json", victim.context("the victim")?.id);
    let damaged = ask(&line)?.expect(0, &[])?.json()?.remove(0);
    ensure!(damaged["unreadable"].as_str().is_some_and(|why| why.contains("SHA-256")));
    let (bucket, key) = (damaged["bucket"].as_str(), damaged["key"].as_str());
    let object = dir.join("objects").join(bucket.context("a bucket")?).join(key.context("a key")?);
    flip_last_byte(&object)?;
    let mended = ask(&line)?.expect(0, &[])?.json()?.remove(0);
    let lines: Option<Vec<_>> = mended["datapoints"]
        .as_array()
        .map(|datapoints| datapoints.iter().map(|datapoint| &datapoint["line"]).collect());
    ensure!(lines.is_some_and(|lines| lines == [GOOD; 2]), "{mended:#}");
    Ok(())
}

/// The letters that the command lists with these filters.
fn list(world: &World, filters: &str) -> Result<Vec<Value>> {
    let line = format!("dead list --json {filters}");
    run(world, "reader", line.trim_end())?.expect(0, &[])?.json()
}

fn ids(letters: &[Value]) -> BTreeSet<&str> {
    letters.iter().filter_map(|letter| letter["id"].as_str()).collect()
}

fn the_list_is_exact(world: &World, planted: &[Planted]) -> Result<()> {
    let listed = list(world, "")?;
    let found: BTreeSet<_> = listed
        .iter()
        .map(|letter| {
            let text = |name: &str| letter[name].as_str().unwrap_or_default().to_owned();
            let file = letter["file"]["name"].as_str().map(str::to_owned);
            (text("id"), text("reason"), letter["from"].as_i64(), letter["to"].as_i64(), file)
        })
        .collect();
    let expected: BTreeSet<_> = planted
        .iter()
        .map(|letter| {
            let Planted { id, reason, from, to, file, .. } = letter;
            (id.clone(), (*reason).to_owned(), Some(*from), Some(*to), file.map(str::to_owned))
        })
        .collect();
    ensure!(found == expected, "found {found:#?}, planted {expected:#?}");
    ensure!(listed.len() == planted.len(), "a letter stands twice: {listed:#?}");
    // The same for a person, who must be able to look at it.
    let text = run(world, "reader", "dead list")?.expect(0, &[])?;
    ensure!(planted.iter().all(|letter| text.text().is_ok_and(|text| text.contains(&letter.id))));
    Ok(())
}

fn filters_give_what_they_say(world: &World, planted: &[Planted]) -> Result<()> {
    let sha256 = planted.iter().find_map(|letter| letter.id.strip_prefix("ingest/file:"));
    let of_evil = format!("--file {}", &sha256.context("ingest's letter")?[..16]);
    type Is = fn(&Planted) -> bool;
    let filters: [(&str, Is); 11] = [
        ("--stage pack", |l| l.id.starts_with("pack/")),
        ("--stage pack --stage ingest", |l| !l.id.starts_with("generate/")),
        ("--reason digest", |l| l.reason == "digest"),
        ("--reason digest --reason missing", |l| matches!(l.reason, "digest" | "missing")),
        ("--topic raw", |l| l.id.starts_with("pack/raw/")),
        ("--topic logs --partition 2 --offset 3", |l| l.id == "generate/logs/2/3/0"),
        ("--file victim.json", |l| l.file == Some("victim.json")),
        (&of_evil, |l| l.file == Some("evil.json")),
        ("--since 1h", |_| true),
        ("--until 1h", |_| false),
        ("--since 2020-01-01 --until 2020-01-02T00:00:00Z", |_| false),
    ];
    for (filter, is_wanted) in filters {
        let listed = list(world, filter)?;
        let expected: BTreeSet<&str> =
            planted.iter().filter(|l| is_wanted(l)).map(|l| l.id.as_str()).collect();
        ensure!(ids(&listed) == expected, "{filter}: {:?}, not {expected:?}", ids(&listed));
    }
    Ok(())
}

fn the_summary_counts_and_advises(world: &World, planted: &[Planted]) -> Result<()> {
    let line = "dead list --summary --json";
    let summary = run(world, "reader", line)?.expect(0, &[])?.json()?.remove(0);
    ensure!(summary["letters"] == planted.len(), "{summary:#}");
    let datapoints: i64 = planted.iter().map(|letter| letter.to - letter.from).sum();
    ensure!(summary["datapoints"] == datapoints, "{summary:#}");
    let reasons = summary["reasons"].as_array().context("reasons")?;
    for reason in reasons {
        let count = planted.iter().filter(|letter| reason["reason"] == letter.reason).count();
        ensure!(reason["letters"] == count && count > 0, "{reason:#}");
        let is_told = |name: &str| reason[name].as_str().is_some_and(|words| words.len() > 10);
        ensure!(is_told("meaning") && is_told("remedy"), "{reason:#}");
    }
    let kinds: BTreeSet<&str> = planted.iter().map(|letter| letter.reason).collect();
    ensure!(reasons.len() == kinds.len(), "{summary:#}");
    run(world, "reader", "dead list --summary")?.expect(0, &["  digest: 2 in generate"])?;
    Ok(())
}

fn each_letter_is_shown_whole(
    planted: &[Planted],
    ask: impl Fn(&str) -> Result<Ran>,
) -> Result<()> {
    for letter in planted {
        a_letter_is_shown_whole(letter, &ask).with_context(|| letter.id.clone())?;
    }
    Ok(())
}

/// As text, as JSON, and byte for byte.
fn a_letter_is_shown_whole(letter: &Planted, ask: impl Fn(&str) -> Result<Ran>) -> Result<()> {
    let text = ask(&format!("dead show {}", letter.id))?.expect(0, &[letter.reason, "to do"])?;
    text.text()?;
    let json = ask(&format!("dead show {} --json", letter.id))?.expect(0, &[])?.json()?.remove(0);
    ensure!(json["id"] == letter.id, "{json:#}");
    let raw = ask(&format!("dead show {} --raw", letter.id))?;
    match &letter.bytes {
        Bytes::Are(bytes) => {
            let line = json["datapoints"][0]["line"].as_str().context("a line")?;
            ensure!(line == String::from_utf8_lossy(bytes), "{json:#}");
            ensure!(raw.expect(0, &[])?.out == *bytes, "raw bytes differ");
        }
        Bytes::Unreadable(why) => {
            let told = json["unreadable"].as_str().unwrap_or_default();
            ensure!(told.contains(why), "{json:#}");
            text.expect(0, &[why])?;
            ensure!(raw.expect(1, &[why])?.out.is_empty(), "raw bytes of what cannot be read");
        }
    }
    Ok(())
}

/// `script` gives the command a terminal of its own.
fn raw_bytes_stay_off_terminals(world: &World, planted: &[Planted]) -> Result<()> {
    let readable = |letter: &&Planted| matches!(letter.bytes, Bytes::Are(_));
    let letter = planted.iter().find(readable).context("a readable letter")?;
    let cordon = world.cordon("reader");
    let mut script = std::process::Command::new("script");
    let line = format!("{} dead show {} --raw", cordon.get_program().display(), letter.id);
    let typescript = world.path("typescript");
    script.args(["--quiet", "--return", "--command", &line]).arg(&typescript);
    for (name, value) in cordon.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    let status = script.current_dir(world.path(".")).stdin(Stdio::null()).stdout(Stdio::null());
    ensure!(status.status()?.code() == Some(1), "a terminal got raw bytes");
    let shown = fs::read_to_string(&typescript)?;
    ensure!(shown.contains("send them to a file or a pipe"), "{shown}");
    Ok(())
}
