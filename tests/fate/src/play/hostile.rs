//! Payloads and pointers that lie, and an S3 that has a bad day, on Kafka.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use cordon_kafka::{
    admin::{Admin, End},
    log::TopicPartition,
};
use cordon_records::{Digest, Pointer};
use cordon_tests::{
    hostile::{Hostile, encode, payload, write},
    patience::wait_for,
    ran::Ran,
    s3::{Fault, FaultProxy},
    stage::PATIENCE,
};

use crate::{
    bytes,
    peaks::Peaks,
    place::{Place, STAGE},
    plant::File,
    report::Report,
};

/// All that is planted here lies in this partition; nothing else of the tests need.
const TOPIC: &str = "logs";
const PARTITION: i32 = 2;

/// What letters must say of a record: from, to, reason.
type Expected = Vec<(i64, i64, &'static str)>;

/// A record, and its letters.
struct Case {
    name: &'static str,
    value: Vec<u8>,
    letters: Expected,
    /// Whether its payload may be asked for.
    is_fetched: bool,
}

/// All of them.
pub fn play(report: &mut Report, place: &mut Place) -> Result<()> {
    let hostile = Hostile::new(&place.world)?;
    let mut cases = payloads(&hostile)?;
    cases.extend(pointers(&hostile)?);
    drop(hostile);
    let peaks = Peaks::default();
    for case in cases {
        report.play(&format!("Kafka: {}", case.name), || meet(place, &case, &peaks));
    }
    report.figure("cell_bytes_max", peaks.cell_bytes_max());
    report.play("Kafka: S3 has a bad day", || bad_day(place));
    report.play("Kafka: S3 denies everything", || denied(place));
    report.play("Kafka: too many missing objects in a row", || missing_in_a_row(place));
    Ok(())
}

fn payloads(hostile: &Hostile<'_>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut case = |name, bytes: Vec<u8>, n: i64, letters: Expected| {
        let value = encode(&hostile.payload(bytes, n)?)?;
        cases.push(Case { name, value, letters, is_fetched: true });
        anyhow::Ok(())
    };
    let three = bytes::three()?;
    let encoded = bytes::encoded()?;
    let frame = bytes::packed(&encoded)?;
    case("a sound payload", three.clone(), 3, vec![])?;
    case("truncated", three[..three.len() - 1].to_vec(), 3, vec![(2, 3, "corrupt")])?;
    case("a damaged sync marker", bytes::damaged_marker()?, 3, vec![(0, 3, "corrupt")])?;
    case(
        "a bomb that says so",
        bytes::with_block(&bytes::stated_bomb()?)?,
        4,
        vec![(1, 4, "size")],
    )?;
    case(
        "a bomb that does not",
        bytes::with_block(&bytes::silent_bomb()?)?,
        4,
        vec![(1, 4, "size")],
    )?;
    case("a huge window", bytes::with_block(&bytes::huge_window(&encoded)?)?, 4, vec![])?;
    let twice = [&frame[..], &frame].concat();
    case("two frames in a block", bytes::with_block(&twice)?, 4, vec![(1, 4, "corrupt")])?;
    case("a block of 2^62 bytes", bytes::with_claim(1 << 62, &frame)?, 4, vec![(1, 4, "corrupt")])?;
    case("another schema", bytes::foreign_schema()?, 3, vec![(0, 3, "schema")])?;
    case("no container", b"no container".repeat(9), 3, vec![(0, 3, "corrupt")])?;
    case("a count too high", three.clone(), 4, vec![(3, 4, "count")])?;
    case("a count too low", three.clone(), 2, vec![(2, 2, "count")])?;
    let nested = "[".repeat(200_000);
    let lines = payload(&[bytes::GOOD, nested.as_bytes(), bytes::GOOD])?;
    case("deep nesting", lines, 3, vec![(1, 2, "rejected")])?;

    let mut wrong = hostile.payload(three.clone(), 3)?;
    wrong.digest = Some(Digest::of(b"other bytes"));
    let missing = hostile.key()?;
    let missing = hostile.pointer(&missing, &three, 3);
    let mut beyond = hostile.payload(three, 3)?;
    beyond.range_start_bytes = 1 << 30;
    for (name, pointer, reason) in [
        ("another digest", wrong, "digest"),
        ("a missing object", missing, "missing"),
        ("a range outside the object", beyond, "digest"),
    ] {
        let letters = vec![(0, 3, reason)];
        cases.push(Case { name, value: encode(&pointer)?, letters, is_fetched: true });
    }
    Ok(cases)
}

fn pointers(hostile: &Hostile<'_>) -> Result<Vec<Case>> {
    let sound = hostile.payload(bytes::three()?, 3)?;
    let with = |change: &dyn Fn(&mut Pointer)| {
        let mut pointer = sound.clone();
        change(&mut pointer);
        encode(&pointer)
    };
    let mut other_schema = encode(&sound)?;
    other_schema[5] ^= 1;
    let values = [
        ("a foreign bucket", with(&|p| p.bucket = "foreign".to_owned())?),
        ("another stage's prefix", with(&|p| p.key = p.key.replace("logs/", "merged/"))?),
        ("a path that climbs", with(&|p| p.key = "logs/../merged/1-x".to_owned())?),
        ("a key with a NUL", with(&|p| p.key.push('\0'))?),
        ("the canary", with(&|p| p.key = "logs/canary".to_owned())?),
        ("a payload of 1 GiB", with(&|p| p.range_bytes = 1 << 30)?),
        ("a negative range", with(&|p| p.range_start_bytes = -1)?),
        ("a negative count", with(&|p| p.datapoints = Some(-1))?),
        ("2^62 datapoints", with(&|p| p.datapoints = Some(1 << 62))?),
        ("2^62 decoded bytes", with(&|p| p.decoded_bytes = 1 << 62)?),
        ("a pointer of an unknown schema", other_schema),
        ("no Avro at all", b"{\"bucket\":\"cordon\"}".to_vec()),
        ("half a pointer", encode(&sound)?[..20].to_vec()),
        ("an empty record", Vec::new()),
    ];
    let case =
        |(name, value)| Case { name, value, letters: vec![(0, 1, "pointer")], is_fetched: false };
    Ok(values.into_iter().map(case).collect())
}

/// Plants one record; a stage that starts then must give it exactly its letters.
fn meet(place: &mut Place, case: &Case, peaks: &Peaks) -> Result<()> {
    let offset = plant(place, std::slice::from_ref(&case.value))?;
    let before = gets(place);
    let mut stage = place.stage(|_| {})?;
    let group = stage.supervisor();
    peaks.watch(group, || place.settle(|| stage.notes().map(drop)))?;
    stage.stop()?;
    let expected = case.letters.iter().map(|(from, to, reason)| (*from, *to, (*reason).to_owned()));
    let found = letters_of(place, offset)?;
    ensure!(found == expected.collect(), "its letters are {found:?}");
    let fetched = gets(place) > before;
    ensure!(fetched == case.is_fetched, "its payload was asked for: {fetched}");
    Ok(())
}

/// Writes records as ingest, one behind the other. Returns the first one's offset.
fn plant(place: &mut Place, values: &[Vec<u8>]) -> Result<i64> {
    let at = TopicPartition::new(TOPIC, PARTITION);
    let admin = Admin::new(place.world.log("admin")?.connection())?;
    let offset = admin.ends(std::slice::from_ref(&at), End::End)?[&at];
    write(&place.world.log("ingest")?, "cordon.ingest-hostile", (TOPIC, PARTITION), values)?;
    place.put_aside(PARTITION, offset..offset + values.len() as i64);
    Ok(offset)
}

fn letters_of(place: &Place, offset: i64) -> Result<BTreeSet<(i64, i64, String)>> {
    let line =
        format!("dead list --stage {STAGE} --partition {PARTITION} --offset {offset} --json");
    let letters = cordon_tests::ran::run(&place.world, "reader", &line)?.expect(0, &[])?.json()?;
    let letter = |letter: &serde_json::Value| {
        let number = |name: &str| letter[name].as_i64().context("a number");
        let reason = letter["reason"].as_str().context("a reason")?;
        Ok((number("from")?, number("to")?, reason.to_owned()))
    };
    letters.iter().map(letter).collect()
}

/// How often the stage asked for an object.
fn gets(place: &Place) -> u64 {
    let asked = format!("{STAGE} GetObject ");
    let objects = place.world.s3().requests().objects;
    objects.iter().filter(|(what, _)| what.starts_with(&asked)).map(|(_, count)| count).sum()
}

/// Whatever S3 answers for a while, the payload is there: it is waited for, and nothing dies.
fn bad_day(place: &mut Place) -> Result<()> {
    let s3 = FaultProxy::start(place.world.s3().endpoint(), [])?;
    let throttled = [Fault::Answer(503, "SlowDown"); 6];
    let days: [&[Fault]; 6] = [
        &[Fault::Answer(500, "InternalError"); 6],
        &throttled,
        &[Fault::Answer(403, "AccessDenied"), Fault::Answer(404, "NoSuchKey")],
        &[Fault::CutBody, Fault::CutBody, Fault::FlipAnswerBit],
        // The put of the batch before the last.
        &[Fault::Pass, Fault::Answer(503, "SlowDown"), Fault::LoseAnswer],
        &[Fault::Hang],
    ];
    let mut stage = place.stage(|command| {
        command.env("CORDON_S3_ENDPOINT", s3.endpoint());
    })?;
    stage.wait_until_it_owns()?;
    let mut fed = Vec::new();
    for (n, day) in days.iter().enumerate() {
        s3.inject(day.iter().copied());
        let files = [File::new(&format!("bad day {n}"), 50, [])];
        place.feed(&files)?;
        place.settle(|| stage.notes().map(drop))?;
        ensure!(s3.pending().is_empty(), "day {n} was not met: {:?}", s3.pending());
        fed.extend(files);
    }
    place.check(&fed)?;
    stage.stop()
}

/// Neither object nor canary can be read: the stage halts and names the grant, and no datapoint
/// pays for it.
fn denied(place: &mut Place) -> Result<()> {
    let s3 =
        FaultProxy::start(place.world.s3().endpoint(), [Fault::Answer(403, "AccessDenied"); 99])?;
    let files = [File::new("denied", 50, [])];
    place.feed(&files)?;
    let mut command = place.command();
    command.env("CORDON_S3_ENDPOINT", s3.endpoint());
    Ran::within(PATIENCE, &mut command)?.expect(4, &["grant s3:GetObject on cordon/logs/"])?;
    let mut stage = place.stage(|_| {})?;
    place.settle(|| stage.notes().map(drop))?;
    place.check(&files)?;
    stage.stop()
}

/// A lifecycle rule that is wrong looks like this: the stage halts before it has drained the topic
/// into letters.
fn missing_in_a_row(place: &mut Place) -> Result<()> {
    const MISSING: usize = 20;
    /// After so many in a row the next one is too many.
    const IN_ROW_MAX: usize = 16;
    let hostile = Hostile::new(&place.world)?;
    let mut values = Vec::new();
    for _ in 0..MISSING {
        let key = hostile.key()?;
        values.push(encode(&hostile.pointer(&key, b"nothing", 1))?);
    }
    drop(hostile);
    let offset = plant(place, &values)?;
    let letters = |place: &Place| {
        let offsets = offset..offset + MISSING as i64;
        let found = offsets.map(|offset| Ok(letters_of(place, offset)?.len()));
        found.sum::<Result<usize>>()
    };
    Ran::within(PATIENCE, &mut place.command())?.expect(4, &["objects in a row are missing"])?;
    let found = letters(place)?;
    ensure!(found <= IN_ROW_MAX, "{found} letters before it halted");
    // A person who knows that they are gone for good starts it again.
    let mut stage = place.stage(|_| {})?;
    wait_for("all letters", PATIENCE, || {
        if let Err(halted) = stage.notes() {
            ensure!(letters(place)? < MISSING, "{halted:#}");
            stage = place.stage(|_| {})?;
        }
        Ok((letters(place)? == MISSING).then_some(()))
    })?;
    stage.stop()
}
