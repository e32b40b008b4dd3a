//! Payloads that cannot be read: what came before is kept, and one letter tells of the rest.

use expect_test::{Expect, expect};

use crate::bench::{Batch, VecCell, lines, payload};

/// Five lines in three sections.
fn five() -> Vec<u8> {
    payload(&lines(&["nodes a", "nodes b", "nodes c", "nodes d", "nodes e"]), 2)
}

/// Checks the story, and that a cell which had died while sealing tells the same.
fn check(batch: &Batch, story: Expect) {
    let done = batch.run();
    done.check(&batch.job);
    story.assert_eq(&done.story());
    let died = batch.run_in(VecCell::dying_sealing()).unwrap_err();
    let again = batch.with_frames(&died.frames).run();
    assert_eq!(again.report, done.report);
    assert_eq!(again.output, done.output);
}

#[test]
fn a_truncated_payload_loses_its_rest() {
    let bytes = five();
    let batch = Batch::new().part(&bytes[..bytes.len() - 1], 5).part(&five(), 5);
    check(
        &batch,
        expect![[r#"
            0..5 output 0..4 [4..5 corrupt: truncated ""]
            0..5 output 0..5 n=5
        "#]],
    );
}

#[test]
fn a_damaged_block_loses_its_rest() {
    let mut bytes = five();
    let section_len = bytes.len() / 3;
    // In the block of the second section, before its marker.
    let at = 2 * section_len - 24;
    bytes[at] ^= 0xFF;
    check(
        &Batch::new().part(&bytes, 5),
        expect![[r#"
            0..5 output 0..2 [2..5 corrupt: a block does not decompress ""]
        "#]],
    );
}

#[test]
fn a_payload_of_another_schema_is_one_letter() {
    let mut batch = Batch::new().part(&five(), 5);
    batch.last_part().schema = 1;
    check(
        &batch,
        expect![[r#"
            0..5 [0..5 schema: the pointer names schema 0000000000000001, the payload was written with dcc72a58f2e8c132 ""]
        "#]],
    );
}

#[test]
fn no_payload_at_all_is_one_letter() {
    check(
        &Batch::new().part(b"not avro", 5),
        expect![[r#"
            0..5 [0..5 corrupt: header: this is not an Avro container ""]
        "#]],
    );
}

#[test]
fn a_count_too_high_is_one_letter_for_the_missing() {
    check(
        &Batch::new().part(&five(), 9),
        expect![[r#"
            0..9 output 0..5 [5..9 count: fewer datapoints than the pointer says ""]
        "#]],
    );
}

#[test]
fn a_count_too_low_is_one_letter_at_n() {
    check(
        &Batch::new().part(&five(), 3),
        expect![[r#"
            0..3 output 0..3 [3..3 count: more datapoints than the pointer says ""]
        "#]],
    );
}

#[test]
fn garbage_behind_the_last_datapoint_is_one_letter_at_n() {
    let mut bytes = five();
    bytes.extend(b"garbage");
    check(
        &Batch::new().part(&bytes, 5),
        expect![[r#"
            0..5 output 0..5 [5..5 corrupt: a block's count is out of range ""]
        "#]],
    );
}

#[test]
fn an_empty_payload_may_be_broken_too() {
    check(
        &Batch::new().part(&payload(&[], 1), 0),
        expect![[r#"
            0..0 n=0
        "#]],
    );
    check(
        &Batch::new().part(b"", 0),
        expect![[r#"
            0..0 [0..0 corrupt: header: truncated ""]
        "#]],
    );
}

#[test]
fn a_selection_of_a_broken_payload_speaks_for_the_selected() {
    let bytes = five();
    let mut batch = Batch::new().part(&bytes[..bytes.len() - 1], 5);
    batch.last_part().selection = Some([0, 4].into_iter().collect());
    check(
        &batch,
        expect![[r#"
            0..5 output 0..1 [4..5 corrupt: truncated ""]
        "#]],
    );
}

#[test]
fn a_bomb_is_refused() {
    let bytes = payload(&["nodes a".into(), format!("reject {}", "x".repeat(1 << 20))], 1);
    let mut batch = Batch::new().part(&bytes, 2);
    batch.last_part().decoded_bytes_max = 1 << 20;
    check(
        &batch,
        expect![[r#"
            0..2 output 0..1 [1..2 size: a block decodes to too much ""]
        "#]],
    );
}

mod without_count {
    use super::*;

    fn digestless(bytes: &[u8], to: usize) -> Batch {
        let mut batch = Batch::new().part(bytes, to);
        batch.last_part().datapoints = None;
        batch.last_part().schema = 0;
        batch
    }

    #[test]
    fn the_payload_says_how_many_there_are() {
        check(
            &digestless(&five(), 1 << 20),
            expect![[r#"
                0..5 output 0..5 n=5
            "#]],
        );
    }

    #[test]
    fn a_bound_is_not_the_end() {
        check(
            &digestless(&five(), 4),
            expect![[r#"
                0..4 output 0..4
            "#]],
        );
        check(
            &digestless(&five(), 5),
            expect![[r#"
                0..5 output 0..5 n=5
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_read_is_surplus() {
        let bytes = five();
        check(
            &digestless(&bytes[..bytes.len() - 1], 1 << 20),
            expect![[r#"
                0..4 output 0..4 [4..4 corrupt: truncated ""] n=4
            "#]],
        );
        check(
            &digestless(b"not avro", 1 << 20),
            expect![[r#"
                0..0 [0..0 corrupt: header: this is not an Avro container ""] n=0
            "#]],
        );
    }

    #[test]
    fn a_selection_bounds_it() {
        let mut batch = digestless(&five(), 8);
        batch.last_part().selection = Some([1, 7].into_iter().collect());
        check(
            &batch,
            expect![[r#"
                0..8 output 1..2 [7..8 count: fewer datapoints than the pointer says ""]
            "#]],
        );
    }
}
