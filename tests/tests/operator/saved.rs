//! A cluster's records and objects, saved as a demo saves its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Result;
use cordon_container::SectionWriter;
use cordon_records::{Digest, LogRecord, schema};
use cordon_tests::world::World;

/// Saves every topic and object.
pub(crate) fn save(world: &World) -> Result<PathBuf> {
    let dir = world.path("saved");
    fs::create_dir_all(dir.join("log"))?;
    let log = world.log("reader")?;
    for topic in world.topology().all_topics().keys() {
        let mut writer = writer(&dir, topic)?;
        for record in log.reader(topic)? {
            let record = record?;
            writer.append(&LogRecord {
                partition: record.at.partition,
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                key: record.key.map(|key| key.to_vec()),
                value: record.value.to_vec(),
            })?;
        }
        writer.finish_section()?;
    }
    let bucket = &world.topology().bucket;
    copy_objects(&world.path("s3").join(bucket), &dir, bucket)?;
    Ok(dir)
}

/// Forgets all records of some topics, as retention does.
pub(crate) fn forget(dir: &Path, topics: &[&str]) -> Result<()> {
    for topic in topics {
        writer(dir, topic)?.finish_section()?;
    }
    Ok(())
}

fn writer(dir: &Path, topic: &str) -> Result<SectionWriter<File>> {
    let file = File::create(dir.join(format!("log/{topic}.avro")))?;
    Ok(SectionWriter::new(schema::LOG_RECORD.current(), file))
}

/// As the directory store keeps them: objects, and beside them their checksums.
fn copy_objects(from: &Path, dir: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            copy_objects(&entry.path(), dir, &name)?;
            continue;
        }
        let bytes = fs::read(entry.path())?;
        let checksum = Digest::of(&bytes).to_string();
        for (place, content) in [("objects", &bytes[..]), ("objects/.sha256", checksum.as_bytes())]
        {
            let path = dir.join(place).join(&name);
            fs::create_dir_all(path.parent().unwrap_or(dir))?;
            fs::write(path, content)?;
        }
    }
    Ok(())
}
