//! One value of each stored record, with every field set: what the committed samples hold.

use cordon_records::{
    BatchId, Body, Digest, Edge, Element, FileOrigin, Finding, FindingId, Input, Lane, Letter,
    LogDatapoint, LogOrigin, LogRecord, Metrics, NodeKey, Origin, Output, Pointer, Property,
    Receipt, Runs, Source,
};

pub(crate) fn pointer() -> Pointer {
    Pointer {
        bucket: "payloads".into(),
        key: "logs/1700000000000-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab".into(),
        range_start_bytes: 12,
        range_bytes: 345,
        digest: Some(Digest([0xAB; 32])),
        datapoints: Some(64),
        decoded_bytes: 6789,
        schema: -5,
        time_min_ms: Some(1_600_000_000_000),
        time_max_ms: Some(1_700_000_000_000),
        stage: "generate".into(),
        stage_version: "0.1.0".into(),
        selection: Some([3, 4, 9].into_iter().collect()),
        redrives: vec!["generate/logs/0/17/3".into(), "generate/logs/0/17/9".into()],
    }
}

pub(crate) fn receipt() -> Receipt {
    let sources = [
        Source::PointerSource {
            topic: "logs".into(),
            partition: 3,
            offset: 17,
            key: pointer().key,
            digest: Some(Digest([0xAB; 32])),
            datapoints: None,
        },
        Source::RawSource { topic: "raw".into(), partition: 1 },
        Source::FileSource { sha256: Digest([1; 32]), name: "é.json".into() },
    ];
    let inputs = sources.map(|source| Input {
        source,
        from: 2,
        to: 10,
        output: Runs::range(2, 5),
        dead: [6].into_iter().collect(),
        not_mapped: [5, 7, 8, 9].into_iter().collect(),
        selection: Some(Runs::range(0, 10)),
        redrives: vec!["generate/logs/0/17/3".into()],
    });
    Receipt {
        batch: BatchId([9; 16]),
        stage: "generate".into(),
        stage_version: "0.1.0".into(),
        slot: "generate-0".into(),
        lane: Lane::Replay,
        time_ms: 1_700_000_000_000,
        inputs: inputs.into(),
        outputs: vec![Output {
            topic: "subgraphs".into(),
            partition: 2,
            bucket: "payloads".into(),
            key: "subgraphs/1700000000001-7f3f2b1e-9c4d-4a8b-8e21-0123456789ab".into(),
            range_start_bytes: 0,
            range_bytes: 99,
            digest: Digest([2; 32]),
            datapoints: 7,
        }],
        elements_in: 12,
        elements_out: 7,
    }
}

pub(crate) fn letter() -> Letter {
    Letter {
        id: "generate/logs/3/17/6".into(),
        batch: BatchId([9; 16]),
        stage: "generate".into(),
        stage_version: "0.1.0".into(),
        time_ms: 1_700_000_000_000,
        topic: "logs".into(),
        partition: 3,
        offset: 17,
        from: 6,
        to: 7,
        bucket: "payloads".into(),
        key: pointer().key,
        reason: "panic".into(),
        detail: "index out of bounds".into(),
        attempts: 1,
        excerpt: b"\xFF{\"EventID\":1".to_vec(),
        redrives: vec!["generate/logs/3/16/6".into()],
    }
}

pub(crate) fn metrics() -> Metrics {
    Metrics {
        stage: "generate".into(),
        stage_version: "0.1.0".into(),
        slot: "generate-0".into(),
        time_ms: 1_700_000_000_000,
        counters: [("batches".into(), 3), ("datapoints".into(), 4096)].into(),
        gauges: [("cpu".into(), 0.25), ("lag".into(), -1.5)].into(),
        notes: vec!["landlock: signal scope missing".into()],
    }
}

pub(crate) fn log_datapoint() -> LogDatapoint<'static> {
    let origin = LogOrigin { topic: "raw".into(), partition: 1, offset: 1 << 40 };
    LogDatapoint { origin: Origin::Log(origin), line: b"{\"EventID\":1}" }
}

pub(crate) fn element() -> Element {
    Element {
        home: NodeKey([1; 16]),
        first_seen_ms: 1_600_000_000_000,
        last_seen_ms: 1_700_000_000_000,
        body: Body::Edge(Edge {
            source: NodeKey([2; 16]),
            label: "launched".into(),
            target: NodeKey([3; 16]),
        }),
        properties: vec![Property {
            name: "cmd_line".into(),
            values: ["cmd.exe".into(), "é".into()].into_iter().collect(),
            time_ms: 1_650_000_000_000,
            conflicts: vec![i64::MIN, 0, i64::MAX],
            overflow: true,
        }],
    }
}

pub(crate) fn finding() -> Finding {
    Finding {
        id: FindingId([4; 16]),
        rule_id: "5af54681-df95-4c26-854f-2565e13cfab0".into(),
        title: "LSASS access".into(),
        level: "high".into(),
        tags: vec!["attack.t1003.001".into()],
        origin: Origin::File(FileOrigin { sha256: Digest([5; 32]), record: 12 }),
        time_ms: Some(1_700_000_000_000),
        device: "pc01".into(),
        nodes: vec![NodeKey([1; 16]), NodeKey([2; 16])],
        summary: "a.exe opened lsass.exe".into(),
    }
}

pub(crate) fn log_record() -> LogRecord {
    LogRecord {
        partition: 3,
        offset: 17,
        timestamp_ms: 1_700_000_000_000,
        key: Some(b"key".to_vec()),
        value: b"\xC3\x01value".to_vec(),
    }
}
