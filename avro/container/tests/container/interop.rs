//! Other implementations of Avro: what they write we read, and what we write they read.

use std::{path::PathBuf, process::Command};

use apache_avro::{Codec, Reader, Schema, Writer, ZstandardSettings, types::Value};
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_records::{
    Datum, Element, Finding, LogDatapoint, Origin,
    schema::{self, Family},
};
use serde::de::DeserializeOwned;

use crate::payload::{Payload, datapoints, element, finding, read_all};

fn lines() -> Vec<Vec<u8>> {
    (0..2000).map(|n| format!("{{\"n\":{n},\"text\":\"é\"}}").into_bytes()).collect()
}

mod apache {
    use super::*;

    fn value(datapoint: &LogDatapoint<'_>) -> Value {
        let Origin::File(file) = &datapoint.origin else { panic!("all come from a file") };
        let origin = Value::Record(vec![
            ("sha256".into(), Value::Fixed(32, file.sha256.0.to_vec())),
            ("record".into(), Value::Long(file.record)),
        ]);
        Value::Record(vec![
            ("origin".into(), Value::Union(0, Box::new(origin))),
            ("line".into(), Value::Bytes(datapoint.line.to_vec())),
        ])
    }

    #[test]
    fn it_reads_what_we_write() {
        let lines = lines();
        let payload = Payload::write(&lines, 5000);
        let read: Vec<Value> =
            Reader::new(&payload.bytes[..]).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(read, datapoints(&lines).iter().map(value).collect::<Vec<_>>());
    }

    #[test]
    fn we_read_what_it_writes() {
        let lines = lines();
        let schema = Schema::parse_str(schema::LOG_DATAPOINT.current().json).unwrap();
        for codec in [Codec::Null, Codec::Zstandard(ZstandardSettings::default())] {
            let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
            for datapoint in datapoints(&lines) {
                writer.append_value(value(&datapoint)).unwrap();
            }
            assert_eq!(read_all(&writer.into_inner().unwrap()), (lines.clone(), None));
        }
    }
}

/// fastavro from PyPI, in the virtual environment that `make python` makes.
mod fastavro {
    use super::*;

    fn python() -> PathBuf {
        let python = std::env::var_os("CORDON_PYTHON").map(PathBuf::from);
        let python = python.unwrap_or_else(|| workspace().join(".cache/venv/bin/python"));
        assert!(
            python.exists(),
            "there is no {}: run `make python`, or set CORDON_PYTHON",
            python.display()
        );
        python
    }

    fn workspace() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// What fastavro says a container holds, as JSON lines, and its own copy of it.
    fn copy(container: &[u8], codec: &str) -> (Vec<serde_json::Value>, Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
        std::fs::write(&source, container).unwrap();
        let script = workspace().join("avro/interop/rewrite.py");
        let output =
            Command::new(python()).arg(script).args([&source, &copy]).arg(codec).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (printed, std::fs::read(copy).unwrap())
    }

    #[test]
    fn it_reads_and_writes_log_datapoints() {
        let lines = lines();
        let payload = Payload::write(&lines, 5000);
        for codec in ["null", "zstandard"] {
            let (printed, copy) = copy(&payload.bytes, codec);
            for (datapoint, printed) in datapoints(&lines).iter().zip(&printed) {
                let Origin::File(file) = &datapoint.origin else { panic!("all come from a file") };
                let origin = serde_json::json!([
                    "cordon.v1.File",
                    {"sha256": file.sha256.to_string(), "record": file.record},
                ]);
                let line: String = datapoint.line.iter().map(|b| format!("{b:02x}")).collect();
                assert_eq!(printed, &serde_json::json!({"origin": origin, "line": line}));
            }
            assert_eq!(printed.len(), lines.len());
            assert_eq!(read_all(&copy), (lines.clone(), None));
        }
    }

    /// Every other payload record survives the way there and back.
    fn check<T>(family: &'static Family, items: &[T])
    where
        T: Datum + DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let mut writer = SectionWriter::new(family.current(), Vec::new());
        items.iter().for_each(|item| writer.append(item).unwrap());
        writer.finish_section().unwrap();
        let (printed, copy) = copy(&writer.into_inner(), "zstandard");
        assert_eq!(printed.len(), items.len());
        let pinned = Some(family.current().fingerprint);
        let mut reader = SectionReader::open(&copy, family, pinned, ReadLimits::default()).unwrap();
        for item in items {
            assert_eq!(&reader.next::<T>().unwrap().unwrap().1, item);
        }
        assert_eq!(reader.advance(), Ok(None));
    }

    #[test]
    fn it_reads_and_writes_elements() {
        check::<Element>(&schema::ELEMENT, &(0..500).map(element).collect::<Vec<_>>());
    }

    #[test]
    fn it_reads_and_writes_findings() {
        check::<Finding>(&schema::FINDING, &(0..500).map(finding).collect::<Vec<_>>());
    }
}
