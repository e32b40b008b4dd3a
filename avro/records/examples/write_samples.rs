//! Writes the sample of each newest schema version that has none yet.
//!
//! Run it once after a schema version was added, and commit what it writes. A sample that exists
//! is never touched: it is what an older version of cordon left in Kafka or S3.

use std::{fs, io, path::PathBuf};

use cordon_records::{
    schema::{self, Family},
    single_object,
};
use serde::Serialize;

#[path = "../tests/records/specimens.rs"]
mod specimens;

fn main() -> io::Result<()> {
    write(&schema::POINTER, &single_object::encode(&specimens::pointer()).expect("it encodes"))?;
    write(&schema::RECEIPT, &single_object::encode(&specimens::receipt()).expect("it encodes"))?;
    write(&schema::LETTER, &single_object::encode(&specimens::letter()).expect("it encodes"))?;
    write(&schema::METRICS, &single_object::encode(&specimens::metrics()).expect("it encodes"))?;
    let log = specimens::log_datapoint();
    write(&schema::LOG_DATAPOINT, &single_object_of(&schema::LOG_DATAPOINT, &log))?;
    write(&schema::ELEMENT, &single_object_of(&schema::ELEMENT, &specimens::element()))?;
    write(&schema::FINDING, &single_object_of(&schema::FINDING, &specimens::finding()))?;
    write(&schema::LOG_RECORD, &single_object_of(&schema::LOG_RECORD, &specimens::log_record()))
}

/// The same form for what lies in payloads, so that a sample always says its schema.
fn single_object_of(family: &'static Family, value: &impl Serialize) -> Vec<u8> {
    let schema = &family.current().schema;
    let mut config = serde_avro_fast::ser::SerializerConfig::new(schema);
    serde_avro_fast::to_single_object_vec(value, &mut config).expect("it encodes")
}

fn write(family: &Family, bytes: &[u8]) -> io::Result<()> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/samples");
    let path = dir.join(format!("{}.bin", family.current().name));
    if path.exists() {
        return Ok(());
    }
    fs::write(path, bytes)
}
