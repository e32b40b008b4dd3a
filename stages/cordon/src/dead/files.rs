//! Which file a payload came from: ingest's receipts know.

use std::collections::BTreeMap;

use cordon_records::{Letter, Receipt, Source};
use serde::Serialize;

/// The file that a datapoint was ingested from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Origin {
    /// SHA-256 of the whole file, in hex.
    pub(crate) sha256: String,
    /// Its name, where a receipt tells it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
}

/// Fewer digits of a SHA-256 are too likely a name.
const SHA256_DIGITS_MIN: usize = 6;

impl Origin {
    /// Whether a person means it: by its name, the last part of it, or the beginning of its digest.
    pub(crate) fn is_called(&self, text: &str) -> bool {
        let last = self.name.rsplit('/').next().unwrap_or_default();
        let is_digest = text.len() >= SHA256_DIGITS_MIN && self.sha256.starts_with(text);
        self.name == text || last == text || is_digest
    }
}

/// All files that ingest has receipts of.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Names by digest.
    names: BTreeMap<String, String>,
    /// Digests by the key of a payload.
    payloads: BTreeMap<String, String>,
}

impl Files {
    /// Takes in a receipt. One of ingest covers a range of one file.
    pub(crate) fn add(&mut self, receipt: &Receipt) {
        for input in &receipt.inputs {
            let Source::FileSource { sha256, name } = &input.source else { continue };
            let sha256 = sha256.to_string();
            for output in &receipt.outputs {
                self.payloads.insert(output.key.clone(), sha256.clone());
            }
            self.names.insert(sha256, name.clone());
        }
    }

    /// Where a letter's datapoint came from. Ingest's own letters name their file; a stage's name
    /// a payload, which is ingest's or not.
    pub(crate) fn origin(&self, letter: &Letter) -> Option<Origin> {
        let own = letter.topic.strip_prefix("file:").map(str::to_owned);
        let sha256 = own.or_else(|| self.payloads.get(&letter.key).cloned())?;
        let name = self.names.get(&sha256).cloned().unwrap_or_default();
        Some(Origin { sha256, name })
    }
}

#[cfg(test)]
mod tests {
    use cordon_records::{BatchId, Digest, Input, Lane, Output, Runs};

    use super::*;
    use crate::fixture::letter;

    fn receipt(name: &str, key: &str) -> Receipt {
        let sha256 = Digest::of(name.as_bytes());
        let source = Source::FileSource { sha256, name: name.to_owned() };
        let (output, dead, not_mapped) = (Runs::range(0, 9), Runs::EMPTY, Runs::EMPTY);
        let input = Input {
            source,
            from: 0,
            to: 9,
            output,
            dead,
            not_mapped,
            selection: None,
            redrives: Vec::new(),
        };
        let output = Output {
            topic: "logs".to_owned(),
            partition: 0,
            bucket: "cordon".to_owned(),
            key: key.to_owned(),
            range_start_bytes: 0,
            range_bytes: 1,
            digest: Digest::of(b""),
            datapoints: 9,
        };
        Receipt {
            batch: BatchId::default(),
            stage: "ingest".to_owned(),
            stage_version: String::new(),
            slot: String::new(),
            lane: Lane::Live,
            time_ms: 0,
            inputs: vec![input],
            outputs: vec![output],
            elements_in: 9,
            elements_out: 9,
        }
    }

    #[test]
    fn a_payload_leads_back_to_its_file() {
        let mut of_stage = letter("generate/logs/0/5/3", "rejected", 0);
        let mut files = Files::default();
        assert_eq!(files.origin(&of_stage), None);
        files.add(&receipt("in/a.json", &of_stage.key));
        let origin = files.origin(&of_stage).unwrap();
        assert_eq!(origin.name, "in/a.json");
        assert!(
            ["in/a.json", "a.json", &origin.sha256, &origin.sha256[..6]]
                .iter()
                .all(|text| origin.is_called(text))
        );
        assert!(
            ["json", "n/a.json", &origin.sha256[..5], &origin.sha256[1..]]
                .iter()
                .all(|text| !origin.is_called(text))
        );

        of_stage.key = "another".to_owned();
        assert_eq!(files.origin(&of_stage), None);
        of_stage.topic = format!("file:{}", origin.sha256);
        assert_eq!(files.origin(&of_stage), Some(origin));
    }
}
