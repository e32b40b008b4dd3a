//! A finding: its identity, and what it says.

use cordon_flow::{Event, Field, node_keys};
use cordon_records::{Finding, FindingId, NodeKey, Origin};
use rsigma_eval::result::RuleHeader;
use sha2::{Digest as _, Sha256};

use crate::{
    text::{cut, escape},
    view::View,
};

/// Longest summary: one line on a terminal or in a ticket.
pub const SUMMARY_BYTES_MAX: usize = 512;

/// Longest host name that is kept: DNS allows 253.
const DEVICE_BYTES_MAX: usize = 255;

/// Longest value in a summary, so that one long command line leaves room for the rest.
const VALUE_BYTES_MAX: usize = 200;

/// What a summary tells, as far as the event has it.
const SUMMARY_FIELDS: &[&str] = &[
    "EventID",
    "Image",
    "SourceImage",
    "CommandLine",
    "ParentImage",
    "TargetImage",
    "GrantedAccess",
    "TargetFilename",
    "TargetObject",
    "Details",
    "ImageLoaded",
    "PipeName",
    "QueryName",
    "DestinationIp",
    "DestinationPort",
    "ServiceName",
    "TaskName",
    "ScriptBlockText",
    "User",
    "SubjectUserName",
    "TargetUserName",
];

/// The identity of a finding, so that a replay gives the same: the first 16 bytes of the SHA-256
/// over the parts below, each text preceded by its length in bytes, 4 bytes, big-endian.
///
/// ```text
/// file: part(rule id) 0 sha256 (32 bytes) record (8 bytes, big-endian)
/// log:  part(rule id) 1 part(topic) partition (4 bytes) offset (8 bytes)
/// ```
pub fn finding_id(rule_id: &str, origin: &Origin<'_>) -> FindingId {
    let mut hash = Sha256::new();
    let part = |hash: &mut Sha256, text: &str| {
        let len = u32::try_from(text.len()).expect("a rule id and a topic are below 4 GiB");
        hash.update(len.to_be_bytes());
        hash.update(text);
    };
    part(&mut hash, rule_id);
    match origin {
        Origin::File(file) => {
            hash.update([0]);
            hash.update(file.sha256.0);
            hash.update(file.record.to_be_bytes());
        }
        Origin::Log(log) => {
            hash.update([1]);
            part(&mut hash, &log.topic);
            hash.update(log.partition.to_be_bytes());
            hash.update(log.offset.to_be_bytes());
        }
    }
    let digest: [u8; 32] = hash.finalize().into();
    let (head, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
    FindingId(*head)
}

/// What all findings of one event share.
pub(crate) struct Facts {
    origin: Origin<'static>,
    time_ms: Option<i64>,
    device: String,
    nodes: Vec<NodeKey>,
    summary: String,
}

impl Facts {
    pub(crate) fn of(event: &Event<'_>, view: &View<'_>, origin: &Origin<'_>) -> Self {
        let mut nodes = node_keys(event);
        nodes.sort_unstable();
        nodes.dedup();
        Self {
            origin: origin.clone().into_owned(),
            time_ms: event.time_ms(),
            device: cut(event.get(Field::Computer).unwrap_or_default(), DEVICE_BYTES_MAX)
                .to_owned(),
            nodes,
            summary: summary(view),
        }
    }

    pub(crate) fn finding(&self, rule: RuleHeader) -> Finding {
        let rule_id = rule.rule_id.unwrap_or_default();
        Finding {
            id: finding_id(&rule_id, &self.origin),
            rule_id,
            title: rule.rule_title,
            level: rule.level.map_or("informational", |level| level.as_str()).to_owned(),
            tags: rule.tags,
            origin: self.origin.clone(),
            time_ms: self.time_ms,
            device: self.device.clone(),
            nodes: self.nodes.clone(),
            summary: self.summary.clone(),
        }
    }
}

/// One line for a person: `name=value` of what matters, free of what a terminal would obey.
fn summary(view: &View<'_>) -> String {
    let mut summary = String::new();
    for name in SUMMARY_FIELDS {
        let Some(value) = view.text(name).filter(|value| !matches!(&**value, "" | "-")) else {
            continue;
        };
        if !summary.is_empty() {
            summary.push(' ');
        }
        summary.push_str(name);
        summary.push('=');
        escape(cut(&value, VALUE_BYTES_MAX), &mut summary);
    }
    let len = cut(&summary, SUMMARY_BYTES_MAX).len();
    summary.truncate(len);
    summary
}

#[cfg(test)]
mod tests {
    use cordon_records::{Digest, FileOrigin, LogOrigin};

    use super::*;
    use crate::view::Wanted;

    /// Recomputed with `hashlib`: `sha256(b"\0\0\0\x01r" + b"\0" + b"\7" * 32 + b"\0" * 7 + b"\5")`
    /// and `sha256(b"\0\0\0\x01r" + b"\1" + b"\0\0\0\x03raw" + b"\0\0\0\2" + b"\0" * 7 + b"\x09")`.
    #[test]
    fn an_id_is_the_documented_hash() {
        let file = Origin::File(FileOrigin { sha256: Digest([7; 32]), record: 5 });
        assert_eq!(finding_id("r", &file).to_string(), "ddd27740a6b8af4f387acec01bde7870");
        let log = Origin::Log(LogOrigin { topic: "raw".into(), partition: 2, offset: 9 });
        assert_eq!(finding_id("r", &log).to_string(), "3e3d63135a22b1825cd2f8d9eedf9083");
    }

    #[test]
    fn a_summary_is_one_line_and_no_terminal_obeys_it() {
        let line =
            r#"{"EventID":1,"Image":"a\u001b[2Jb\r\nc","CommandLine":"x\u202Ey","User":"-"}"#;
        let view = View::parse(line.as_bytes(), true, Wanted::All).expect("it parses");
        assert_eq!(summary(&view), r"EventID=1 Image=a\u{1b}[2Jb\r\nc CommandLine=x\u{202e}y");
    }

    #[test]
    fn a_summary_is_bounded_and_cut_between_characters() {
        let long = "ü".repeat(1000);
        let line = format!(r#"{{"Image":"{long}","CommandLine":"{long}","ParentImage":"{long}"}}"#);
        let view = View::parse(line.as_bytes(), true, Wanted::All).expect("it parses");
        let summary = summary(&view);
        assert!(
            summary.len() <= SUMMARY_BYTES_MAX && summary.contains("ParentImage="),
            "{summary}"
        );
    }
}
