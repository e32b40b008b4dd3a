//! Everything that whoever took over a cell or a courier would try, with every layer, with seccomp
//! alone, and, as the control, with none.

#![expect(clippy::print_stdout, reason = "the test prints its figures")]

mod arena;
mod pipeline;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use cordon_attacker::{
    attempts::{self, Attempt, InCourier, canary},
    lies,
    play::{Check, Layers, Seen, remove_group},
    table::{self, NOT_CLAIMED, Row},
};
use cordon_cell::{JailLayer, JailMode, JailReport};

use crate::arena::Arena;

#[test]
fn every_attempt_is_refused_and_succeeds_without_its_layer() {
    let arena = Arena::start().unwrap();
    let mut rows = cells(&arena).unwrap();
    rows.extend(couriers(&arena).unwrap());
    let known = checks(&arena, &rows).unwrap();
    rows.extend(known);
    tell(&rows);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("TABLE.md");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let table = table::render(&rows, &kept);
    if table != kept {
        fs::write(&path, table).unwrap();
    }
    let wrong: Vec<&Row> =
        rows.iter().filter(|row| row.is_tried && !row.is_as_expected()).collect();
    assert!(wrong.is_empty(), "not as expected: {wrong:#?}");
    assert!(table::render(&rows, &kept) == kept, "TABLE.md is not what was seen: it is now");
}

/// The program under attack, which is also the attacker.
fn attacker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_attacker"));
    command.env_clear();
    command
}

fn play(arguments: &[&str]) -> Result<Vec<u8>> {
    let child = attacker()
        .env("SECRET", String::from_utf8(canary())?)
        .arg("play")
        .args(arguments)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    remove_group(pid);
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "play {arguments:?}: {}: {words}", output.status);
    Ok(output.stdout)
}

fn seen(place: &str, layers: Layers, arena: &Arena) -> Result<Seen> {
    arena.restore()?;
    let targets = serde_json::to_string(&arena.targets)?;
    Ok(serde_json::from_slice(&play(&[place, layers.word(), &targets])?)?)
}

/// What was seen with each choice of layers.
struct Played {
    all: Seen,
    seccomp: Seen,
    none: Seen,
}

impl Played {
    fn play(place: &str, arena: &Arena) -> Result<Self> {
        Ok(Self {
            all: seen(place, Layers::All, arena)?,
            seccomp: seen(place, Layers::SeccompAlone, arena)?,
            none: seen(place, Layers::None, arena)?,
        })
    }

    fn row(&self, attempt: &Attempt, place: &'static str, expected: &str) -> Result<Row> {
        let of = |seen: &Seen| seen.get(attempt.name).cloned().context(attempt.name);
        Ok(Row {
            name: attempt.name.to_owned(),
            wants: attempt.wants.to_owned(),
            place,
            layer: "seccomp".to_owned(),
            expected: expected.to_owned(),
            seen: of(&self.all)?,
            without_landlock: of(&self.seccomp)?,
            is_tried: true,
            is_controlled: of(&self.none)? == "succeeds",
        })
    }
}

fn cells(arena: &Arena) -> Result<Vec<Row>> {
    let played = Played::play("cell", arena)?;
    let tried = attempts::all().filter(|attempt| attempt.in_cell);
    tried.map(|attempt| played.row(attempt, "cell", "SIGSYS")).collect()
}

fn couriers(arena: &Arena) -> Result<Vec<Row>> {
    let here = JailReport::of(JailMode::Best);
    let is_here = |layer: &str| !here.missing.iter().any(|missing| missing.to_string() == layer);
    let played = Played::play("courier", arena)?;
    // What couriers need is there, so that it is the port that makes the difference.
    for seen in [&played.all, &played.seccomp, &played.none] {
        ensure!(seen["connect-where-couriers-may"] == "succeeds", "{seen:?}");
    }
    let mut rows = Vec::new();
    for attempt in attempts::all() {
        let row = match attempt.in_courier {
            InCourier::Theirs => continue,
            InCourier::Refused(errno) => played.row(attempt, "courier", errno)?,
            InCourier::Landlock(layer, errno) => Row {
                layer: layer.to_owned(),
                without_landlock: NOT_CLAIMED.to_owned(),
                is_tried: is_here(layer),
                ..played.row(attempt, "courier", errno)?
            },
        };
        rows.push(row);
    }
    Ok(rows)
}

/// What code refuses. Reports are refused by the released courier, in the pipeline.
fn checks(arena: &Arena, attempts: &[Row]) -> Result<Vec<Row>> {
    let checks: Vec<Check> = serde_json::from_slice(&play(&["checks"])?)?;
    let check = |name: &str| checks.iter().find(|check| check.name == name).context("is played");
    let row = |name: &str, wants: &str, layer: &str, expected: &str| -> Result<Row> {
        let check = check(name)?;
        Ok(Row {
            name: name.to_owned(),
            wants: wants.to_owned(),
            place: "cell",
            layer: layer.to_owned(),
            expected: expected.to_owned(),
            seen: check.seen.clone(),
            without_landlock: String::new(),
            is_tried: true,
            is_controlled: check.control,
        })
    };
    let client = "the courier's cell client";
    let mut rows = vec![
        row("find-secrets", "what its supervisor knows", "exec", "not found")?,
        row("publish-too-many-frames", "to have written more than it may", client, "refused")?,
        row("publish-too-much-output", "to have written more than it may", client, "refused")?,
        row("publish-too-long-a-report", "to have said more than it may", client, "refused")?,
        row("oversized-output", "to write more than it may", "sealed memory file", "EPERM")?,
        row(
            "write-after-the-deadline",
            "to go on when its time is over",
            "zygote",
            "killed, nothing taken",
        )?,
    ];
    for (name, claims) in lies::FRAMES {
        rows.push(row(&format!("frame-{name}"), claims, "replay of frames", "done again")?);
    }
    let letters = pipeline::play(arena)?;
    for lie in lies::ALL {
        let expected = format!("letter: {}", lie.check);
        let seen = letters.seen(&format!("lie {}", lie.name), lie.check);
        rows.push(Row { seen, ..row(lie.name, lie.claims, "the courier's verify", &expected)? });
    }
    let is_controlled = |name: &str| {
        let mut known = attempts.iter().chain(&rows).filter(|row| row.place == "cell");
        known.any(|row| row.name == name && row.is_controlled)
    };
    let by_lines = letters.rows(is_controlled)?;
    rows.extend(by_lines);
    Ok(rows)
}

/// Figures. What this machine cannot try, and what has no control here, is named and not counted.
fn tell(rows: &[Row]) {
    for row in rows.iter().filter(|row| !row.is_tried) {
        println!("not run: {} in a {}: this kernel has no {}", row.name, row.place, row.layer);
    }
    let tried: Vec<&Row> = rows.iter().filter(|row| row.is_tried).collect();
    for row in tried.iter().filter(|row| !row.is_controlled) {
        println!("uncontrolled: {} in a {}: it fails without the layer too", row.name, row.place);
    }
    let counted: Vec<&&Row> = tried.iter().filter(|row| row.is_controlled).collect();
    let at = |place: &str| counted.iter().filter(|row| row.place == place).count();
    let missing = JailReport::of(JailMode::Best).missing;
    let missing: Vec<String> = missing.iter().map(JailLayer::to_string).collect();
    println!(
        "figures: {}",
        serde_json::json!({
            "attempts": counted.len(),
            "as_expected": counted.iter().filter(|row| row.is_as_expected()).count(),
            "controls": counted.len(),
            "uncontrolled": tried.len() - counted.len(),
            "cell": at("cell"),
            "courier": at("courier"),
            "missing_layers": missing,
        })
    );
}
