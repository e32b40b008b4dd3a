//! Bad input: each thing costs only itself.

use super::*;
use crate::{LINE_BYTES_MAX, limits::REMARKS_MAX};

#[test]
fn a_bad_line_is_one_letter() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(50 << 20));
    let file =
        [b"{\"a\":1}\nnot json\n\xFF\xFE{}\n".as_slice(), long.as_bytes(), b"\n[1]\n{\"a\":2}"]
            .concat();
    for file in [file.clone(), gzip(&file), zip(&[("x", &file)])] {
        let ingested = ingest(&file);
        assert_eq!(ingested.records, [(0, "{\"a\":1}".to_owned()), (5, "{\"a\":2}".to_owned())]);
        let expected = [(1, "rejected"), (2, "rejected"), (3, "size"), (4, "rejected")];
        assert_eq!(ingested.fates(), expected.map(|(index, reason)| (index, index + 1, reason)));
        assert_eq!(ingested.letters[0].excerpt, b"not json");
        assert_eq!(ingested.letters[2].excerpt, &long.as_bytes()[..1024]);
    }
}

#[test]
fn the_longest_line_is_taken_and_one_byte_more_is_not() {
    let longest = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES_MAX - 8));
    assert_eq!(longest.len(), LINE_BYTES_MAX);
    for end in ["", "\n", "\r\n", "\n{}\n"] {
        let taken = ingest(format!("{longest}{end}").as_bytes());
        assert_eq!(taken.records[0].1, longest, "before {end:?}");
        assert_eq!(taken.letters, []);
        let refused = ingest(format!(" {longest}{end}").as_bytes());
        assert_eq!(refused.fates(), [(0, 1, "size")], "before {end:?}");
    }
    let pretty = ingest(format!("[{longest},\n {longest} , {{ }} ]").as_bytes());
    assert_eq!(pretty.texts(), [&longest, &longest, "{ }"]);
    let list = ingest(format!("[{{ }},{{{longest}:1}},{{}}]").as_bytes());
    assert_eq!((list.texts(), list.fates()), (vec!["{ }", "{}"], vec![(1, 2, "size")]));
}

#[test]
fn a_bad_item_of_a_list_is_one_letter() {
    let list = ingest(b"[{\"a\":1}, 17, \"{x\", {\"a\" 2}, null\n{\"a\":3}]");
    assert_eq!(list.texts(), ["{\"a\":1}", "{\"a\":3}"]);
    assert_eq!(list.fates(), [1, 2, 3, 4].map(|index| (index, index + 1, "rejected")));
    let cut = ingest(b"[{\"a\":1},{\"a\":");
    assert_eq!((cut.texts().len(), cut.fates()), (1, vec![(1, 2, "rejected")]));
}

#[test]
fn what_is_not_recognised_is_named_and_costs_no_other_member_anything() {
    let members: &[(&str, &[u8])] =
        &[("a.bin", b"\x7fELF\x02"), ("b.json", TWO), ("c\n.tsv", b"#separator \\x09\n")];
    let archive = ingest(&zip(members));
    assert_eq!(archive.texts().len(), 2);
    assert_eq!(archive.fates(), [(0, 0, "rejected"), (2, 2, "rejected")]);
    assert_eq!(
        archive.details(),
        [
            "member a.bin: not recognised, begins with \"\\x7fELF\\x02\"; \
             accepted: JSON lines or lists, EVTX; plain, gz, zst, zip, tar",
            "member c\\n.tsv: not recognised, begins with \"#separator \\\\x09\\n\"; \
             accepted: JSON lines or lists, EVTX; plain, gz, zst, zip, tar",
        ]
    );
    let plain = ingest(b"<Event/>");
    assert_eq!((plain.news.to, plain.fates()), (0, vec![(0, 0, "rejected")]));
    assert!(plain.details()[0].starts_with("not recognised, begins with \"<Event/>\""));
    for empty in [b"".to_vec(), gzip(b""), zstd(b"")] {
        assert_eq!(ingest(&empty).details(), ["empty"]);
    }
    for nothing in [zip(&[]), gzip(&zip(&[]))] {
        assert_eq!(ingest(&nothing).details(), ["an archive without members"]);
    }
    let zeros = "begins with zeros: an empty tar archive, or a file that was never written";
    for nothing in [tar(&[]), gzip(&tar(&[])), vec![0; 3]] {
        assert_eq!(ingest(&nothing).details(), [zeros]);
    }
}

#[test]
fn a_cut_file_keeps_what_could_be_read_and_has_one_letter_for_the_rest() {
    let lines = many_lines(20_000);
    let whole = ingest(&lines).records;
    let packed: [(&str, Vec<u8>); 7] = [
        ("gz", gzip(&lines)),
        ("zst", zstd(&lines)),
        ("zip", zip(&[("x", &lines)])),
        ("two in a zip", zip(&[("x", &many_lines(9)), ("y", &lines)])),
        ("tar", tar(&[("x", &lines)])),
        ("tar.gz", gzip(&tar(&[("x", &lines)]))),
        ("gz in tar", tar(&[("x", &gzip(&lines))])),
    ];
    for (name, file) in packed {
        let cut = ingest(&file[..file.len() * 2 / 3]);
        let kept = cut.records.len();
        let first = if name == "two in a zip" { 9 } else { 0 };
        assert!((5_000..20_000).contains(&kept), "{name}: {kept}");
        let texts = cut.texts();
        assert!(texts[first..].iter().zip(&whole).all(|(text, (_, line))| text == line), "{name}");
        assert_eq!(cut.fates(), [(kept as i64, kept as i64, "corrupt")], "{name}");
        assert!(cut.details()[0].contains("not readable to its end"), "{name}");
    }
}

#[test]
fn a_cut_anywhere_ends_and_never_makes_a_record_up() {
    let zipped = zip(&[("c", TWO), ("d/", b""), ("e", b"{}")]);
    let file = gzip(&tar(&[("a", TWO), ("b.zip", &zipped)]));
    let whole = ingest(&file).records;
    for end in 1..file.len() {
        let cut = ingest(&file[..end]);
        assert!(whole.starts_with(&cut.records), "at {end}: {:?}", cut.records);
        assert_eq!(cut.letters.len(), 1, "at {end}: {:?}", cut.details());
    }
}

#[test]
fn a_flipped_bit_in_a_packed_file_is_noticed() {
    let lines = many_lines(5_000);
    for file in [gzip(&lines), zip(&[("x", &lines)])] {
        let mut flipped = file.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x10;
        let damaged = ingest(&flipped);
        let last = damaged.letters.last().unwrap();
        assert_eq!((last.from, last.reason.as_str()), (last.to, "corrupt"));
    }
}

#[test]
fn padding_behind_gzip_data_is_nothing_and_anything_else_is_something() {
    for padding in [&b"\n"[..], b"\0\0\0", b" \r\n\0"] {
        assert_eq!(ingest(&[&gzip(TWO), padding].concat()).letters, []);
    }
    let behind = ingest(&[&gzip(TWO), &b"\nmore"[..]].concat());
    assert_eq!((behind.texts().len(), behind.fates()), (2, vec![(2, 2, "corrupt")]));
}

#[test]
fn one_damaged_member_of_a_zip_does_not_cost_the_others() {
    let lines = many_lines(5_000);
    let mut file = zip(&[("a", TWO), ("b", &lines), ("c", b"{\"c\":1}")]);
    let middle = file.len() / 2;
    file[middle] ^= 0xFF;
    file[middle + 1] ^= 0xFF;
    let damaged = ingest(&file);
    assert_eq!(damaged.texts()[..2], ["{\"a\":1}", "{\"a\":2}"]);
    assert_eq!(*damaged.texts().last().unwrap(), "{\"c\":1}");
    assert!(damaged.details().iter().any(|d| d.starts_with("member b: not readable")));
}

#[test]
fn packed_too_often_is_refused() {
    let mut file = TWO.to_vec();
    for layers in 1..=6 {
        file = gzip(&file);
        let ingested = ingest(&file);
        if layers <= 4 {
            assert_eq!((ingested.texts().len(), ingested.letters.len()), (2, 0));
        } else {
            assert_eq!(ingested.details(), ["packed more than 4 times"]);
        }
    }
}

#[test]
fn a_bomb_ends_and_keeps_what_came_before() {
    // More than 1 GiB of one line, some 100 KB packed.
    let bomb = {
        let mut packed = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        packed.write_all(b"{\"a\":1}\n").unwrap();
        let piece = vec![b'x'; 1 << 20];
        (0..1_100).for_each(|_| packed.write_all(&piece).unwrap());
        packed.finish().unwrap()
    };
    assert!(bomb.len() < 1 << 20);
    let ingested = ingest(&zip(&[("a", &bomb), ("b", TWO)]));
    assert_eq!(ingested.texts(), ["{\"a\":1}"]);
    assert_eq!(ingested.fates(), [(1, 1, "size")]);
    assert!(ingested.details()[0].ends_with("the file unpacks to more than 1073741824 bytes"));
}

#[test]
fn remarks_beyond_a_screenful_are_counted() {
    let names: Vec<String> = (0..REMARKS_MAX + 40).map(|n| format!("{n}.bin")).collect();
    let members: Vec<(&str, &[u8])> =
        names.iter().map(|name| (&name[..], &b"\0\x01"[..])).collect();
    let ingested = ingest(&zip(&members));
    assert_eq!(ingested.letters.len(), REMARKS_MAX + 1);
    assert_eq!(*ingested.details().last().unwrap(), "and 40 more faults like these");
}
