//! Containers that no honest writer makes.

use std::io::Write as _;

use cordon_container::{
    ContainerFault, DATAPOINT_BYTES_MAX, FaultKind, ReadLimits, SectionReader, SectionWriter,
    WriteError,
};
use cordon_records::{Element, LogDatapoint, schema};

use crate::payload::{Payload, datapoints, element, read_all};

/// An empty container: a header and nothing behind it.
fn header() -> Vec<u8> {
    Payload::write(&[], 1).bytes
}

/// The same for elements.
fn element_header() -> Vec<u8> {
    let mut writer = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
    writer.finish_section().unwrap();
    writer.into_inner()
}

/// A container of one block that claims to hold `count` datapoints and to be `len` bytes long.
fn claiming(count: i64, len: i64, packed: &[u8]) -> Vec<u8> {
    with_claims(header(), count, len, packed)
}

fn with_claims(mut bytes: Vec<u8>, count: i64, len: i64, packed: &[u8]) -> Vec<u8> {
    let sync = bytes[bytes.len() - 16..].to_vec();
    put_long(&mut bytes, count);
    put_long(&mut bytes, len);
    bytes.extend_from_slice(packed);
    bytes.extend(sync);
    bytes
}

fn with_block(count: i64, packed: &[u8]) -> Vec<u8> {
    claiming(count, packed.len() as i64, packed)
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_long(out, text.len() as i64);
    out.extend_from_slice(text);
}

/// Three encoded datapoints, one after another.
fn three() -> Vec<u8> {
    let mut encoder = cordon_container::DatumEncoder::new(schema::LOG_DATAPOINT.current());
    let mut bytes = Vec::new();
    for datapoint in datapoints(&[b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]) {
        encoder.append(&datapoint, &mut bytes).unwrap();
    }
    bytes
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

/// Checks how many datapoints are read, and which fault follows.
fn check(bytes: &[u8], delivered: usize, kind: FaultKind, detail: &str) {
    let (read, fault) = read_all(bytes);
    let ContainerFault { kind: found, index, detail: words } = fault.expect(detail);
    assert_eq!((read.len(), found, index), (delivered, kind, delivered as u64), "{words}");
    assert!(words.contains(detail), "{words:?} should contain {detail:?}");
}

fn check_corrupt(bytes: &[u8], delivered: usize, detail: &str) {
    check(bytes, delivered, FaultKind::Corrupt, detail);
}

#[test]
fn the_crafted_block_is_readable() {
    let (read, fault) = read_all(&with_block(3, &zstd(&three())));
    assert_eq!((read.len(), fault), (3, None));
}

#[test]
fn a_count_that_lies_is_corrupt_from_where_it_lies() {
    let block = zstd(&three());
    check_corrupt(&with_block(4, &block), 3, "malformed datapoint");
    check_corrupt(&with_block(i64::MAX, &block), 3, "malformed datapoint");
    check_corrupt(&with_block(2, &block), 2, "more than the datapoints it claims");
    check_corrupt(&with_block(0, &block), 0, "count is out of range");
    check_corrupt(&with_block(-3, &block), 0, "count is out of range");
    check_corrupt(&with_block(i64::MIN, &block), 0, "count is out of range");
}

#[test]
fn counts_do_not_overflow_the_index() {
    let block = zstd(&three());
    let mut bytes = with_block(i64::MAX, &block);
    let one = with_block(3, &block);
    bytes.extend_from_slice(&one[header().len()..]);
    let mut reader =
        SectionReader::open(&bytes, &schema::LOG_DATAPOINT, None, ReadLimits::default()).unwrap();
    reader.skip_to(u64::MAX);
    let fault = reader.advance().unwrap_err();
    assert_eq!((fault.kind, fault.index), (FaultKind::Corrupt, i64::MAX as u64));
}

#[test]
fn a_length_that_lies_is_corrupt() {
    let block = zstd(&three());
    check_corrupt(&claiming(3, 1 << 62, &block), 0, "truncated");
    check_corrupt(&claiming(3, i64::MAX, &block), 0, "truncated");
    check_corrupt(&claiming(3, -1, &block), 0, "length is negative");
    check_corrupt(&claiming(3, block.len() as i64 - 1, &block), 0, "sync marker");
    check_corrupt(&claiming(3, block.len() as i64 + 1, &block), 0, "truncated");
}

#[test]
fn a_block_is_one_zstd_frame() {
    let frame = zstd(&three());
    let twice = [&frame[..], &frame].concat();
    check_corrupt(&with_block(6, &twice), 0, "not one zstd frame");
    let trailed = [&frame[..], b"x"].concat();
    check_corrupt(&with_block(3, &trailed), 0, "not one zstd frame");
    // A skippable frame, alone and before another.
    let skippable = [&0x184D_2A50_u32.to_le_bytes()[..], &4_u32.to_le_bytes(), b"skip"].concat();
    check_corrupt(&with_block(3, &skippable), 0, "malformed datapoint");
    check_corrupt(&with_block(3, &[&skippable[..], &frame].concat()), 0, "not one zstd frame");
    check_corrupt(&with_block(3, b""), 0, "not one zstd frame");
    check_corrupt(&with_block(3, &three()), 0, "not one zstd frame");
}

#[test]
fn a_bomb_is_refused_by_what_it_states() {
    let bomb = zstd(&vec![0; 100 << 20]);
    assert!(bomb.len() < 20 << 10);
    check(&with_block(3, &bomb), 0, FaultKind::TooLarge, "too much");
}

#[test]
fn a_bomb_that_states_nothing_is_refused_by_what_it_is() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    for _ in 0..100 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(matches!(zstd::zstd_safe::get_frame_content_size(&bomb), Ok(None)));
    check(&with_block(3, &bomb), 0, FaultKind::TooLarge, "too much");
}

#[test]
fn a_stream_that_states_nothing_is_read() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&three()).unwrap();
    let (read, fault) = read_all(&with_block(3, &encoder.finish().unwrap()));
    assert_eq!((read.len(), fault), (3, None));
}

#[test]
fn a_window_of_gigabytes_is_not_allocated() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(31).unwrap();
    encoder.write_all(&three()).unwrap();
    let before = peak_memory_kib();
    let (read, fault) = read_all(&with_block(3, &encoder.finish().unwrap()));
    assert_eq!((read.len(), fault), (3, None));
    assert!(peak_memory_kib() - before < 256 << 10);
}

/// The largest resident set of this process so far.
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A header of these entries.
fn header_of(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = b"Obj\x01".to_vec();
    put_long(&mut bytes, entries.len() as i64);
    for (key, value) in entries {
        put_text(&mut bytes, key);
        put_text(&mut bytes, value);
    }
    put_long(&mut bytes, 0);
    bytes.extend([7; 16]);
    bytes
}

#[test]
fn headers_are_read_with_limits() {
    let schema = schema::LOG_DATAPOINT.current().json.as_bytes();
    let right: (&[u8], &[u8]) = (b"avro.schema", schema);
    let codec = |name: &'static [u8]| -> (&[u8], &[u8]) { (b"avro.codec", name) };
    assert_eq!(read_all(&header_of(&[right, codec(b"zstandard")])), (vec![], None));
    assert_eq!(read_all(&header_of(&[right, codec(b"null")])), (vec![], None));
    assert_eq!(read_all(&header_of(&[(b"x", b"y"), right])), (vec![], None));
    check_corrupt(&header_of(&[right, codec(b"deflate")]), 0, "codec is not zstandard");
    check_corrupt(&header_of(&[right, right]), 0, "occurs twice");
    check_corrupt(&header_of(&[codec(b"null")]), 0, "there is no schema");
    let others: [(&[u8], &[u8]); 17] = [(b"x", b"y"); 17];
    check_corrupt(&header_of(&others), 0, "too many entries");
    let mut endless = b"Obj\x01".to_vec();
    put_long(&mut endless, i64::MAX);
    check_corrupt(&endless, 0, "truncated");
    let mut huge = b"Obj\x01".to_vec();
    put_long(&mut huge, 1);
    put_long(&mut huge, 1 << 62);
    check_corrupt(&huge, 0, "truncated");
}

#[test]
fn a_map_block_may_state_its_size() {
    let mut bytes = b"Obj\x01".to_vec();
    put_long(&mut bytes, -1);
    put_long(&mut bytes, 12345);
    put_text(&mut bytes, b"avro.schema");
    put_text(&mut bytes, schema::LOG_DATAPOINT.current().json.as_bytes());
    put_long(&mut bytes, 0);
    bytes.extend([7; 16]);
    assert_eq!(read_all(&bytes), (vec![], None));
}

#[test]
fn a_foreign_schema_is_never_used() {
    let refused = |schema: &str| {
        check(&header_of(&[(b"avro.schema", schema.as_bytes())]), 0, FaultKind::Schema, "schema");
    };
    refused("\"string\"");
    refused("not JSON");
    refused("");
    refused(&"[".repeat(50_000));
    refused(&format!(
        "{}\"int\"{}",
        r#"{"type":"array","items":"#.repeat(10_000),
        "}".repeat(10_000)
    ));
    refused(&format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(120), "}".repeat(120)));
    refused(&" ".repeat(1 << 20));
    // A record of itself, and a fixed of nearly all memory.
    refused(r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#);
    refused(r#"{"type":"fixed","name":"F","size":9223372036854775807}"#);
    // The right names with one more field.
    let schema = schema::LOG_DATAPOINT.current().json;
    let more =
        schema.replace(r#"{"name": "line""#, r#"{"name": "x", "type": "int"}, {"name": "line""#);
    assert_ne!(more, schema);
    refused(&more);
}

#[test]
fn a_schema_may_be_formatted_otherwise() {
    let schema = schema::LOG_DATAPOINT.current().json.replace('\n', " \t");
    let mut bytes = header_of(&[(b"avro.schema", schema.as_bytes())]);
    put_long(&mut bytes, 3);
    put_text(&mut bytes, &three());
    bytes.extend([7; 16]);
    let (read, fault) = read_all(&bytes);
    assert_eq!((read.len(), fault), (3, None));
}

#[test]
fn a_second_section_of_another_schema_ends_the_reading() {
    let mut bytes = with_block(3, &zstd(&three()));
    let mut elements = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
    elements.append(&element(0)).unwrap();
    elements.finish_section().unwrap();
    bytes.extend(elements.into_inner());
    check(&bytes, 3, FaultKind::Schema, "unknown writer schema");
}

/// An Avro array may state its size in bytes, for skipping; this one states it wrongly. Whether
/// the element before was read or skipped must not decide where the next one begins.
#[test]
fn skipping_and_reading_agree_on_boundaries() {
    let mut encoder = cordon_container::DatumEncoder::new(schema::ELEMENT.current());
    let mut honest = Vec::new();
    encoder.append(&element(0), &mut honest).unwrap();
    // Home, two varints, and an edge or node come before the properties.
    let mut other = Vec::new();
    let mut bare = element(0);
    bare.properties.clear();
    encoder.append(&bare, &mut other).unwrap();
    let head = &other[..other.len() - 1];
    let properties = &honest[head.len()..];
    // One property; the count comes negative, with a size that points into the middle of it.
    assert_eq!(properties[0], 2);
    let mut lying = head.to_vec();
    put_long(&mut lying, -1);
    put_long(&mut lying, 3);
    lying.extend_from_slice(&properties[1..]);
    lying.extend_from_slice(&honest);

    let block = zstd(&lying);
    let bytes = with_claims(element_header(), 2, block.len() as i64, &block);

    let open = || SectionReader::open(&bytes, &schema::ELEMENT, None, ReadLimits::default());
    let mut reader = open().unwrap();
    assert_eq!(reader.next::<Element>().unwrap(), Some((0, element(0))));
    assert_eq!(reader.next::<Element>().unwrap(), Some((1, element(0))));
    let mut reader = open().unwrap();
    reader.skip_to(1);
    assert_eq!(reader.next::<Element>().unwrap(), Some((1, element(0))));
    assert_eq!(reader.advance(), Ok(None));
}

#[test]
fn the_largest_datapoint_fits_and_a_larger_one_is_refused() {
    let overhead = three().len() - 3 - 3 - 5;
    let fits = vec![b'x'; DATAPOINT_BYTES_MAX - overhead / 3 - 3];
    let too_large = vec![b'x'; DATAPOINT_BYTES_MAX];
    let lines = [b"small".to_vec(), fits, too_large, b"small".to_vec()];
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    for datapoint in datapoints(&lines) {
        match writer.append(&datapoint) {
            Err(WriteError::TooLarge(_)) => assert_eq!(datapoint.line.len(), DATAPOINT_BYTES_MAX),
            outcome => outcome.unwrap(),
        }
    }
    assert_eq!(writer.finish_section().unwrap().datapoints, 3);
    let (read, fault) = read_all(&writer.into_inner());
    assert_eq!(fault, None);
    assert_eq!(read, [&lines[0][..], &lines[1], &lines[3]]);
}

#[test]
fn reading_more_than_there_is_is_a_fault() {
    let bytes = with_block(3, &zstd(&three()));
    let mut reader =
        SectionReader::open(&bytes, &schema::LOG_DATAPOINT, None, ReadLimits::default()).unwrap();
    assert!(reader.read::<LogDatapoint<'_>>().is_err(), "nothing was found yet");
    assert!(reader.advance().is_err(), "and the fault stays");
}
