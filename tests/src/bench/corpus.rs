//! What is measured on: real telemetry where it lies at hand, and generated telemetry.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cordon_load::{Settings, Telemetry};
use cordon_records::Digest;

use crate::telemetry;

/// Lines of the generated corpus: about as many as the handed-out one has.
const GENERATED_LINES: usize = 430_000;

/// Files to ingest, always the same.
pub(super) struct Corpus {
    pub(super) name: &'static str,
    /// Files, or a directory of them.
    pub(super) path: PathBuf,
    /// SHA-256 over the SHA-256 of each file, in the order of their names.
    pub(super) hash: Digest,
}

impl Corpus {
    /// Windows telemetry of the OTRF archives: below `CORDON_DATA`, or in `shared/data` beside the
    /// workspace. `None` where it is not.
    pub(super) fn otrf() -> Result<Option<Self>> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
        let data = env::var_os("CORDON_DATA").map_or(beside, PathBuf::from);
        let path = data.join("otrf/windows");
        if !path.is_dir() {
            return Ok(None);
        }
        let hash = hash(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Some(Self { name: "otrf", path, hash }))
    }

    /// Lines of the load generator, written to a directory below `dir`.
    pub(super) fn generated(dir: &Path) -> Result<Self> {
        let path = dir.join("generated");
        fs::create_dir(&path)?;
        let lines = Telemetry::new(Settings::default()).take(GENERATED_LINES);
        telemetry::write(&path.join("lines.json"), lines)?;
        Ok(Self { name: "generated", hash: hash(&path)?, path })
    }
}

fn hash(dir: &Path) -> io::Result<Digest> {
    let entries = fs::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.sort();
    let mut digests = Vec::new();
    for file in files {
        digests.extend_from_slice(&Digest::of(&fs::read(file)?).0);
    }
    Ok(Digest::of(&digests))
}
