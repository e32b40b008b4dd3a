//! What a pipeline left behind, for the reading commands: a cluster, or the directory of a demo.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use cordon_audit::{AuditReport, Evidence, StageKind, StageWiring, place_of};
use cordon_body::UNITE_OPTION;
use cordon_cell::Cells;
use cordon_container::{ReadLimits, SectionReader, SectionWriter};
use cordon_kafka::{
    log::{Record, TopicPartition},
    model::ModelLog,
    real::RealLog,
    topology::{Shadow, Topology},
};
use cordon_records::{LogRecord, ObjectKey, Pointer, schema, single_object};
use cordon_store::{CanaryKey, DirectoryStore, GetError, Store};

use crate::{
    config::Config,
    reader::{self, Payload},
    shadow::Plan,
    wiring,
};

/// Where results are.
pub(crate) struct Archive {
    source: Source,
    /// None for whoever may reach no object.
    store: Option<Store>,
}

enum Source {
    Cluster(Box<RealLog>),
    Saved(PathBuf),
    Model(ModelLog),
}

/// Topics of a demo lie here, objects in `objects`.
const LOG_DIR: &str = "log";
/// How often an audit reads a pipeline that moves before it says so.
const READS_MAX: u32 = 5;
/// The directory store of a demo.
pub(crate) const OBJECTS_DIR: &str = "objects";

impl Archive {
    /// A demo's directory, or the configured cluster.
    pub(crate) fn open(from: Option<&Path>, config: &Config) -> Result<Self> {
        let Some(dir) = from else {
            return Ok(Self {
                source: Source::Cluster(Box::new(wiring::log(config)?)),
                store: Some(wiring::store(config)?),
            });
        };
        anyhow::ensure!(dir.join(LOG_DIR).is_dir(), "{} is no demo's output", dir.display());
        let store = DirectoryStore::open(dir.join(OBJECTS_DIR))?;
        Ok(Self { source: Source::Saved(dir.join(LOG_DIR)), store: Some(Store::Directory(store)) })
    }

    /// A demo that just ran.
    pub(crate) fn of_model(log: ModelLog, store: Store) -> Self {
        Self { source: Source::Model(log), store: Some(store) }
    }

    /// A cluster's topics alone, for whoever may reach no object.
    pub(crate) fn of_log(log: RealLog) -> Self {
        Self { source: Source::Cluster(Box::new(log)), store: None }
    }

    /// Where objects are.
    pub(crate) fn store(&self) -> Result<&Store> {
        self.store.as_ref().context("this command reaches no object")
    }

    /// Whether there is such a topic: a demo of before there was has none.
    pub(crate) fn has_topic(&self, topic: &str) -> bool {
        match &self.source {
            Source::Saved(dir) => dir.join(format!("{topic}.avro")).exists(),
            Source::Cluster(_) | Source::Model(_) => true,
        }
    }

    /// Every committed record of a topic: (partition, offset, value).
    pub(crate) fn records(&self, topic: &str) -> Result<Vec<(i32, i64, Vec<u8>)>> {
        match &self.source {
            Source::Cluster(log) => log
                .reader(topic)?
                .map(|record| Ok(record.map(|r| (r.at.partition, r.offset, r.value.to_vec()))?))
                .collect(),
            Source::Saved(dir) => read_saved(&dir.join(format!("{topic}.avro"))),
            Source::Model(log) => {
                let records = log.drive(|broker| broker.committed_records(topic)).into_iter();
                Ok(records.map(|r| (r.at.partition, r.offset, r.value.to_vec())).collect())
            }
        }
    }

    /// The committed records of a topic's replay lane. A demo of before there were any has none.
    fn records_of_twin(&self, topic: &str) -> Result<Vec<(i32, i64, Vec<u8>)>> {
        let twin = Topology::twin(topic);
        if self.has_topic(&twin) { self.records(&twin) } else { Ok(Vec::new()) }
    }

    /// The value of one committed record, if it is there still.
    pub(crate) fn record(&self, at: &TopicPartition, offset: i64) -> Result<Option<Vec<u8>>> {
        if let Source::Cluster(log) = &self.source {
            let record = log.range_reader(at, offset..offset + 1)?.next().transpose()?;
            return Ok(record.map(|record| record.value.to_vec()));
        }
        let is_it = |partition, found| partition == at.partition && found == offset;
        let mut records = self.records(&at.topic)?.into_iter();
        Ok(records.find(|(partition, found, _)| is_it(*partition, *found)).map(|(.., value)| value))
    }

    /// Reads everything the audit wants and judges it; fetches each object if `objects`.
    ///
    /// Topics are read one after another, so a pipeline at work could be seen half before and half
    /// after a transaction. Each transaction writes a receipt: when none came meanwhile, what was
    /// read belongs together. Else it is read again, a few times.
    pub(crate) fn audit(
        &self,
        audited: &Audited<'_>,
        runtime: &tokio::runtime::Handle,
        objects: bool,
    ) -> Result<AuditReport> {
        for attempt in 1.. {
            let before = self.count_receipts(audited)?;
            let evidence = self.gather(audited)?;
            let moving = self.count_receipts(audited)? != before;
            if moving && attempt < READS_MAX {
                continue;
            }
            let mut report = evidence.judge(&audited.stages);
            report.moving = moving;
            if objects {
                self.check_objects(&evidence, runtime, &mut report)?;
            }
            return Ok(report);
        }
        unreachable!("the loop ends by returning")
    }

    fn count_receipts(&self, audited: &Audited<'_>) -> Result<Vec<usize>> {
        let count = |stage: &StageWiring| Ok(self.records(&audited.receipts_topic(stage))?.len());
        audited.stages.iter().map(count).collect()
    }

    fn gather(&self, audited: &Audited<'_>) -> Result<Evidence> {
        let mut evidence = Evidence::default();
        for stage in &audited.stages {
            for topic in stage.inputs.iter().filter(|_| stage.kind == StageKind::Records) {
                for (partition, offset, _) in self.records(topic)? {
                    evidence.raw(topic, partition, offset);
                }
            }
            for (.., value) in self.records(&audited.receipts_topic(stage))? {
                evidence.receipt(&value);
            }
            if stage.kind == StageKind::Replayer {
                continue; // what it emits dies elsewhere
            }
            for (.., value) in self.records(&audited.dead_topic(stage))? {
                evidence.letter(&value);
            }
        }
        for topic in pointer_topics(&audited.stages) {
            for (partition, offset, value) in self.records(&topic)? {
                if !audited.includes(&topic, partition, offset) {
                    continue;
                }
                evidence.pointer(&topic, partition, offset, &value);
            }
        }
        Ok(evidence)
    }

    /// Fetches each object. A store that cannot be asked says nothing of its objects, so that
    /// there is no verdict then.
    fn check_objects(
        &self,
        evidence: &Evidence,
        runtime: &tokio::runtime::Handle,
        report: &mut AuditReport,
    ) -> Result<()> {
        let pointers = evidence.pointers.values().flatten().filter_map(|r| r.pointer.as_ref());
        for pointer in pointers {
            let Err(why) = runtime.block_on(self.fetch(pointer)) else { continue };
            runtime
                .block_on(self.ensure_lacking(pointer, &why))
                .context("objects cannot be checked; --no-objects audits without")?;
            report.total.dangling += 1;
            let (_, key, ..) = place_of(pointer);
            report.faults.push(|| format!("{}: {key}: {why:#}", pointer.stage));
        }
        Ok(())
    }

    /// Whether it is the object that is at fault, and not the store or our permission: what is
    /// missing looks like what may not be read, but for the prefix's canary.
    async fn ensure_lacking(&self, pointer: &Pointer, why: &anyhow::Error) -> Result<()> {
        match why.downcast_ref() {
            Some(error @ (GetError::Unavailable(_) | GetError::Refused(_))) => {
                Err(error.clone().into())
            }
            Some(GetError::MissingOrDenied) => {
                let topic = ObjectKey::parse(&pointer.key)?.topic().to_owned();
                let place = format!("{}/{topic}", pointer.bucket);
                self.store()?
                    .get_canary(&pointer.bucket, &CanaryKey::of(&topic)?)
                    .await
                    .with_context(|| {
                        format!("neither an object of {place} nor its canary: allow s3:GetObject")
                    })
            }
            _ => Ok(()),
        }
    }

    /// The bytes that a pointer names.
    pub(crate) async fn fetch(&self, pointer: &Pointer) -> Result<bytes::Bytes> {
        let key = ObjectKey::parse(&pointer.key)?;
        let Some(digest) = pointer.digest else {
            // The lister's: the whole object.
            let size_bytes_max = pointer.range_bytes.unsigned_abs();
            return Ok(self.store()?.get_whole(&pointer.bucket, &key, size_bytes_max).await?);
        };
        let start = pointer.range_start_bytes.unsigned_abs();
        let len = pointer.range_bytes.unsigned_abs();
        Ok(self.store()?.get(&pointer.bucket, &key, start, len, digest).await?)
    }

    /// The payloads of a topic, of both its lanes, as JSON lines, rendered in a cell; elements
    /// united.
    pub(crate) fn render(
        &self,
        topic: &str,
        cells: &Cells,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Vec<u8>> {
        self.render_lanes(topic, true, cells, runtime)
    }

    /// The same of a topic that has one lane.
    pub(crate) fn render_lane(
        &self,
        topic: &str,
        cells: &Cells,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Vec<u8>> {
        self.render_lanes(topic, false, cells, runtime)
    }

    fn render_lanes(
        &self,
        topic: &str,
        has_twin: bool,
        cells: &Cells,
        runtime: &tokio::runtime::Handle,
    ) -> Result<Vec<u8>> {
        let mut payloads = Vec::new();
        let mut records = self.records(topic)?;
        if has_twin {
            records.extend(self.records_of_twin(topic)?);
        }
        for (.., value) in records {
            let Ok(pointer) = single_object::decode::<Pointer>(&value) else { continue };
            payloads.push(Payload {
                bytes: runtime.block_on(self.fetch(&pointer))?,
                schema: pointer.schema,
                from: 0,
                to: pointer.datapoints.unwrap_or(0),
                datapoints: pointer.datapoints,
            });
        }
        let limits = reader::whole_topic_limits();
        Ok(reader::print(cells, &payloads, &[(UNITE_OPTION, "true")], limits)?.lines())
    }
}

/// What an audit is about: the pipeline, or a shadow beside it.
pub(crate) struct Audited<'a> {
    stages: Vec<StageWiring>,
    shadow: Option<(&'a Shadow, &'a Plan)>,
}

impl<'a> Audited<'a> {
    /// All stages and producers.
    pub(crate) fn pipeline(topology: &Topology) -> Self {
        Self { stages: wiring::audit_wiring(topology), shadow: None }
    }

    /// A shadow, over its range.
    pub(crate) fn shadow(topology: &Topology, shadow: &'a Shadow, plan: &'a Plan) -> Self {
        let stages = vec![wiring::shadow_wiring(topology, shadow)];
        Self { stages, shadow: Some((shadow, plan)) }
    }

    fn receipts_topic(&self, stage: &StageWiring) -> String {
        let of_stage = || format!("receipts.{}", stage.stage);
        self.shadow.map_or_else(of_stage, |(shadow, _)| shadow.receipts())
    }

    fn dead_topic(&self, stage: &StageWiring) -> String {
        let of_stage = || format!("dead.{}", stage.stage);
        self.shadow.map_or_else(of_stage, |(shadow, _)| shadow.dead())
    }

    /// Whether a record of a topic of pointers matters: a shadow owes nothing to what lies beside its
    /// range.
    fn includes(&self, topic: &str, partition: i32, offset: i64) -> bool {
        let Some((_, plan)) = self.shadow else { return true };
        let range = plan.ranges.get(&partition);
        topic != plan.topic || range.is_some_and(|range| range.contains(&offset))
    }
}

fn pointer_topics(stages: &[StageWiring]) -> Vec<String> {
    let of_pointers = |stage: &&StageWiring| stage.kind != StageKind::Records;
    let inputs = stages.iter().filter(of_pointers).flat_map(|stage| &stage.inputs);
    let mut topics: Vec<String> =
        inputs.chain(stages.iter().flat_map(|stage| &stage.outputs)).cloned().collect();
    topics.sort();
    topics.dedup();
    topics
}

/// Saves every topic's committed records as `DIR/log/<topic>.avro`.
pub(crate) fn save(log: &ModelLog, dir: &Path) -> Result<()> {
    let dir = dir.join(LOG_DIR);
    fs::create_dir_all(&dir)?;
    for topic in log.drive(|broker| broker.topics()) {
        let file = File::create(dir.join(format!("{topic}.avro")))?;
        let mut writer = SectionWriter::new(schema::LOG_RECORD.current(), BufWriter::new(file));
        for record in log.drive(|broker| broker.committed_records(&topic)) {
            writer.append(&saved(&record))?;
        }
        writer.finish_section()?;
        writer.into_inner().flush()?;
    }
    Ok(())
}

fn saved(record: &Record) -> LogRecord {
    LogRecord {
        partition: record.at.partition,
        offset: record.offset,
        timestamp_ms: record.timestamp_ms,
        key: record.key.as_ref().map(|key| key.to_vec()),
        value: record.value.to_vec(),
    }
}

/// Reads what [`save`] wrote: the demo's own log, not a payload.
fn read_saved(path: &Path) -> Result<Vec<(i32, i64, Vec<u8>)>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let expected = Some(schema::LOG_RECORD.current().fingerprint);
    // A topic is as long as it is; the file was written by this program.
    let limits = ReadLimits { decoded_bytes_max: u64::MAX, ..ReadLimits::default() };
    let mut reader = SectionReader::open(&bytes, &schema::LOG_RECORD, expected, limits)?;
    let mut records = Vec::new();
    while let Some((_, record)) = reader.next::<LogRecord>()? {
        records.push((record.partition, record.offset, record.value));
    }
    Ok(records)
}

/// Counts lines by their first key: nodes and edges of a rendered graph.
pub(crate) fn count_lines(lines: &[u8]) -> BTreeMap<&'static str, i64> {
    let mut counts = BTreeMap::from([("node", 0), ("edge", 0)]);
    for line in lines.split(|byte| *byte == b'\n') {
        for (kind, count) in &mut counts {
            *count += i64::from(line.starts_with(format!("{{\"{kind}\":").as_bytes()));
        }
    }
    counts
}
