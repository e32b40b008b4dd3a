//! Datapoints that must die, each for another reason, and what their letters must say.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cordon_records::{Digest, Pointer, single_object};
use cordon_tests::{
    hostile::{Hostile, encode, payload, write},
    ran::run,
    world::World,
};

/// A letter that must be there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Planted {
    pub(crate) id: String,
    pub(crate) reason: &'static str,
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The name of the file it came from, where that can be known.
    pub(crate) file: Option<&'static str>,
    pub(crate) bytes: Bytes,
}

/// What is known of the datapoint's bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bytes {
    /// They are these.
    Are(Vec<u8>),
    /// They cannot be read, and the command says why in these words.
    Unreadable(&'static str),
}

/// A line that every stage takes.
pub(crate) const GOOD: &str = "{\"EventID\":1}";

/// A line longer than a letter quotes, that would clear a terminal, and is no UTF-8.
fn nasty_line() -> Vec<u8> {
    [b"\x1b[2J\xff\xc2\x9b2J ", "no object ".repeat(500).as_bytes()].concat()
}

/// Plants them all. Stages that shall meet them run afterwards.
pub(crate) fn plant(world: &World) -> Result<Vec<Planted>> {
    let mut planted = plant_pointers(world)?;
    planted.extend(plant_raw(world)?);
    planted.extend(plant_files(world)?);
    planted.sort();
    Ok(planted)
}

fn dead(id: String, reason: &'static str, (from, to): (i64, i64), bytes: Bytes) -> Planted {
    Planted { id, reason, from, to, file: None, bytes }
}

/// Pointers to what is damaged, missing or nobody's business, one behind the other in `logs/2`.
fn plant_pointers(world: &World) -> Result<Vec<Planted>> {
    use Bytes::{Are, Unreadable};
    let hostile = Hostile::new(world)?;
    let nasty = nasty_line();
    let rejected = hostile.payload(payload(&[GOOD.as_bytes(), &nasty, GOOD.as_bytes()])?, 3)?;
    let whole = payload(&[GOOD.as_bytes(); 3])?;
    let mut wrong_digest = hostile.payload(whole.clone(), 3)?;
    wrong_digest.digest = Some(Digest::of(b"other bytes"));
    let foreign = Pointer { bucket: "foreign".to_owned(), ..rejected.clone() };
    let missing_key = hostile.key()?;
    let missing = hostile.pointer(&missing_key, &whole, 3);
    let cut = hostile.payload(whole[..whole.len() - 1].to_vec(), 3)?;
    let counted_wrong = hostile.payload(whole, 4)?;
    let values = [
        encode(&rejected)?,
        encode(&wrong_digest)?,
        encode(&foreign)?,
        b"no pointer at all".to_vec(),
        encode(&missing)?,
        encode(&cut)?,
        encode(&counted_wrong)?,
    ];
    write(&world.log("ingest")?, "cordon.ingest-hostile", ("logs", 2), &values)?;
    let id = |offset: usize, index: i64| format!("generate/logs/2/{offset}/{index}");
    let no_pointer = || Unreadable("no pointer that may be followed");
    Ok(vec![
        dead(id(0, 1), "rejected", (1, 2), Are(nasty)),
        dead(id(1, 0), "digest", (0, 3), Unreadable("the bytes have SHA-256")),
        dead(id(2, 0), "pointer", (0, 1), no_pointer()),
        dead(id(3, 0), "pointer", (0, 1), no_pointer()),
        dead(id(4, 0), "missing", (0, 3), Unreadable("the object is missing")),
        dead(id(5, 2), "corrupt", (2, 3), Unreadable("corrupt: truncated")),
        dead(id(6, 3), "count", (3, 4), Unreadable("count: fewer datapoints")),
    ])
}

/// Records that a shipper wrote, in `raw/1`.
fn plant_raw(world: &World) -> Result<Vec<Planted>> {
    let values = [GOOD.into(), nasty_line(), b"[1]\n".to_vec(), Vec::new()];
    // As the administrator: a shipper has no transactions, and these shall lie side by side.
    write(&world.log("admin")?, "test-shipper", ("raw", 1), &values)?;
    let record = |(offset, value): (i64, &Vec<u8>)| {
        let id = format!("pack/raw/1/{offset}/{offset}");
        dead(id, "rejected", (offset, offset + 1), Bytes::Are(value.clone()))
    };
    Ok((0..).zip(&values).skip(1).map(record).collect())
}

/// A file with a bad line, and one whose payload is damaged in the store.
fn plant_files(world: &World) -> Result<Vec<Planted>> {
    let evil = [GOOD, "{\"EventID\":", GOOD].join("\n");
    fs::write(world.path("evil.json"), &evil)?;
    run(world, "ingest", "ingest evil.json")?.expect(0, &[])?;
    let id = format!("ingest/file:{}/0/0/1", Digest::of(evil.as_bytes()));
    let unreadable = Bytes::Unreadable("the bytes are record 1 of that file");
    let bad_line = Planted { file: Some("evil.json"), ..dead(id, "rejected", (1, 2), unreadable) };

    fs::write(world.path("victim.json"), [GOOD; 2].join("\n"))?;
    let before = objects(world)?;
    run(world, "ingest", "ingest victim.json")?.expect(0, &[])?;
    let object = objects(world)?.into_iter().find(|path| !before.contains(path));
    let object = object.context("ingest stored an object")?;
    flip_last_byte(&object)?;
    let (partition, offset) = pointer_to(world, &object)?;
    let id = format!("generate/logs/{partition}/{offset}/0");
    let unreadable = Bytes::Unreadable("SHA-256");
    let damaged = Planted { file: Some("victim.json"), ..dead(id, "digest", (0, 2), unreadable) };
    Ok(vec![bad_line, damaged])
}

/// The payloads of `logs`, as they lie on the server's disk.
fn objects(world: &World) -> Result<Vec<PathBuf>> {
    let dir = world.path("s3").join(&world.topology().bucket).join("logs");
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

/// Damages a file; a second time mends it.
pub(crate) fn flip_last_byte(path: &Path) -> Result<()> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let (mut byte, last) = ([0], file.metadata()?.len() - 1);
    file.read_exact_at(&mut byte, last)?;
    byte[0] ^= 1;
    Ok(file.write_all_at(&byte, last)?)
}

/// Where the pointer to an object lies.
fn pointer_to(world: &World, object: &Path) -> Result<(i32, i64)> {
    let name = object.file_name().and_then(|name| name.to_str()).context("a key")?;
    for record in world.log("reader")?.reader("logs")? {
        let record = record?;
        let pointer: Option<Pointer> = single_object::decode(&record.value).ok();
        if pointer.is_some_and(|pointer| pointer.key.ends_with(name)) {
            return Ok((record.at.partition, record.offset));
        }
    }
    anyhow::bail!("no pointer to {name}")
}
