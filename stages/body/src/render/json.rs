//! How each kind of datapoint looks as a JSON object.

use std::collections::BTreeMap;

use cordon_records::{Body, Element, Finding, LogDatapoint, Origin, Property};
use serde::Serialize;

/// `{"origin":{…},"line":"…"}`. The line stays text: it may be no JSON at all.
pub(super) fn log(log: &LogDatapoint<'_>, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Line<'a> {
        origin: OriginView<'a>,
        line: &'a str,
    }
    let line = String::from_utf8_lossy(log.line);
    put(&Line { origin: OriginView::of(&log.origin), line: &line }, out);
}

/// `{"node":"process","key":"…",…}` or `{"edge":"launched","source":"…","target":"…",…}`.
pub(super) fn element(element: &Element, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct View<'a> {
        #[serde(flatten)]
        body: BodyView<'a>,
        home: String,
        first_seen_ms: i64,
        last_seen_ms: i64,
        properties: BTreeMap<&'a str, Vec<&'a str>>,
        /// Immutable properties that were claimed with more than one value.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        conflicts: Vec<&'a str>,
        /// Sets that saw more values than they keep.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        overflows: Vec<&'a str>,
    }
    let named = |is: fn(&Property) -> bool| {
        element.properties.iter().filter(|p| is(p)).map(|p| p.name.as_str()).collect()
    };
    put(
        &View {
            body: BodyView::of(&element.body),
            home: element.home.to_string(),
            first_seen_ms: element.first_seen_ms,
            last_seen_ms: element.last_seen_ms,
            properties: element.properties.iter().map(named_values).collect(),
            conflicts: named(|p| !p.conflicts.is_empty()),
            overflows: named(|p| p.overflow),
        },
        out,
    );
}

fn named_values(property: &Property) -> (&str, Vec<&str>) {
    (&property.name, property.values.iter().map(|value| value.as_str()).collect())
}

/// `{"id":"…","rule_id":"…",…}`, the fields of the record.
pub(super) fn finding(finding: &Finding, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct View<'a> {
        id: String,
        rule_id: &'a str,
        title: &'a str,
        level: &'a str,
        tags: &'a [String],
        time_ms: Option<i64>,
        device: &'a str,
        summary: &'a str,
        nodes: Vec<String>,
        origin: OriginView<'a>,
    }
    put(
        &View {
            id: finding.id.to_string(),
            rule_id: &finding.rule_id,
            title: &finding.title,
            level: &finding.level,
            tags: &finding.tags,
            time_ms: finding.time_ms,
            device: &finding.device,
            summary: &finding.summary,
            nodes: finding.nodes.iter().map(ToString::to_string).collect(),
            origin: OriginView::of(&finding.origin),
        },
        out,
    );
}

#[derive(Serialize)]
#[serde(untagged)]
enum BodyView<'a> {
    Node { node: &'a str, key: String },
    Edge { edge: &'a str, source: String, target: String },
}

impl<'a> BodyView<'a> {
    fn of(body: &'a Body) -> Self {
        match body {
            Body::Node(node) => Self::Node { node: &node.kind, key: node.key.to_string() },
            Body::Edge(edge) => Self::Edge {
                edge: &edge.label,
                source: edge.source.to_string(),
                target: edge.target.to_string(),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum OriginView<'a> {
    File { file: String, record: i64 },
    Log { topic: &'a str, partition: i32, offset: i64 },
}

impl<'a> OriginView<'a> {
    fn of(origin: &'a Origin<'_>) -> Self {
        match origin {
            Origin::File(file) => Self::File { file: file.sha256.to_string(), record: file.record },
            Origin::Log(log) => {
                Self::Log { topic: &log.topic, partition: log.partition, offset: log.offset }
            }
        }
    }
}

fn put(view: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, view).expect("a view has string keys, and memory does not fail");
}

/// Escapes DEL and the C1 controls in a JSON text that begins at `start`. JSON itself escapes
/// only C0; a terminal obeys these too, and a log line can hold them.
pub(super) fn escape_controls(out: &mut Vec<u8>, start: usize) {
    let is_control = |c: char| matches!(c, '\u{7f}'..='\u{9f}');
    let text = str::from_utf8(&out[start..]).expect("JSON is UTF-8");
    if !text.contains(is_control) {
        return;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for c in text.chars() {
        if is_control(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    out.truncate(start);
    out.extend_from_slice(escaped.as_bytes());
}
