//! Payloads of log datapoints, and the whole of what a reader makes of some bytes.

use cordon_container::{ContainerFault, ReadLimits, SectionReader, SectionSummary, SectionWriter};
use cordon_records::{
    Body, Digest, Edge, Element, FileOrigin, Finding, FindingId, LogDatapoint, LogOrigin, Node,
    NodeKey, Origin, Property, schema,
};
use proptest::prelude::*;

/// A payload and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) lines: Vec<Vec<u8>>,
    pub(crate) section_datapoints: usize,
    pub(crate) sections: Vec<SectionSummary>,
    pub(crate) bytes: Vec<u8>,
}

impl Payload {
    pub(crate) fn write(lines: &[Vec<u8>], section_datapoints: usize) -> Self {
        let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
        let mut sections = Vec::new();
        for section in datapoints(lines).chunks(section_datapoints) {
            section.iter().for_each(|datapoint| writer.append(datapoint).unwrap());
            sections.push(writer.finish_section().unwrap());
        }
        if sections.is_empty() {
            sections.push(writer.finish_section().unwrap());
        }
        Self { lines: lines.to_vec(), section_datapoints, sections, bytes: writer.into_inner() }
    }
}

/// Lines as datapoints of one file.
pub(crate) fn datapoints(lines: &[Vec<u8>]) -> Vec<LogDatapoint<'_>> {
    let sha256 = Digest::of(b"a file");
    (0..)
        .zip(lines)
        .map(|(record, line)| LogDatapoint {
            origin: Origin::File(FileOrigin { sha256, record: record % 50 }),
            line,
        })
        .collect()
}

/// Payloads of up to 40 lines in one or more sections; some lines are large, so that blocks end
/// in every place.
pub(crate) fn payload() -> impl Strategy<Value = Payload> {
    let line = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (0..255_u8, 1_usize..200_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    (prop::collection::vec(line, 1..40), 1_usize..40)
        .prop_map(|(lines, section_datapoints)| Payload::write(&lines, section_datapoints))
}

/// Every line that can be read, and the fault that ended it.
pub(crate) fn read_all(bytes: &[u8]) -> (Vec<Vec<u8>>, Option<ContainerFault>) {
    read_from(bytes, 0)
}

/// The same from `index` on.
pub(crate) fn read_from(bytes: &[u8], index: u64) -> (Vec<Vec<u8>>, Option<ContainerFault>) {
    let mut lines = Vec::new();
    let opened = SectionReader::open(bytes, &schema::LOG_DATAPOINT, None, ReadLimits::default());
    let mut reader = match opened {
        Ok(reader) => reader,
        Err(fault) => return (lines, Some(fault)),
    };
    reader.skip_to(index);
    loop {
        match reader.next::<LogDatapoint>() {
            Ok(Some((found, datapoint))) => {
                assert_eq!(found, index + lines.len() as u64, "indexes run on");
                lines.push(datapoint.line.to_vec());
            }
            Ok(None) => return (lines, None),
            Err(fault) => return (lines, Some(fault)),
        }
    }
}

/// An element with one property: a node, or for odd numbers an edge.
pub(crate) fn element(n: i64) -> Element {
    let key = NodeKey([n as u8; 16]);
    let body = match n % 2 {
        0 => Body::Node(Node { kind: "process".into(), key }),
        _ => Body::Edge(Edge { source: key, label: "launched".into(), target: NodeKey([7; 16]) }),
    };
    let property = Property {
        name: "cmd_line".into(),
        values: [format!("cmd.exe /c {n} é").into(), "".into()].into_iter().collect(),
        time_ms: -n,
        conflicts: vec![n, i64::MAX],
        overflow: n % 3 == 0,
    };
    Element { home: key, first_seen_ms: n, last_seen_ms: n + 1, body, properties: vec![property] }
}

/// A finding over a datapoint from a file, or for odd numbers from pack.
pub(crate) fn finding(n: i64) -> Finding {
    let origin = match n % 2 {
        0 => Origin::File(FileOrigin { sha256: Digest::of(b"a file"), record: n }),
        _ => Origin::Log(LogOrigin { topic: "raw".into(), partition: 3, offset: n }),
    };
    Finding {
        id: FindingId([n as u8; 16]),
        rule_id: format!("rule {n}"),
        title: "Suspicious é".into(),
        level: "high".into(),
        tags: vec!["attack.t1003.001".into(); n as usize % 3],
        origin,
        time_ms: (n % 5 > 0).then_some(n),
        device: "pc01".into(),
        nodes: vec![NodeKey([n as u8; 16]); n as usize % 4],
        summary: "so it was".into(),
    }
}
