//! The committed schemas and their fingerprints.

use std::sync::LazyLock;

use serde_avro_fast::Schema;

/// CRC-64-AVRO of a schema's Parsing Canonical Form (Avro specification, "Schema Fingerprints").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// As a pointer carries it: the same bits as a signed long.
    pub fn to_long(self) -> i64 {
        self.0.cast_signed()
    }

    /// From a pointer's signed long.
    pub fn from_long(long: i64) -> Self {
        Self(long.cast_unsigned())
    }
}

/// One committed version of a schema.
pub struct Version {
    /// The file's name, such as `pointer.v1`.
    pub name: &'static str,
    /// The schema as committed: what a container's header holds.
    pub json: &'static str,
    /// Parsed for the codec.
    pub schema: Schema,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

/// Every committed version of one record, newest last. All of them stay readable for ever.
pub struct Family {
    /// Oldest first.
    pub versions: Vec<Version>,
}

impl Family {
    /// The version that is written.
    #[expect(clippy::missing_panics_doc, reason = "a family is never empty: see `family!`")]
    pub fn current(&self) -> &Version {
        self.versions.last().expect("a family has a version")
    }

    /// The version with this fingerprint.
    pub fn find(&self, fingerprint: Fingerprint) -> Option<&Version> {
        self.versions.iter().find(|version| version.fingerprint == fingerprint)
    }
}

fn version(name: &'static str, json: &'static str) -> Version {
    let schema: Schema = json.parse().unwrap_or_else(|e| panic!("schema {name}: {e}"));
    let fingerprint = Fingerprint(u64::from_le_bytes(*schema.rabin_fingerprint()));
    Version { name, json, schema, fingerprint }
}

macro_rules! families {
    ($($(#[$doc:meta])* $family:ident: [$($file:literal),+];)*) => {
        $($(#[$doc])*
        pub static $family: LazyLock<Family> = LazyLock::new(|| Family {
            versions: vec![$(version($file, include_str!(concat!("../../schemas/", $file, ".avsc")))),+],
        });)*

        /// Every family, for tests and tools.
        pub fn all() -> Vec<&'static Family> {
            vec![$(&*$family),*]
        }
    };
}

families! {
    /// Pointer events.
    POINTER: ["pointer.v1"];
    /// Receipts.
    RECEIPT: ["receipt.v1", "receipt.v2"];
    /// Dead letters.
    LETTER: ["letter.v1", "letter.v2"];
    /// Metrics.
    METRICS: ["metrics.v1"];
    /// Log datapoints, in payloads.
    LOG_DATAPOINT: ["log_datapoint.v1"];
    /// Graph elements, in payloads.
    ELEMENT: ["element.v1"];
    /// Findings, in payloads.
    FINDING: ["finding.v1"];
    /// Saved Kafka records of a demo.
    LOG_RECORD: ["log_record.v1"];
    /// A cell's job; never stored.
    JOB: ["cell/job"];
    /// A cell's report; never stored.
    REPORT: ["cell/report"];
    /// A chunk's result; never stored.
    FRAME: ["cell/frame"];
}
