//! Where generated lines go.

use std::{
    fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cordon_courier::StageSettings;
use cordon_kafka::{
    log::Log as _,
    real::{RealLog, Shipper},
    topology::{InputSpec, Topology},
};
use cordon_load::{Kind, Line};
use cordon_store::Store;

use super::{LoadArgs, Target};
use crate::{
    config::Config,
    ingest::{self, Ingest},
    wiring::{self, Opened},
    zygote::Zygote,
};

/// Takes lines.
pub(super) trait Sink {
    /// Takes one; it may be held back until the next ones, or the end.
    fn line(&mut self, line: &Line) -> Result<()>;

    /// Waits until everything is where it should be.
    fn finish(&mut self) -> Result<()>;
}

/// Opens the sink that is asked for.
pub(super) fn open(
    args: &LoadArgs,
    config: impl FnOnce() -> Result<Config>,
) -> Result<Box<dyn Sink>> {
    let Target { files, raw, .. } = &args.target;
    if let Some(directory) = files {
        return Ok(Box::new(Files::open(directory)?));
    }
    let config = config()?;
    if *raw {
        Ok(Box::new(Raw::open(&config)?))
    } else {
        Ok(Box::new(Pointers::open(args, &config)?))
    }
}

/// The first line shows a reader of a file what the file is.
fn may_begin_a_file(line: &Line) -> bool {
    !matches!(line.kind, Kind::Malformed(_))
}

/// Lines of a file: what a busy shipper writes before it begins another.
const FILE_LINES_MAX: u64 = 100_000;

/// Files `00000.jsonl`, `00001.jsonl` and so on.
struct Files {
    directory: PathBuf,
    open: Option<BufWriter<fs::File>>,
    files: u32,
    lines: u64,
}

impl Files {
    /// Makes the directory. One that holds anything is refused: old lines among new ones are in no
    /// ledger.
    fn open(directory: &Path) -> Result<Self> {
        let words = || format!("cannot use {}", directory.display());
        fs::create_dir_all(directory).with_context(words)?;
        let is_empty = fs::read_dir(directory).with_context(words)?.next().is_none();
        ensure!(is_empty, "{} is not empty: give a directory that is", directory.display());
        Ok(Self { directory: directory.to_owned(), open: None, files: 0, lines: 0 })
    }

    fn next_file(&mut self) -> Result<BufWriter<fs::File>> {
        let path = self.directory.join(format!("{:05}.jsonl", self.files));
        let file = fs::File::create_new(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        self.files += 1;
        self.lines = 0;
        Ok(BufWriter::with_capacity(1 << 20, file))
    }
}

impl Sink for Files {
    fn line(&mut self, line: &Line) -> Result<()> {
        if self.lines >= FILE_LINES_MAX && may_begin_a_file(line) {
            self.finish()?;
        }
        let mut file = match self.open.take() {
            Some(file) => file,
            None => self.next_file()?,
        };
        file.write_all(&line.bytes)?;
        file.write_all(b"\n")?;
        self.lines += 1;
        self.open = Some(file);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(mut file) = self.open.take() {
            file.flush().context("cannot write the lines")?;
        }
        Ok(())
    }
}

/// One record a line.
struct Raw {
    topic: String,
    shipper: Shipper,
}

impl Raw {
    fn open(config: &Config) -> Result<Self> {
        let topology = wiring::topology(config.topology.as_deref())?;
        let topic = raw_topic(&topology).context("no stage of the topology reads plain records")?;
        let log = wiring::log(config)?;
        // A broker that is down, or a topic that is denied, is told before a line is generated.
        log.partitions(&[topic])?;
        Ok(Self { topic: topic.to_owned(), shipper: log.shipper()? })
    }
}

/// What the stage that packs plain records reads.
pub(super) fn raw_topic(topology: &Topology) -> Option<&str> {
    let mut packs = topology.stages.values().filter(|stage| stage.input == InputSpec::Records);
    packs.next()?.live.first().map(String::as_str)
}

impl Sink for Raw {
    fn line(&mut self, line: &Line) -> Result<()> {
        Ok(self.shipper.send(&self.topic, &line.bytes)?)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(self.shipper.finish()?)
    }
}

/// Lines that are ingested together: eight payloads of the default size.
const PIECE_LINES_MAX: u64 = 32_768;

/// Payloads and pointers, by the code of `cordon ingest`: its cells, its receipts.
struct Pointers {
    log: RealLog,
    store: Store,
    settings: StageSettings,
    runtime: tokio::runtime::Runtime,
    transactional_id: String,
    zygote: Zygote,
    directory: PathBuf,
    piece: Option<Files>,
    pieces: u32,
}

impl Pointers {
    fn open(args: &LoadArgs, config: &Config) -> Result<Self> {
        let Opened { topology, log, store } = wiring::open(config)?;
        let settings = ingest::settings(&topology, &log)?;
        let zygote = Zygote::start("ingest", config.courier.jail)?;
        let name = format!("cordon-bench-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self {
            log,
            store,
            settings,
            runtime: crate::runtime()?,
            transactional_id: format!("{}{}", Topology::transactional_prefix("ingest"), args.id),
            zygote,
            directory,
            piece: None,
            pieces: 0,
        })
    }

    /// Where the piece at hand lies until it is ingested.
    fn place(&self) -> PathBuf {
        self.directory.join(self.pieces.to_string())
    }

    fn ingest(&mut self, mut piece: Files) -> Result<()> {
        piece.finish()?;
        let place = self.place();
        let ingest = Ingest {
            log: &self.log,
            store: &self.store,
            cells: &self.zygote.cells,
            runtime: self.runtime.handle(),
            settings: &self.settings,
            transactional_id: self.transactional_id.clone(),
        };
        let summary = ingest.run(ingest::find(std::slice::from_ref(&place))?)?;
        ensure!(summary.faults.is_empty(), "not ingested: {}", summary.faults.join("; "));
        fs::remove_dir_all(&place)?;
        self.pieces += 1;
        Ok(())
    }
}

impl Sink for Pointers {
    fn line(&mut self, line: &Line) -> Result<()> {
        let is_full = |piece: &mut Files| piece.lines >= PIECE_LINES_MAX;
        if may_begin_a_file(line)
            && let Some(full) = self.piece.take_if(is_full)
        {
            self.ingest(full)?;
        }
        let mut piece = match self.piece.take() {
            Some(piece) => piece,
            None => Files::open(&self.place())?,
        };
        piece.line(line)?;
        self.piece = Some(piece);
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        match self.piece.take() {
            Some(piece) => self.ingest(piece),
            None => Ok(()),
        }
    }
}

impl Drop for Pointers {
    fn drop(&mut self) {
        // Whatever fails here, the lines are where they should be, or their error was told.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use cordon_load::Damage;

    use super::*;

    #[test]
    fn files_hold_every_line_once() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("made");
        let mut files = Files::open(&place).unwrap();
        let line = |index: u64| Line {
            index,
            bytes: index.to_string().into_bytes(),
            host: 0,
            // The one that would begin the second file cannot.
            kind: match index {
                FILE_LINES_MAX => Kind::Malformed(Damage::Text),
                _ => Kind::Event { step: None },
            },
        };
        let count = FILE_LINES_MAX + 2;
        (0..count).for_each(|index| files.line(&line(index)).unwrap());
        files.finish().unwrap();
        let read = |name: &str| fs::read_to_string(place.join(name)).unwrap();
        let all = read("00000.jsonl") + &read("00001.jsonl");
        assert!(all.lines().eq((0..count).map(|index| index.to_string())));
        assert_eq!(read("00001.jsonl"), format!("{}\n", FILE_LINES_MAX + 1));
    }

    #[test]
    fn a_directory_with_something_in_it_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("old.jsonl"), "{}\n").unwrap();
        let refused = Files::open(directory.path()).err().expect("it is not empty");
        assert!(refused.to_string().ends_with("is not empty: give a directory that is"));
    }

    #[test]
    fn raw_is_what_pack_reads() {
        assert_eq!(raw_topic(&Topology::embedded()), Some("raw"));
    }
}
