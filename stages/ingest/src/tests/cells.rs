//! Cells that follow each other.

use proptest::prelude::*;

use super::*;
use crate::recognise::HEAD_BYTES;

/// Cells of at most `step` records until the file is done.
pub(super) fn in_steps(file: &[u8], step: i64) -> Ingested {
    let mut all = Ingested::default();
    loop {
        let from = all.news.to;
        let at_bytes = all.news.resume_at_bytes.unwrap_or(0);
        let job = FileJob {
            input: at_bytes..file.len() as i64,
            at_bytes,
            ..whole_job(file, from..from + step)
        };
        let next = cell(&job, file, Vec::new());
        assert!(next.news.is_end || next.news.to > from, "a cell does something");
        all.records.extend(next.records);
        all.letters.extend(next.letters);
        all.news = next.news;
        if all.news.is_end {
            return all;
        }
    }
}

/// Cells that each see a window of a file that is too large to be given whole.
fn in_windows(file: &[u8], window_bytes: usize) -> Ingested {
    let mut all = Ingested::default();
    loop {
        let at = all.news.resume_at_bytes.unwrap_or(0) as usize;
        let window = &file[at..(at + window_bytes).min(file.len())];
        let before = match at {
            0 => Vec::new(),
            _ => [&file[..HEAD_BYTES.min(at - 1)], &file[at - 1..at]].concat(),
        };
        let input = [&before[..], window].concat();
        let job = FileJob {
            input: before.len() as i64..input.len() as i64,
            at_bytes: at as i64,
            ..whole_job(file, all.news.to..i64::MAX)
        };
        let next = cell(&job, &input, Vec::new());
        all.records.extend(next.records);
        all.letters.extend(next.letters);
        let resume = next.news.resume_at_bytes.map_or(at, |resume| resume as usize);
        assert!(next.news.is_end || resume > at, "a window is progress: {at}");
        all.news = next.news;
        if all.news.is_end {
            return all;
        }
    }
}

fn line(garbage: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-z]{0,30}".prop_map(|text| format!("{{\"a\":\"{text}\"}}")),
        1 => garbage,
        1 => Just(String::new()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    text_of("[a-z{}\"]{0,20}")
}

/// Lines, or a list, some of them garbage.
fn text_of(garbage: &'static str) -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(line(garbage), 0..30);
    (lines, any::<bool>()).prop_map(|(lines, is_list)| {
        if is_list {
            format!("[{{}},\n{}]", lines.join(",\n"))
        } else {
            format!("{{}}\n{}\n", lines.join("\n"))
        }
    })
}

fn utf16(text: &[u8]) -> Vec<u8> {
    let text = format!("\u{FEFF}{}", String::from_utf8_lossy(text));
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    (text(), text(), 0..7).prop_map(|(one, other, packing)| {
        let (one, other) = (one.as_bytes(), other.as_bytes());
        match packing {
            0 => one.to_vec(),
            1 => gzip(one),
            2 => zip(&[("a", one), ("dir/", b""), ("b", other), ("c", b"\0")]),
            3 => gzip(&tar(&[("a", one), ("b", b"\0"), ("c", b"\0"), ("d.zst", &zstd(other))])),
            4 => tar(&[("a.zip", &zip(&[("a", one)])), ("b", other)]),
            5 => zip(&[("a", &gzip(one)[..one.len().min(20)]), ("b", other)]),
            _ => utf16(one),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn however_a_file_is_cut_into_cells_the_datapoints_and_letters_are_the_same(
        file in file(), step in 1_i64..40
    ) {
        let whole = ingest(&file);
        let pieces = in_steps(&file, step);
        prop_assert_eq!(&pieces.records, &whole.records);
        prop_assert_eq!(&pieces.letters, &whole.letters);
        prop_assert_eq!(pieces.news.to, whole.news.to);
        prop_assert_eq!(pieces.news.members_read, whole.news.members_read);
        prop_assert_eq!(pieces.news.members_passed_over, whole.news.members_passed_over);
    }

    #[test]
    fn windows_of_a_plain_file_give_what_the_whole_does(
        // No brace or quote that another line would close: no record is larger than a window.
        text in text_of("[a-z]{0,20}"), window_bytes in 60_usize..200
    ) {
        let whole = ingest(text.as_bytes());
        let pieces = in_windows(text.as_bytes(), window_bytes);
        prop_assert_eq!(pieces.records, whole.records);
        prop_assert_eq!(pieces.letters, whole.letters);
    }

    #[test]
    fn any_bytes_end(bytes: Vec<u8>, packing in 0..4) {
        ingest(&match packing {
            0 => bytes,
            1 => [b"PK\x03\x04".to_vec(), bytes].concat(),
            2 => [b"ElfFile\0".to_vec(), bytes].concat(),
            _ => gzip(&bytes),
        });
    }
}

#[test]
fn a_line_longer_than_its_window_is_one_letter() {
    let long = "x".repeat(5 << 20);
    let file = format!("{{\"a\":1}}\n{{\"a\":\"{long}\"}}\n{{\"a\":2}}\n");
    for window_bytes in [crate::LINE_BYTES_MAX + 100, 4 << 20] {
        let pieces = in_windows(file.as_bytes(), window_bytes);
        assert_eq!(pieces.texts(), ["{\"a\":1}", "{\"a\":2}"]);
        assert_eq!(pieces.fates(), [(1, 2, "size")]);
    }
}

#[test]
fn an_object_larger_than_its_window_ends_a_list() {
    let long = "x".repeat(5 << 20);
    let file = format!("[{{\"a\":1}},\n{{\"a\":\"{long}\"}},\n{{\"a\":2}}]");
    let pieces = in_windows(file.as_bytes(), 4 << 20);
    assert_eq!(pieces.texts(), ["{\"a\":1}"]);
    assert_eq!(pieces.fates(), [(1, 1, "corrupt"), (1, 2, "size")]);
}

#[test]
fn only_plain_json_may_be_larger_than_what_a_cell_is_given() {
    let file = gzip(&many_lines(1_000));
    let half = file.len() as i64 / 2;
    let job = FileJob { input: 0..half, ..whole_job(&file, 0..i64::MAX) };
    let ingested = cell(&job, &file[..half as usize], Vec::new());
    assert!(ingested.details()[0].contains("only plain JSON may be that large"));
    assert!(ingested.news.is_end && ingested.records.is_empty());
}

#[test]
fn a_cell_stops_when_it_has_written_enough() {
    const RECORDS: u32 = 160_000;
    // Hex of hashes is halved, and no more.
    let mut lines = Vec::new();
    for line in 0..RECORDS {
        let hash = |n: u32| Digest::of(&(16 * line + n).to_le_bytes()).to_string();
        let hashes: String = (0..16).map(hash).collect();
        lines.extend_from_slice(format!("{{\"h\":\"{hashes}\"}}\n").as_bytes());
    }
    let first = cell(&whole_job(&lines, 0..i64::MAX), &lines, Vec::new());
    assert!(!first.news.is_end);
    assert!(first.news.resume_at_bytes.is_some_and(|at| at > 64 << 20));
    let all = in_steps(&lines, i64::MAX / 2);
    assert_eq!((all.records.len(), all.letters.len()), (RECORDS as usize, 0));
}

#[test]
fn a_sentenced_record_has_its_letter_and_is_not_looked_at() {
    let sentenced = |index| Sentenced {
        part: 0,
        index,
        reason: "crash".to_owned(),
        detail: "killed by SIGSEGV".to_owned(),
        excerpt: b"excerpt".to_vec(),
    };
    let file = gzip(b"{\"a\":0}\n{\"a\":1}\n{\"a\":2}\n");
    let all = cell(&whole_job(&file, 0..i64::MAX), &file, vec![sentenced(1)]);
    assert_eq!(all.texts(), ["{\"a\":0}", "{\"a\":2}"]);
    assert_eq!(all.fates(), [(1, 2, "crash")]);
    assert_eq!(all.letters[0].excerpt, b"excerpt");
    let rest = cell(&whole_job(&file, 2..i64::MAX), &file, vec![sentenced(1)]);
    assert_eq!((rest.texts(), rest.letters.len()), (vec!["{\"a\":2}"], 0));
}

#[test]
fn each_record_is_announced_before_it_is_read() {
    let file = gzip(b"{\"a\":0}\nbad\n{\"a\":2}\n");
    let mut kept = Kept::default();
    crate::run(&whole_job(&file, 1..i64::MAX).to_job(Vec::new()), &file, &mut kept).unwrap();
    assert_eq!(kept.marks, [0, 1, 2, 3]);
}
