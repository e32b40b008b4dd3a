//! Files that are damaged, or are none.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use cordon_tests::ran::Ran;
use serde_json::{Value, json};

/// Good records in each file that has any; each is a process of its own.
const GOOD: usize = 100;

/// A file, and what must become of it.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    code: i32,
    /// Datapoints that must come out, at least and at most: a truncated archive may give back
    /// some of what it lost, but nobody can say how much.
    datapoints: std::ops::RangeInclusive<usize>,
    /// Letters of ingest.
    letters: usize,
    said: &'static [&'static str],
}

/// Every kind of file. A record among them is dead or a file is told of, never both.
fn cases() -> Result<Vec<Case>> {
    let good = lines(0..GOOD);
    let sound = |name, bytes, letters| Case {
        name,
        bytes,
        code: 0,
        datapoints: GOOD..=GOOD,
        letters,
        said: if letters > 0 { &["1 records are no telemetry", "cordon dead list"] } else { &[] },
    };
    let faulty =
        |name, bytes, datapoints, said| Case { name, bytes, code: 1, datapoints, letters: 0, said };
    let with = |record: &[u8]| [&lines(0..50)[..], record, b"\n", &lines(50..GOOD)].concat();
    let (gz, zip, tar) = (gzip(&good)?, zip(&good)?, gzip(&tar(&good))?);
    let without_end = |bytes: &[u8]| bytes[..bytes.len() - 60].to_vec();
    let long = [br#"{"EventID":1,"x":""#, &vec![b'a'; 50 << 20][..], br#""}"#].concat();
    let nested = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
    Ok(vec![
        sound("good.jsonl", good.clone(), 0),
        sound("crlf.jsonl", crlf(&good), 0),
        sound("byte_order_mark.jsonl", [b"\xef\xbb\xbf", &good[..]].concat(), 0),
        sound("sound.zip", zip.clone(), 0),
        sound("no_json.jsonl", with(b"this is no JSON"), 1),
        sound("invalid_utf8.jsonl", with(b"{\"EventID\":1,\"x\":\"\xff\xfe\x80\"}"), 1),
        sound("nul.jsonl", with(b"{\"EventID\":\0\0\0"), 1),
        sound("fifty_megabytes.jsonl", with(&long), 1),
        sound("nested.jsonl", with(&nested), 1),
        faulty("truncated.jsonl.gz", without_end(&gz), 1..=GOOD, &["not readable to its end"]),
        faulty("truncated.tar.gz", without_end(&tar), 1..=GOOD, &["not readable to its end"]),
        faulty("truncated.zip", without_end(&zip), 1..=GOOD, &["not readable to its end"]),
        faulty("empty.jsonl", Vec::new(), 0..=0, &["empty"]),
        faulty("binary.bin", binary(), 0..=0, &["not recognised", "accepted: JSON lines"]),
        faulty("\u{1b}[2Jescape.bin", binary(), 0..=0, &["not recognised"]),
    ])
}

pub(crate) fn each_alone() -> Result<()> {
    for case in cases()? {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join(case.name), &case.bytes)?;
        let ran = demo(dir.path(), case.name)?;
        check(&case, &ran, dir.path()).with_context(|| case.name.to_owned())?;
    }
    Ok(())
}

fn check(case: &Case, ran: &Ran, dir: &Path) -> Result<()> {
    ran.tells(case.code, case.said)?;
    // A name may hold commands to a terminal: it is shown, not obeyed.
    let shown = case.name.trim_start_matches('\u{1b}');
    ensure!(case.code == 0 || ran.words.contains(shown), "not named: {}", ran.words);
    ensure!(!ran.words.contains('\u{1b}'), "an escape sequence: {:?}", ran.words);
    let datapoints = clean_figures(ran)?;
    ensure!(case.datapoints.contains(&datapoints), "{datapoints} datapoints");
    ensure!(letters(dir)? == case.letters, "{} letters, {}", letters(dir)?, ran.words);
    Ok(())
}

pub(crate) fn all_together() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mixed = dir.path().join("mixed");
    fs::create_dir_all(mixed.join("deeper"))?;
    let cases = cases()?;
    for (n, case) in cases.iter().enumerate() {
        let below = if n % 2 == 0 { mixed.clone() } else { mixed.join("deeper") };
        fs::write(below.join(case.name), &case.bytes)?;
    }
    std::os::unix::fs::symlink("nowhere", mixed.join("dangling"))?;
    std::os::unix::fs::symlink(".", mixed.join("loop"))?;
    let pipe = Command::new("mkfifo").arg(mixed.join("pipe")).status()?;
    ensure!(pipe.success(), "mkfifo: {pipe}");
    let ran = demo(dir.path(), "mixed")?;
    ran.tells(1, &["dangling", "pipe: neither a file nor a directory"])?;
    for case in cases.iter().filter(|case| case.code == 1) {
        let shown = case.name.trim_start_matches('\u{1b}');
        ensure!(ran.words.contains(shown), "{shown} is not named: {}", ran.words);
    }
    let least: usize = cases.iter().map(|case| case.datapoints.start()).sum();
    let most: usize = cases.iter().map(|case| case.datapoints.end()).sum();
    let datapoints = clean_figures(&ran)?;
    ensure!((least..=most).contains(&datapoints), "{datapoints} of {least} to {most}");
    let expected: usize = cases.iter().map(|case| case.letters).sum();
    ensure!(letters(dir.path())? == expected, "{} letters", letters(dir.path())?);
    Ok(())
}

fn cordon(dir: &Path) -> Command {
    let binary = std::env::var_os("CORDON_BIN").expect("CORDON_BIN names the binary: make e2e");
    let mut command = Command::new(PathBuf::from(binary));
    command.current_dir(dir);
    command
}

fn demo(dir: &Path, path: &str) -> Result<Ran> {
    Ran::of(cordon(dir).args(["demo", "--json", "--out", "out", path]))
}

/// The datapoints, when every one has its fate.
fn clean_figures(ran: &Ran) -> Result<usize> {
    let figures = ran.text()?.lines().find_map(|line| line.strip_prefix("figures: "));
    let figures: Value = serde_json::from_str(figures.context("no figures")?)?;
    let count = |name: &str| figures[name].as_u64().with_context(|| name.to_owned());
    ensure!(count("lost")? == 0 && count("duplicated")? == 0, "{figures}");
    let fates = count("mapped")? + count("not_mapped")? + count("dead")?;
    ensure!(count("datapoints")? == fates, "{figures}");
    Ok(usize::try_from(fates)?)
}

/// Letters of records, without remarks on files.
fn letters(dir: &Path) -> Result<usize> {
    let asked = ["dead", "list", "--stage", "ingest", "--from", "out", "--json"];
    let ran = Ran::of(cordon(dir).args(asked))?;
    ran.tells(0, &[])?;
    let is_record = |letter: &&Value| letter["from"] != letter["to"];
    Ok(ran.json()?.iter().filter(is_record).count())
}

// ---- bytes

/// Process creations, a line each.
fn lines(numbers: std::ops::Range<usize>) -> Vec<u8> {
    let line = |n: usize| {
        let event = json!({
            "EventID": 1,
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "SourceName": "Microsoft-Windows-Sysmon",
            "Hostname": "host.example",
            "EventTime": "2024-05-01 10:00:00",
            "UtcTime": "2024-05-01 10:00:00.000",
            "ProcessGuid": format!("{{12345678-0000-0000-0000-{n:012}}}"),
            "ProcessId": n,
            "Image": format!(r"C:\program{n}.exe"),
        });
        format!("{event}\n").into_bytes()
    };
    numbers.flat_map(line).collect()
}

fn crlf(lines: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(lines).replace('\n', "\r\n").into_bytes()
}

/// Bytes of no format, the same each time.
fn binary() -> Vec<u8> {
    (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn zip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("member.jsonl", zip::write::SimpleFileOptions::default())?;
    writer.write_all(bytes)?;
    Ok(writer.finish()?.into_inner())
}

fn tar(bytes: &[u8]) -> Vec<u8> {
    let mut writer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    writer.append_data(&mut header, "member.jsonl", bytes).expect("it is written to memory");
    writer.into_inner().expect("it is written to memory")
}
