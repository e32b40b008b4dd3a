//! Laws of the model log under any script of steps, crashes, faults and passing time.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use bytes::Bytes;
use cordon_kafka::{
    log::{
        Consumer, ConsumerError, Log, Membership, NewOffset, NewRecord, Outcome, Polled, Producer,
        Record, TopicPartition,
    },
    model::{Call, Limits, ModelConsumer, ModelLog, ModelProducer, Mutation, Step, Verdict},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRng, TestRunner},
};

const SLOTS: usize = 3;
const PARTITIONS: i32 = 4;
const RECORDS: usize = 12;

/// Far more than a slot ever needs, but a number: a script that hangs is a failure.
const STEPS_TO_FINISH_MAX: usize = 2000;

/// Beyond every timeout of the broker.
const LONG: Duration = Duration::from_secs(1000);

#[derive(Clone, Debug)]
enum Op {
    Step(usize),
    Crash(usize),
    Expire(usize),
    Advance(u64),
    Fault(Call, Verdict),
    DeliverDelayed,
    SettleLingering,
}

fn any_op() -> impl Strategy<Value = Op> {
    let call = prop_oneof![
        Just(Call::Init),
        Just(Call::Produce),
        Just(Call::SendOffsets),
        Just(Call::Commit),
        Just(Call::Abort),
        Just(Call::Poll),
        Just(Call::Committed),
    ];
    let verdict = prop_oneof![
        Just(Verdict::LoseRequest),
        Just(Verdict::LoseAnswer),
        Just(Verdict::Delay),
        Just(Verdict::Linger),
    ];
    prop_oneof![
        12 => (0..SLOTS).prop_map(Op::Step),
        1 => (0..SLOTS).prop_map(Op::Crash),
        1 => (0..SLOTS).prop_map(Op::Expire),
        1 => (0..100_u64).prop_map(Op::Advance),
        3 => (call, verdict).prop_map(|(call, verdict)| Op::Fault(call, verdict)),
        1 => Just(Op::DeliverDelayed),
        1 => Just(Op::SettleLingering),
    ]
}

proptest! {
    // A failure prints its whole script, so that no file of seeds is kept.
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_same_calls_get_the_same_answers(script in prop::collection::vec(any_op(), 0..120)) {
        let play = || play(ModelLog::default(), &script).trace;
        prop_assert_eq!(play(), play());
    }

    #[test]
    fn every_record_is_copied_once(script in any_script()) {
        each_once(ModelLog::default(), &script)?;
    }
}

/// The law looks at something: brokers that are wrong in these ways break it. Without fencing by
/// generation nothing breaks here, because these slots end a batch before they release its
/// partition; the conformance suite has a case for it.
#[test]
fn wrong_brokers_are_found() {
    let wrong = [
        Mutation::AbortKeepsOffsets,
        Mutation::InitCommitsOpen,
        Mutation::InitForgetsCommit,
        Mutation::PendingIgnored,
        Mutation::SeekIgnored,
        Mutation::StartIgnoresOffset,
        Mutation::EveryoneOwnsAll,
        Mutation::NoMemberFencing,
        Mutation::NoEpochFencing,
        Mutation::HandoverBeforeRelease,
        Mutation::InitLeavesOpen,
    ];
    for mutation in wrong {
        let config = Config {
            cases: 2000,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..Config::default()
        };
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        let found = TestRunner::new_with_rng(config, rng).run(&any_script(), |script| {
            each_once(ModelLog::mutant(Limits::default(), mutation), &script)
        });
        assert!(found.is_err(), "{mutation:?} copies every record once");
    }
}

fn any_script() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any_op(), 0..200)
}

fn each_once(log: ModelLog, script: &[Op]) -> Result<(), TestCaseError> {
    let mut play = play(log, script);
    play.finish()?;
    let mut copies = play.copies();
    copies.sort();
    let mut expected: Vec<_> = (0..RECORDS).map(|n| n.to_string()).collect();
    expected.sort();
    prop_assert_eq!(copies, expected);
    Ok(())
}

/// A script under way: slots that copy `in` to `out`, driven by one thread.
struct Play {
    log: ModelLog,
    slots: Vec<Option<Slot>>,
    trace: String,
}

fn play(log: ModelLog, script: &[Op]) -> Play {
    log.drive(|broker| {
        broker.create_topic("in", PARTITIONS);
        broker.create_topic("out", 1);
        for n in 0..RECORDS {
            let partition = i32::try_from(n).unwrap() % PARTITIONS;
            let at = TopicPartition::new("in", partition);
            let record = committed_record(&at, n);
            broker.import(vec![record]).unwrap();
        }
    });
    let mut play = Play { log, slots: (0..SLOTS).map(|_| None).collect(), trace: String::new() };
    script.iter().for_each(|op| play.apply(op));
    play
}

fn committed_record(at: &TopicPartition, n: usize) -> Record {
    Record {
        at: at.clone(),
        offset: i64::try_from(n).unwrap() / i64::from(PARTITIONS),
        timestamp_ms: 0,
        key: None,
        value: Bytes::from(n.to_string()),
        headers: Vec::new(),
    }
}

impl Play {
    fn apply(&mut self, op: &Op) {
        match op.clone() {
            Op::Step(n) => self.step(n),
            Op::Crash(n) => {
                if let Some(slot) = self.slots[n].take() {
                    slot.consumer.crash();
                }
            }
            Op::Expire(n) => self.log.drive(|broker| {
                if let Some(member) = broker.members("copiers").get(n) {
                    broker.expire("copiers", *member);
                }
            }),
            Op::Advance(seconds) => {
                self.log.drive(|broker| broker.advance(Duration::from_secs(seconds)));
            }
            Op::Fault(call, verdict) => self.fail_once(call, verdict),
            Op::DeliverDelayed => {
                self.log.drive(|broker| broker.deliver_delayed());
            }
            Op::SettleLingering => self.log.drive(|broker| broker.settle_lingering()),
        }
    }

    fn fail_once(&mut self, call: Call, verdict: Verdict) {
        let mut verdict = Some(verdict);
        self.log.drive(|broker| {
            broker.set_faults(move |step: Step<'_>| {
                let now = (step.call == call).then(|| verdict.take()).flatten();
                now.unwrap_or(Verdict::Proceed)
            });
        });
    }

    /// One step of a slot, which is started when it is not there. It ends when it cannot tell
    /// what happened, and starts again from what is committed.
    fn step(&mut self, n: usize) {
        let stepped = match &mut self.slots[n] {
            Some(slot) => slot.step(),
            none => Slot::open(&self.log, n).map(|slot| {
                *none = Some(slot);
                "opened".to_owned()
            }),
        };
        writeln!(self.trace, "slot {n}: {stepped:?}").unwrap();
        if stepped.is_err() {
            self.slots[n] = None;
        }
    }

    /// Trouble is over: everything late arrives, and everyone goes on until all is copied.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        self.log.drive(|broker| {
            broker.clear_faults();
            broker.settle_lingering();
            while broker.deliver_delayed() {}
            broker.advance(LONG);
        });
        for step in 0..STEPS_TO_FINISH_MAX {
            if self.copies().len() >= RECORDS {
                return Ok(());
            }
            self.step(step % SLOTS);
        }
        Err(TestCaseError::fail(format!("only {:?} copied\n{}", self.copies(), self.trace)))
    }

    fn copies(&self) -> Vec<String> {
        let copies = self.log.drive(|broker| broker.committed_records("out"));
        copies.iter().map(|copy| String::from_utf8(copy.value.to_vec()).unwrap()).collect()
    }
}

struct Slot {
    consumer: ModelConsumer,
    producer: ModelProducer,
    /// Assigned, and not started: the committed offset could not be read yet.
    waiting: BTreeSet<TopicPartition>,
    /// Read, and to be copied in the next step: much may happen in between.
    batch: Option<(Record, Membership)>,
}

/// Why a slot ends.
type Ended = String;

impl Slot {
    fn open(log: &ModelLog, n: usize) -> Result<Self, Ended> {
        let mut producer = log.producer(&format!("slot-{n}")).unwrap();
        must_be_done(producer.init())?;
        let consumer = log.consumer("copiers", &["in"]).unwrap();
        Ok(Self { consumer, producer, waiting: BTreeSet::new(), batch: None })
    }

    fn step(&mut self) -> Result<String, Ended> {
        if let Some((record, membership)) = self.batch.take() {
            return self.copy(record, &membership).map(|()| "copied".to_owned());
        }
        self.start_waiting();
        let polled = match self.consumer.poll(Duration::ZERO) {
            Ok(polled) => polled,
            Err(ConsumerError::Unavailable(why)) => return Ok(why),
            Err(error) => return Err(error.to_string()),
        };
        let told = format!("{polled:?}");
        match polled {
            Polled::Record(record) => {
                let membership = self.consumer.membership().map_err(|error| error.to_string())?;
                self.batch = Some((record, membership));
            }
            Polled::Assigned(partitions) => self.waiting.extend(partitions),
            Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                self.waiting.retain(|at| !partitions.contains(at));
                self.consumer.release(&partitions).unwrap();
            }
            Polled::Nothing => {}
        }
        Ok(told)
    }

    fn start_waiting(&mut self) {
        let waiting: Vec<_> = self.waiting.iter().cloned().collect();
        let Ok(committed) = self.consumer.committed(&waiting, Duration::ZERO) else { return };
        let starts = committed.into_iter().map(|(at, c)| (at, c.map_or(0, |c| c.offset)));
        self.consumer.start(&starts.collect::<Vec<_>>()).unwrap();
        self.waiting.clear();
    }

    fn copy(&mut self, read: Record, membership: &Membership) -> Result<(), Ended> {
        let copy = NewRecord {
            topic: "out".into(),
            partition: Some(0),
            key: None,
            value: read.value.clone(),
            headers: Vec::new(),
        };
        let next =
            NewOffset { at: read.at.clone(), offset: read.offset + 1, metadata: String::new() };
        must_be_done(self.producer.begin())?;
        let mut outcome = self.producer.produce(copy);
        if outcome == Outcome::Done {
            outcome = self.producer.send_offsets(&[next], membership);
        }
        if outcome == Outcome::Done {
            outcome = self.producer.commit();
        }
        if let Outcome::Aborted(_) = outcome {
            outcome = self.producer.abort();
            self.consumer.seek(&[(read.at, read.offset)]).unwrap();
        }
        must_be_done(outcome)
    }
}

fn must_be_done(outcome: Outcome) -> Result<(), Ended> {
    if outcome == Outcome::Done { Ok(()) } else { Err(format!("{outcome:?}")) }
}
