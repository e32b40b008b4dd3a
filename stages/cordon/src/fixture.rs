//! Letters, pointers and receipts for tests.

use cordon_records::{BatchId, Input, Lane, Letter, Pointer, Receipt, Runs, Source};

/// Where payloads of tests lie.
pub(crate) const BUCKET: &str = "cordon";
/// A payload of tests.
pub(crate) const KEY: &str = "logs/1700000000000-6f1ddc2a-58a4-4f0c-8d5d-3c1e0b8a9f10";

/// A pointer to some bytes of which nothing more is known.
pub(crate) fn pointer() -> Pointer {
    Pointer {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        range_start_bytes: 0,
        range_bytes: 9,
        digest: None,
        datapoints: None,
        decoded_bytes: 9,
        schema: 0,
        time_min_ms: None,
        time_max_ms: None,
        stage: "ingest".to_owned(),
        stage_version: "1".to_owned(),
        selection: None,
        redrives: Vec::new(),
    }
}

/// A receipt of live inputs, without output.
pub(crate) fn receipt(inputs: Vec<Input>) -> Receipt {
    Receipt {
        batch: BatchId::default(),
        stage: "generate".to_owned(),
        stage_version: "1".to_owned(),
        slot: String::new(),
        lane: Lane::Live,
        time_ms: 0,
        inputs,
        outputs: Vec::new(),
        elements_in: 0,
        elements_out: 0,
    }
}

/// An input of which everything in the range went into the output.
pub(crate) fn input(source: Source, from: i64, to: i64) -> Input {
    Input {
        source,
        from,
        to,
        output: Runs::range(from, to),
        dead: Runs::EMPTY,
        not_mapped: Runs::EMPTY,
        selection: None,
        redrives: Vec::new(),
    }
}

/// A pointer with 100 datapoints, as receipts name it.
pub(crate) fn source(topic: &str, partition: i32, offset: i64, key: &str) -> Source {
    Source::PointerSource {
        topic: topic.to_owned(),
        partition,
        offset,
        key: key.to_owned(),
        digest: None,
        datapoints: Some(100),
    }
}

/// A letter with this id for one datapoint.
pub(crate) fn letter(id: &str, reason: &str, time_ms: i64) -> Letter {
    let parts: Vec<&str> = id.split('/').collect();
    let [stage, topic, partition, offset, index] = parts[..] else { panic!("{id} is no id") };
    let from: i64 = index.parse().unwrap();
    Letter {
        id: id.to_owned(),
        batch: BatchId([7; 16]),
        stage: stage.to_owned(),
        stage_version: "0.1.0".to_owned(),
        time_ms,
        topic: topic.to_owned(),
        partition: partition.parse().unwrap(),
        offset: offset.parse().unwrap(),
        from,
        to: from + 1,
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        reason: reason.to_owned(),
        detail: "no object".to_owned(),
        attempts: 1,
        excerpt: b"{\"a\":".to_vec(),
        redrives: Vec::new(),
    }
}
