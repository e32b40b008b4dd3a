//! Transactions on the model log, with trouble.

use std::time::Duration;

use cordon_audit::StageAudit;
use cordon_body::Sealer;
use cordon_kafka::{
    model::{Call, ModelLog, Step, Verdict},
    topology::Topology,
};
use cordon_records::{
    Digest, FileOrigin, Letter, LogDatapoint, Origin, Runs,
    cell::{CellLetter, PartReport},
    schema::LOG_DATAPOINT,
    single_object,
};
use cordon_store::DirectoryStore;

use super::*;
use crate::archive::{Archive, Audited};

struct Pipeline {
    topology: Topology,
    log: ModelLog,
    store: Store,
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

const ID: &str = "ingest-test";

impl Pipeline {
    fn new() -> Self {
        let topology = Topology::embedded();
        let log = ModelLog::default();
        log.drive(|broker| {
            for (name, spec) in topology.all_topics() {
                broker.create_topic(&name, spec.partitions);
            }
        });
        let directory = tempfile::tempdir().unwrap();
        let store = Store::Directory(DirectoryStore::open(directory.path()).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { topology, log, store, runtime, _directory: directory }
    }

    /// Commits records 0..3 of one file: two datapoints and a letter, and remarks.
    fn commit(&self) -> Result<FileBatch, IngestError> {
        let settings = crate::ingest::settings(&self.topology, &self.log).unwrap();
        let outlet = Outlet {
            log: &self.log,
            store: &self.store,
            runtime: self.runtime.handle(),
            settings: &settings,
            transactional_id: ID,
        };
        let file = FileInput { sha256: Digest::of(b"a file"), name: "x.json".to_owned() };
        let (report, output) = told(file.sha256);
        let batch = outlet.batch(&file, 0, &report, &output).unwrap();
        outlet.store(&batch)?;
        Committer::open(&outlet)?.commit(Range { file, from: 0, report, output, batch })
    }

    /// What ingest's receipts, letters, pointers and objects add up to.
    fn audit(&self) -> StageAudit {
        let archive = Archive::of_model(self.log.clone(), self.store.clone());
        let report =
            archive.audit(&Audited::pipeline(&self.topology), self.runtime.handle(), true).unwrap();
        assert!(report.total.is_clean(), "{:?}", report.faults);
        report.stage("ingest")
    }

    /// From now on the first commit, and that alone, meets with this.
    fn trouble(&self, verdict: Verdict) {
        let mut verdict = Some(verdict);
        let faults = move |step: Step<'_>| match step.call {
            Call::Commit => verdict.take().unwrap_or(Verdict::Proceed),
            _ => Verdict::Proceed,
        };
        self.log.drive(|broker| broker.set_faults(faults));
    }
}

/// What a cell would tell.
fn told(sha256: Digest) -> (Report, Bytes) {
    struct Kept(Vec<u8>);
    impl cordon_body::CellIo for Kept {
        fn mark(&mut self, _: u32, _: u64) {}
        fn mark_sealing(&mut self) {}
        fn append_frame(&mut self, _: &[u8]) -> Result<(), cordon_body::IoFault> {
            Ok(())
        }
        fn append_output(&mut self, bytes: &[u8]) -> Result<(), cordon_body::IoFault> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn report(&mut self, _: &[u8]) -> Result<(), cordon_body::IoFault> {
            Ok(())
        }
        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }
    }
    let (mut report, mut kept) = (Report::default(), Kept(Vec::new()));
    let mut sealer = Sealer::new(LOG_DATAPOINT.current());
    for record in [0, 2] {
        let origin = Origin::File(FileOrigin { sha256, record });
        let datapoint = LogDatapoint { origin, line: b"{}" };
        sealer.append(&datapoint, None, &mut report, &mut kept).unwrap();
    }
    sealer.close(&mut report, &mut kept).unwrap();
    let letter = |from, to, detail: &str| CellLetter {
        from,
        to,
        reason: "rejected".to_owned(),
        detail: detail.to_owned(),
        excerpt: b"x".to_vec(),
    };
    let remark = |at| letter(at, at, "member x: not recognised");
    report.parts = vec![PartReport {
        from: 0,
        to: 3,
        output: Runs::from_iter([0, 2]),
        letters: vec![remark(1), remark(1), letter(1, 2, "no JSON"), remark(3)],
        datapoints: Some(3),
        ..PartReport::default()
    }];
    (report.elements_in, report.elements_out) = (2, 2);
    (report, kept.0.into())
}

#[test]
fn a_range_is_accounted_for() {
    let world = Pipeline::new();
    let batch = world.commit().unwrap();
    assert_eq!((batch.output, batch.dead, batch.is_end), (2, 1, true));
    let audit = world.audit();
    assert_eq!((audit.datapoints, audit.output, audit.dead), (3, 2, 1));
    assert_eq!((audit.pointers_out, audit.reingested), (1, 0));
}

#[test]
fn every_letter_has_an_id_of_its_own_and_keeps_it() {
    let letters = || {
        let world = Pipeline::new();
        world.commit().unwrap();
        assert_eq!(world.audit().dead, 1, "a remark is no record");
        let records = world.log.drive(|broker| broker.committed_records("dead.ingest"));
        let letters = records.iter().map(|record| single_object::decode::<Letter>(&record.value));
        letters.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let of_file = format!("ingest/file:{}/0/0/", Digest::of(b"a file"));
    let id = |letter: &Letter| letter.id.strip_prefix(&of_file).unwrap().to_owned();
    let ids: Vec<String> = letters().iter().map(id).collect();
    assert_eq!(ids, ["1/remark-0", "1/remark-1", "1", "3/remark-0"]);
    assert_eq!(letters().iter().map(id).collect::<Vec<_>>(), ids);
}

#[test]
fn a_file_given_twice_is_reingested_and_not_duplicated() {
    let world = Pipeline::new();
    world.commit().unwrap();
    world.commit().unwrap();
    let audit = world.audit();
    assert_eq!((audit.reingested, audit.duplicated, audit.pointers_out), (3, 0, 2));
}

#[test]
fn a_commit_whose_answer_is_lost_is_done_again_and_adds_up() {
    for (verdict, reingested) in
        [(Verdict::LoseAnswer, 3), (Verdict::LoseRequest, 0), (Verdict::Delay, 0)]
    {
        let world = Pipeline::new();
        world.trouble(verdict.clone());
        world.commit().unwrap();
        let audit = world.audit();
        assert_eq!(audit.reingested, reingested, "{verdict:?}");
        assert_eq!((audit.lost, audit.duplicated, audit.dangling), (0, 0, 0), "{verdict:?}");
    }
}

#[test]
fn what_is_denied_is_told_at_once() {
    let world = Pipeline::new();
    world.trouble(Verdict::Deny("grant Write on logs".to_owned()));
    let error = world.commit().unwrap_err();
    assert_eq!(error.to_string(), "cannot write to kafka: grant Write on logs");
    assert_eq!(world.audit().batches, 0);
}

#[test]
fn a_store_that_refuses_keeps_everything_out_of_kafka() {
    let mut world = Pipeline::new();
    world.topology.bucket = "..".to_owned();
    let error = world.commit().unwrap_err();
    assert!(error.to_string().starts_with("cannot store a payload: put of "), "{error}");
    assert_eq!(world.audit().batches, 0);
}
