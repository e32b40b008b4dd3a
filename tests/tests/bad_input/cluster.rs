//! A cluster that is not there, refuses, or lacks something.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::{patience::wait_for, ran::Ran, supervisor::Supervisor, world::World};

/// For a stage to find out and to say what is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// Options and settings: exit code 2, and all that is wrong at once.
pub(crate) fn before_anything_is_asked() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let binary = std::env::var_os("CORDON_BIN").context("CORDON_BIN names the binary: make e2e")?;
    let cordon = || {
        let mut command = Command::new(&binary);
        command.current_dir(dir.path());
        command
    };
    Ran::of(cordon().args(["ingest", "--no-such-option"]))?.tells(2, &["--no-such-option"])?;
    Ran::of(cordon().arg("digest"))?.tells(2, &["digest"])?;
    fs::write(dir.path().join("cordon.toml"), "[kafka\n")?;
    Ran::of(cordon().args(["run", "generate"]))?.tells(2, &["cordon.toml"])?;
    let wrong = "[kafka]\nbootstrap = \"b:9092\"\npasword_file = \"x\"\n[courier]\nslots = 0\n";
    fs::write(dir.path().join("cordon.toml"), wrong)?;
    let said = ["pasword_file", "slots must be a whole number from 1 to 1024"];
    Ran::of(cordon().args(["run", "generate"]))?.tells(2, &said)
}

/// What is only found out by asking.
pub(crate) fn when_it_is_asked(world: &World) -> Result<()> {
    let line = b"{\"EventID\":1,\"Channel\":\"Microsoft-Windows-Sysmon/Operational\"}\n";
    fs::write(world.path("one.jsonl"), line)?;
    nobody_answers(world)?;
    the_password_is_wrong(world)?;
    a_grant_is_missing(world)?;
    the_bucket_is_missing(world)?;
    // None of it left anything behind.
    world.run("ingest", &["ingest", "one.jsonl"])?;
    let report = world.run("reader", &["audit", "--json"])?;
    let report: serde_json::Value = serde_json::from_slice(&report)?;
    ensure!(report["total"]["lost"] == 0 && report["total"]["dangling"] == 0, "{report}");
    Ok(())
}

fn nobody_answers(world: &World) -> Result<()> {
    let said = ["nobody answers at 127.0.0.1:1", "does it run?"];
    for arguments in [&["ingest", "one.jsonl"][..], &["audit"], &["topology", "check"]] {
        let mut command = world.cordon("admin");
        Ran::of(command.env("CORDON_KAFKA_BOOTSTRAP", "127.0.0.1:1").args(arguments))?
            .tells(1, &said)?;
    }
    let mut command = world.cordon("generate");
    command.env("CORDON_KAFKA_BOOTSTRAP", "127.0.0.1:1");
    told_by_stage(command, "generate", &said)
}

fn the_password_is_wrong(world: &World) -> Result<()> {
    let wrong = world.path("wrong");
    fs::write(&wrong, "not the password")?;
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600))?;
    let said = ["password"];
    let mut command = world.cordon("ingest");
    Ran::of(command.env("CORDON_KAFKA_PASSWORD_FILE", &wrong).args(["ingest", "one.jsonl"]))?
        .tells(1, &said)?;
    let mut command = world.cordon("generate");
    command.env("CORDON_KAFKA_PASSWORD_FILE", &wrong);
    told_by_stage(command, "generate", &said)
}

/// Programs as principals that may not do what they ask.
fn a_grant_is_missing(world: &World) -> Result<()> {
    Ran::of(world.cordon("reader").args(["ingest", "one.jsonl"]))?
        .tells(1, &["User:reader lacks the ACL Write on transactional id"])?;
    Ran::of(world.cordon("merge").args(["audit"]))?.tells(1, &["User:merge lacks the ACL"])?;
    told_by_stage(world.cordon("merge"), "generate", &["User:merge lacks the ACL"])
}

/// A bucket that nobody made: S3 says the same of it as of one that it denies.
fn the_bucket_is_missing(world: &World) -> Result<()> {
    let topology = include_str!("../../../kafka/topology.yaml");
    let elsewhere = topology.replace("bucket: cordon\n", "bucket: elsewhere\n");
    fs::write(world.path("elsewhere.yaml"), elsewhere)?;
    let mut command = world.cordon("ingest");
    command.env("CORDON_TOPOLOGY", world.path("elsewhere.yaml"));
    Ran::of(command.args(["ingest", "one.jsonl"]))?.tells(1, &["elsewhere"])
}

/// A stage tells it, and neither panics nor goes: whoever repairs it need not start it again.
fn told_by_stage(mut command: Command, stage: &str, said: &[&str]) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("log");
    let log_file = fs::File::create(&log)?;
    command.args(["run", stage]).stdout(Stdio::null()).stderr(log_file);
    let _running = Supervisor::start(&mut command)?;
    let what = format!("{stage} says {said:?}");
    wait_for(&what, PATIENCE, || {
        let words = fs::read_to_string(&log)?;
        ensure!(!words.contains("panicked"), "{words}");
        Ok(said.iter().all(|said| words.contains(said)).then_some(()))
    })
    .with_context(|| fs::read_to_string(&log).unwrap_or_default())
}
