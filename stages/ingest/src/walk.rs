//! Walks through a file: unpacks what is packed, and hands records to the sink.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use cordon_body::CellIo;
use cordon_records::Reason;

use crate::{
    lines::{Line, next_line},
    recognise::{ACCEPTED, HEAD_BYTES, Kind, quote, recognise},
    sink::{Sink, Stop},
};

/// Packed within packed within packed is a mistake or an attack.
const DEPTH_MAX: u32 = 3;
/// Largest member that must be held whole: EVTX files and nested zips need seeking.
const HELD_BYTES_MAX: u64 = 256 << 20;
/// Most members of one archive.
const MEMBERS_MAX: usize = 65_536;
/// As large a window as `zstd --ultra` makes: 128 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Walks through a whole file.
pub(crate) fn file(bytes: &[u8], sink: &mut Sink<'_, impl CellIo>) -> Result<(), Stop> {
    match recognise(bytes) {
        // A zip's directory is at its end; the file is here already.
        Kind::Zip => zip(Cursor::new(bytes), 0, sink),
        _ => stream(&mut Cursor::new(bytes), "the file", 0, sink),
    }
}

fn stream(
    reader: &mut dyn BufRead,
    name: &str,
    depth: u32,
    sink: &mut Sink<'_, impl CellIo>,
) -> Result<(), Stop> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    if let Err(error) = reader.take(HEAD_BYTES as u64).read_to_end(&mut head) {
        return corrupt(name, &error, sink);
    }
    let kind = recognise(&head);
    let mut reader = Cursor::new(&head[..]).chain(reader);
    if depth > DEPTH_MAX {
        return sink
            .remark(Reason::Rejected, format!("{name}: packed more than {DEPTH_MAX} times"));
    }
    match kind {
        Kind::Gzip => {
            let unpacked = flate2::bufread::MultiGzDecoder::new(reader);
            stream(&mut BufReader::new(unpacked), name, depth + 1, sink)
        }
        Kind::Zstd => match zstd(reader) {
            Ok(unpacked) => stream(&mut BufReader::new(unpacked), name, depth + 1, sink),
            Err(error) => corrupt(name, &error, sink),
        },
        Kind::Tar => tar(&mut reader, name, depth, sink),
        Kind::Zip => match hold(&mut reader) {
            Ok(bytes) => zip(Cursor::new(&bytes[..]), depth, sink),
            Err(error) => corrupt(name, &error, sink),
        },
        Kind::Evtx => match hold(&mut reader) {
            Ok(bytes) => evtx(bytes, name, sink),
            Err(error) => corrupt(name, &error, sink),
        },
        Kind::JsonLines => lines(&mut reader, name, sink),
        Kind::Empty => sink.remark(Reason::Rejected, format!("{name} is empty")),
        Kind::Unknown => {
            let found = quote(&head);
            let detail =
                format!("{name} is not recognised: it begins with {found}; accepted: {ACCEPTED}");
            sink.remark(Reason::Rejected, detail)
        }
    }
}

fn zstd<'a>(reader: impl BufRead + 'a) -> io::Result<impl Read + 'a> {
    let mut unpacked = zstd::stream::read::Decoder::with_buffer(reader)?;
    unpacked.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(unpacked)
}

/// Reads what must be held whole.
fn hold(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(HELD_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > HELD_BYTES_MAX {
        return Err(io::Error::other(format!("larger than {HELD_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn corrupt(
    name: &str,
    error: &dyn std::fmt::Display,
    sink: &mut Sink<'_, impl CellIo>,
) -> Result<(), Stop> {
    sink.remark(Reason::Corrupt, format!("{name} cannot be read on: {error}"))
}

fn zip(reader: Cursor<&[u8]>, depth: u32, sink: &mut Sink<'_, impl CellIo>) -> Result<(), Stop> {
    let mut archive = match zip::ZipArchive::new(reader) {
        Ok(archive) => archive,
        Err(error) => return corrupt("the zip archive", &error, sink),
    };
    for index in 0..archive.len().min(MEMBERS_MAX) {
        let member = match archive.by_index(index) {
            Ok(member) => member,
            Err(error) => {
                corrupt(&format!("member {index}"), &error, sink)?;
                continue;
            }
        };
        let name = member.name().to_owned();
        if member.is_file() && !is_litter(&name) {
            stream(&mut BufReader::new(member), &name, depth + 1, sink)?;
        }
    }
    Ok(())
}

fn tar(
    reader: &mut dyn Read,
    name: &str,
    depth: u32,
    sink: &mut Sink<'_, impl CellIo>,
) -> Result<(), Stop> {
    let mut archive = tar::Archive::new(reader);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return corrupt(name, &error, sink),
    };
    for entry in entries.take(MEMBERS_MAX) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return corrupt(name, &error, sink),
        };
        let member = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_file() && !is_litter(&member) {
            stream(&mut BufReader::new(entry), &member, depth + 1, sink)?;
        }
    }
    Ok(())
}

/// What macOS leaves in archives.
fn is_litter(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.starts_with("._") || file == ".DS_Store" || name.starts_with("__MACOSX/")
}

fn lines(
    reader: &mut dyn BufRead,
    name: &str,
    sink: &mut Sink<'_, impl CellIo>,
) -> Result<(), Stop> {
    let mut buffer = Vec::new();
    let mut is_first = true;
    loop {
        let line = match next_line(reader, &mut buffer) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(()),
            Err(error) => return corrupt(name, &error, sink),
        };
        match line {
            Line::TooLong(beginning) => sink.too_long(beginning)?,
            Line::Whole(line) => {
                let bom = if is_first { b"\xEF\xBB\xBF".as_slice() } else { b"" };
                let line = line.strip_prefix(bom).unwrap_or(line);
                if !line.trim_ascii().is_empty() {
                    sink.record(line)?;
                }
            }
        }
        is_first = false;
    }
}

fn evtx(bytes: Vec<u8>, name: &str, sink: &mut Sink<'_, impl CellIo>) -> Result<(), Stop> {
    // One thread: a cell that starts another is killed. Without indentation, a record is a line.
    let settings = evtx::ParserSettings::new().num_threads(1).indent(false);
    let mut parser = match evtx::EvtxParser::from_buffer(bytes) {
        Ok(parser) => parser.with_configuration(settings),
        Err(error) => return corrupt(name, &error, sink),
    };
    for record in parser.records_json_value() {
        match record {
            Ok(record) => sink.record(record.data.to_string().as_bytes())?,
            Err(error) => sink.record(format!("EVTX record: {error}").as_bytes())?,
        }
    }
    Ok(())
}
