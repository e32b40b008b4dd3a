//! Every committed schema version stays readable.

use std::{collections::BTreeSet, fs, path::PathBuf};

use apache_avro::{
    Schema, rabin::Rabin, reader::datum::GenericDatumReader,
    schema_compatibility::SchemaCompatibility,
};
use cordon_records::{
    Element, Finding, Fingerprint, Letter, LogDatapoint, LogRecord, Pointer,
    schema::{self, Family, Version},
    single_object,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{arbitrary, specimens};

fn schemas_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

fn apache(version: &Version) -> Schema {
    Schema::parse_str(version.json).unwrap_or_else(|e| panic!("{}: {e}", version.name))
}

fn versions() -> impl Iterator<Item = &'static Version> {
    schema::all().into_iter().flat_map(|family| &family.versions)
}

/// Whether the record is kept anywhere; what a courier and its cell say is not.
fn is_stored(version: &Version) -> bool {
    !version.name.starts_with("cell/")
}

/// File names in a folder below the schemas, without their ending.
fn files(folder: &str, ending: &str) -> BTreeSet<String> {
    let dir = schemas_dir().join(folder);
    let names = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name());
    names
        .filter_map(|name| Some(name.to_str().unwrap().strip_suffix(ending)?.to_owned()))
        .map(|name| if folder == "cell" { format!("cell/{name}") } else { name })
        .collect()
}

#[test]
fn every_schema_file_is_a_version_of_a_family() {
    let mut committed = files("", ".avsc");
    committed.extend(files("cell", ".avsc"));
    let known: BTreeSet<String> = versions().map(|version| version.name.to_owned()).collect();
    assert_eq!(committed, known);
}

#[test]
fn every_stored_version_has_a_sample() {
    let stored: BTreeSet<String> =
        versions().filter(|v| is_stored(v)).map(|v| v.name.to_owned()).collect();
    assert_eq!(files("samples", ".bin"), stored, "run the example write_samples");
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(schemas_dir().join("samples").join(format!("{name}.bin"))).unwrap()
}

/// Decodes a sample that is kept in single-object form.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], family: &'static Family) -> T {
    let (fingerprint, body) = bytes[2..].split_first_chunk().unwrap();
    let version = family.find(Fingerprint(u64::from_le_bytes(*fingerprint))).unwrap();
    serde_avro_fast::from_datum_slice(body, &version.schema).unwrap()
}

/// A new version of a record adds its sample here, with what the sample is read as today.
#[test]
fn every_sample_reads_as_it_was_meant() {
    use schema::{ELEMENT, FINDING, LOG_DATAPOINT, LOG_RECORD};
    use single_object::decode;
    assert_eq!(decode::<Pointer>(&sample("pointer.v1")).unwrap(), specimens::pointer());
    assert_eq!(decode(&sample("receipt.v2")).ok(), Some(specimens::receipt()));
    assert_eq!(decode(&sample("letter.v2")).ok(), Some(specimens::letter()));
    // Nothing was driven again when these were written.
    let mut receipt = specimens::receipt();
    receipt.inputs.iter_mut().for_each(|input| input.redrives.clear());
    assert_eq!(decode(&sample("receipt.v1")).ok(), Some(receipt));
    let letter = Letter { redrives: Vec::new(), ..specimens::letter() };
    assert_eq!(decode(&sample("letter.v1")).ok(), Some(letter));
    assert_eq!(decode(&sample("metrics.v1")).ok(), Some(specimens::metrics()));
    let bytes = sample("log_datapoint.v1");
    assert_eq!(read::<LogDatapoint<'_>>(&bytes, &LOG_DATAPOINT), specimens::log_datapoint());
    assert_eq!(read::<Element>(&sample("element.v1"), &ELEMENT), specimens::element());
    assert_eq!(read::<Finding>(&sample("finding.v1"), &FINDING), specimens::finding());
    assert_eq!(read::<LogRecord>(&sample("log_record.v1"), &LOG_RECORD), specimens::log_record());
    assert_eq!(versions().filter(|version| is_stored(version)).count(), 10);
}

#[test]
fn both_implementations_agree_on_fingerprints() {
    for version in versions() {
        let theirs = apache(version).fingerprint::<Rabin>().bytes;
        assert_eq!(theirs, version.fingerprint.0.to_le_bytes(), "{}", version.name);
        let family = schema::all().into_iter().find(|f| f.find(version.fingerprint).is_some());
        assert!(
            family.is_some_and(|family| family.versions.iter().any(|v| v.name == version.name))
        );
    }
    let distinct: BTreeSet<u64> = versions().map(|version| version.fingerprint.0).collect();
    assert_eq!(distinct.len(), versions().count(), "each names one schema");
}

#[test]
fn the_newest_version_reads_all_older_ones() {
    for family in schema::all() {
        let newest = apache(family.current());
        for version in &family.versions {
            SchemaCompatibility::can_read(&apache(version), &newest)
                .unwrap_or_else(|e| panic!("{} cannot be read: {e}", version.name));
        }
    }
}

/// By Avro's own resolution, as a consumer that is no cordon does it: a program that knows an older
/// version reads what a newer one wrote, and the other way around, and they differ in nothing but what
/// the older does not know.
#[test]
fn every_version_reads_every_other() {
    let mut read = 0;
    for family in schema::all() {
        for (age, newer) in family.versions.iter().enumerate() {
            for older in &family.versions[..age] {
                let (new, old) = (apache(newer), apache(older));
                for (written, known) in [(&new, &old), (&old, &new)] {
                    SchemaCompatibility::can_read(written, known)
                        .unwrap_or_else(|e| panic!("{} and {}: {e}", newer.name, older.name));
                }
                // Samples of a family hold the same, as far as each version knows it.
                let own = resolve(&sample(older.name), &old, &old);
                assert_eq!(resolve(&sample(newer.name), &new, &old), own, "{}", newer.name);
                // What the newer adds has a default, which means what it meant before.
                resolve(&sample(older.name), &old, &new);
                read += 1;
            }
        }
    }
    assert_eq!(read, 2, "receipts and letters have two versions each");
}

/// Reads a sample in single-object form, written by one schema and known by another.
fn resolve(bytes: &[u8], written: &Schema, known: &Schema) -> apache_avro::types::Value {
    let reader = GenericDatumReader::builder(written).reader_schema(known).build().unwrap();
    let mut body = &bytes[10..];
    let value = reader.read_value(&mut body).unwrap();
    assert!(body.is_empty(), "all of it is read");
    value
}

/// The check above can fail: a field without a default, or of another type, is no way forward.
#[test]
fn an_incompatible_change_would_be_noticed() {
    let old = schema::POINTER.current();
    let changed = |from: &str, to: &str| {
        let json = old.json.replacen(from, to, 1);
        assert_ne!(json, old.json);
        SchemaCompatibility::can_read(&apache(old), &Schema::parse_str(&json).unwrap())
    };
    let field = r#"{"name": "bucket", "type": "string"}"#;
    assert!(changed(field, &format!(r#"{field}, {{"name": "new", "type": "long"}}"#)).is_err());
    assert!(changed(field, r#"{"name": "bucket", "type": "long"}"#).is_err());
    let with_default = format!(r#"{field}, {{"name": "new", "type": "long", "default": 0}}"#);
    assert!(changed(field, &with_default).is_ok());
}

/// What lies in payloads has no single-object form of its own, so it is checked as datums.
fn check<T>(family: &'static Family, value: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let schema = &family.current().schema;
    let mut config = serde_avro_fast::ser::SerializerConfig::new(schema);
    let bytes = serde_avro_fast::to_datum_vec(value, &mut config).unwrap();
    prop_assert_eq!(&serde_avro_fast::from_datum_slice::<T>(&bytes, schema).unwrap(), value);
    // The other implementation finds the same end, and no fault.
    let mut rest = &bytes[..];
    let theirs = apache(family.current());
    let reader = GenericDatumReader::builder(&theirs).build().unwrap();
    reader.read_value(&mut rest).unwrap();
    prop_assert!(rest.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn elements_survive(element in arbitrary::element()) { check(&schema::ELEMENT, &element)?; }

    #[test]
    fn findings_survive(finding in arbitrary::finding()) { check(&schema::FINDING, &finding)?; }

    #[test]
    fn log_datapoints_survive(origin in arbitrary::origin(), line: Vec<u8>) {
        let datapoint = LogDatapoint { origin, line: &line };
        let schema = &schema::LOG_DATAPOINT.current().schema;
        let mut config = serde_avro_fast::ser::SerializerConfig::new(schema);
        let bytes = serde_avro_fast::to_datum_vec(&datapoint, &mut config).unwrap();
        let read: LogDatapoint<'_> = serde_avro_fast::from_datum_slice(&bytes, schema).unwrap();
        prop_assert_eq!(read, datapoint);
    }
}
