//! The conformance suite on the model log, and on every mutant of it.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use cordon_kafka::{
    conformance::{Harness, PREFIX, cases, run_case},
    log::{Committed, TopicPartition},
    model::{Limits, ModelLog, Mutation},
};

/// The model answers at once, but mutants keep their case waiting.
const PATIENCE: Duration = Duration::from_millis(500);
const QUIET: Duration = Duration::from_millis(2);

struct OnModel {
    log: ModelLog,
    limits: Limits,
    names: AtomicU32,
}

impl OnModel {
    fn new(mutation: Option<Mutation>) -> Self {
        let limits = Limits::default();
        let log = match mutation {
            None => ModelLog::new(limits),
            Some(mutation) => ModelLog::mutant(limits, mutation),
        };
        Self { log, limits, names: AtomicU32::new(0) }
    }
}

impl Harness for OnModel {
    type Log = ModelLog;

    fn log(&self) -> &ModelLog {
        &self.log
    }

    fn create_topic(&self, topic: &str, partitions: i32) {
        self.log.drive(|broker| broker.create_topic(topic, partitions));
    }

    fn commit_offset(&self, group: &str, at: TopicPartition, offset: Committed) {
        self.log.drive(|broker| broker.commit_offset(group, at, offset));
    }

    fn unique(&self, stem: &str) -> String {
        format!("{PREFIX}{stem}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn quiet(&self) -> Duration {
        QUIET
    }

    fn pass(&self, time: Duration) {
        self.log.drive(|broker| broker.advance(time));
    }

    fn transaction_age_max(&self) -> Duration {
        self.limits.transaction_timeout
    }

    fn silence_max(&self) -> Duration {
        self.limits.poll_interval_max
    }
}

#[test]
fn the_model_conforms() {
    // A broker for each case: time passes for everyone on it.
    let failures: Vec<_> = cases::<OnModel>()
        .iter()
        .map(|case| run_case(&OnModel::new(None), case))
        .filter_map(|report| Some(format!("{}: {}", report.name, report.result.err()?)))
        .collect();
    println!("conformance: {} cases on the model log", cases::<OnModel>().len());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_mutant_fails_its_case() {
    let cases = cases::<OnModel>();
    let survives = |mutation: &'static Mutation| {
        let case = cases.iter().find(|case| case.name == mutation.case());
        let case = case.unwrap_or_else(|| panic!("{mutation:?} names no case"));
        match run_case(&OnModel::new(Some(*mutation)), case).result {
            Ok(()) => Some(format!("{mutation:?} passes {}", case.name)),
            Err(seen) => {
                println!("{mutation:?} fails {}: {seen}", case.name);
                None
            }
        }
    };
    let survivors: Vec<String> = thread::scope(|scope| {
        // All begin before the first is waited for: mutants keep their case waiting.
        let begun: Vec<_> =
            Mutation::ALL.iter().map(|mutation| scope.spawn(|| survives(mutation))).collect();
        begun.into_iter().filter_map(|mutant| mutant.join().expect("a verdict")).collect()
    });
    let mutants = Mutation::ALL.len();
    let caught = mutants - survivors.len();
    println!("figures: {{\"mutants\":{mutants},\"caught\":{caught}}}");
    assert!(survivors.is_empty(), "{survivors:#?}");
}

#[test]
fn every_case_has_a_mutant() {
    let named: BTreeSet<_> = Mutation::ALL.iter().map(|mutation| mutation.case()).collect();
    let cases: BTreeSet<_> = cases::<OnModel>().iter().map(|case| case.name).collect();
    assert_eq!(named, cases);
}
