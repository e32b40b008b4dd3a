//! What is accepted, and how it is packed.

use super::*;

const THREE: [&str; 3] = ["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"];

fn check(file: &[u8], expected: &[&str]) {
    let ingested = ingest(file);
    assert_eq!(ingested.texts(), expected);
    let numbers: Vec<i64> = ingested.records.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (0..expected.len() as i64).collect::<Vec<_>>());
    assert_eq!(ingested.letters, []);
}

fn utf16(text: &str, is_big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    "\u{FEFF}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
}

#[test]
fn lines_are_records_however_they_are_packed() {
    let members: &[(&str, &[u8])] = &[("x.json", TWO), ("dir/y", b"{\"a\":3}")];
    check(TWO, &THREE[..2]);
    check(&gzip(TWO), &THREE[..2]);
    check(&[gzip(TWO), gzip(b"{\"a\":3}")].concat(), &THREE);
    check(&zstd(TWO), &THREE[..2]);
    check(&[zstd(TWO), zstd(b"{\"a\":3}")].concat(), &THREE);
    check(&zip(members), &THREE);
    check(&tar(members), &THREE);
    check(&gzip(&tar(members)), &THREE);
    check(&zstd(&tar(members)), &THREE);
}

#[test]
fn packed_things_may_be_in_packed_things() {
    let inner = gzip(&tar(&[("x", TWO), ("y.gz", &gzip(b"{\"a\":3}"))]));
    check(&zip(&[("x.tar.gz", &inner)]), &THREE);
    check(&gzip(&zip(&[("x", TWO)])), &THREE[..2]);
    check(&tar(&[("x.zip", &zip(&[("x", TWO)])), ("y.zst", &zstd(b"{\"a\":3}"))]), &THREE);
}

#[test]
fn text_as_windows_writes_it() {
    check(&[b"\xEF\xBB\xBF".as_slice(), TWO].concat(), &THREE[..2]);
    check(&[b"\xEF\xBB\xBF".as_slice(), b"[{\"a\":1},{\"a\":2}]"].concat(), &THREE[..2]);
    for is_big in [false, true] {
        check(&utf16("{\"a\":1}\r\n{\"a\":2}\r\n", is_big), &THREE[..2]);
        check(&gzip(&utf16("[\r\n{\"a\":1},\r\n{\"a\":2}]", is_big)), &THREE[..2]);
        check(&utf16("{\"a\":\"\u{20AC}\u{1F600}\"}", is_big), &["{\"a\":\"\u{20AC}\u{1F600}\"}"]);
    }
}

#[test]
fn a_list_is_its_objects() {
    check(b"[]", &[]);
    check(b"[{\"a\":1},{\"a\":2}]", &THREE[..2]);
    check(b" [\n{\"a\":1},\n{\"a\":2},\n{\"a\":3}\n]\n", &THREE);
    let nested = b"[{\"a\":[{\"b\":\"]},{\\\"\"}]},{\"a\":2}]";
    check(nested, &["{\"a\":[{\"b\":\"]},{\\\"\"}]}", "{\"a\":2}"]);
}

#[test]
fn an_object_over_several_lines_is_one_record() {
    let pretty = b"{\r\n  \"a\": 1,\r\n  \"b\": \"x  y\"\r\n}\r\n{\r\n  \"a\": 2\r\n}\r\n";
    check(pretty, &["{ \"a\": 1, \"b\": \"x  y\" }", "{ \"a\": 2 }"]);
    check(b"[\n  {\n    \"a\": 1\n  }\n]", &["{ \"a\": 1 }"]);
}

#[test]
fn what_is_no_telemetry_in_an_archive_is_passed_over_and_counted() {
    let members: &[(&str, &[u8])] = &[
        ("dir/", b""),
        ("dir/x.json", TWO),
        ("dir/._x.json", b"\0\x05\x16\x07"),
        ("__MACOSX/dir/._x.json", b"\0\x05\x16\x07"),
        (".DS_Store", b"\0\0\0\x01Bud1"),
        ("empty", b""),
        ("y", b"{\"a\":3}"),
    ];
    for file in [zip(members), tar(members), gzip(&tar(members))] {
        check(&file, &THREE);
        let news = ingest(&file).news;
        assert_eq!((news.members_read, news.members_passed_over), (2, 5));
    }
}
