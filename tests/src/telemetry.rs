//! Generated telemetry as files.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use cordon_load::Line;

/// Writes lines, one behind the other.
pub fn write(path: &Path, lines: impl IntoIterator<Item = Line>) -> Result<()> {
    let write = || {
        let mut file = BufWriter::new(fs::File::create(path)?);
        for line in lines {
            file.write_all(&line.bytes)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
