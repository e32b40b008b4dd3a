//! Who is refused hears why, by the name of what is missing, as an answer: what a timeout gives is
//! another kind of error.

use std::time::Duration;

use cordon_kafka::{
    admin::{Acl, Admin, Operation, Resource},
    connection::Connection,
    log::{Consumer, ConsumerError, Log, NewOffset, Outcome, Producer},
    real::{RealLog, Settings},
    secret::Password,
};

use crate::support::{BROKER, PATIENCE, Principal, admin, assigned, fill, text, topic};

/// Why it is denied.
pub(crate) fn denied<T>(result: Result<T, ConsumerError>) -> String {
    match result.map(drop) {
        Err(ConsumerError::Denied(words)) => words,
        other => panic!("not denied: {other:?}"),
    }
}

#[test]
fn a_wrong_password_is_told() {
    let input = topic("in", 1);
    let stage = Principal::stage("stage", &input, &[]);
    let wrong = stage.connection.as_principal(&stage.name, Password::new("wrong"));
    let log = RealLog::new(wrong.clone());
    let begins = format!("User:{} cannot authenticate: ", stage.name);
    let reader = denied(log.reader(&input));
    assert!(reader.starts_with(&begins), "{reader}");
    let consumer = denied(log.consumer(&stage.name, &[&input]));
    assert!(consumer.starts_with(&begins), "{consumer}");
    let mut producer = log.producer(&stage.name).unwrap();
    let Outcome::Denied(words) = producer.init() else { panic!("let in") };
    assert!(words.starts_with(&begins), "{words}");
    let Err(refused) = Admin::new(&wrong) else { panic!("let in") };
    assert!(refused.words.contains(&begins), "{refused}");
}

#[test]
fn a_broker_that_is_not_there_is_unavailable() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nowhere = Connection::plaintext(&format!("127.0.0.1:{port}"), "pack", Password::new("any"));
    let seconds = Duration::from_secs;
    let settings =
        Settings { connect_timeout: seconds(2), init_timeout: seconds(2), ..Settings::default() };
    let log = RealLog::with_settings(nowhere, settings);
    let Err(ConsumerError::Unavailable(words)) = log.consumer("pack", &["raw"]) else {
        panic!("somebody answered");
    };
    assert!(words.contains("refused"), "{words}");
    let Outcome::Unknown(words) = log.producer("pack-0").unwrap().init() else {
        panic!("somebody answered");
    };
    assert!(words.contains("refused"), "{words}");
}

#[test]
fn a_topic_that_does_not_exist_is_named() {
    let log = RealLog::new(BROKER.admin());
    let Err(ConsumerError::Unavailable(words)) = log.consumer("nobody", &["no-such-topic"]) else {
        panic!("it exists");
    };
    assert_eq!(words, "topic no-such-topic does not exist; `cordon topology apply` makes it");
    assert_eq!(log.partitions(&["no-such-topic"]), Err(ConsumerError::Unavailable(words)));
}

/// Takes each of a stage's ACLs away in turn.
#[test]
fn each_missing_acl_is_named() {
    let (input, output) = (topic("in", 1), topic("out", 1));
    let stage = Principal::stage("stage", &input, &[&output]);
    let name = &stage.name;
    let without = |acl: Acl, ask: &dyn Fn() -> String| {
        assert_eq!(admin().delete_acls(std::slice::from_ref(&acl)).unwrap(), 1);
        let words = ask();
        admin().create_acls(&[acl]).unwrap();
        words
    };

    let read_input = stage.acl(Operation::Read, Resource::Topic, &input);
    let words = without(read_input, &|| denied(stage.log().consumer(name, &[&input])));
    assert_eq!(words, format!("User:{name} lacks the ACL Read on topic {input}"));

    let read_group = stage.acl(Operation::Read, Resource::Group, name);
    let words = without(read_group, &|| denied(stage.log().consumer(name, &[&input])));
    assert_eq!(words, format!("User:{name} lacks the ACL Read on group {name}"));

    let ids = stage.acl(Operation::Write, Resource::TransactionalId, name);
    let words = without(Acl { prefixed: true, ..ids }, &|| match stage
        .log()
        .producer(&format!("{name}-0"))
        .unwrap()
        .init()
    {
        Outcome::Denied(words) => words,
        other => panic!("not denied: {other:?}"),
    });
    assert_eq!(words, format!("User:{name} lacks the ACL Write on transactional id {name}-0"));

    let write = stage.acl(Operation::Write, Resource::Topic, &output);
    let words = without(write, &|| {
        let mut producer = stage.producer(0);
        assert_eq!(producer.begin(), Outcome::Done);
        assert_eq!(producer.produce(text(&output, 0, "x")), Outcome::Done);
        match producer.commit() {
            Outcome::Denied(words) => words,
            other => panic!("not denied: {other:?}"),
        }
    });
    assert_eq!(words, format!("User:{name} lacks the ACL Write on topic {output}"));

    // With all four again, all is well.
    stage.consumer(&[&input]);
    let mut producer = stage.producer(0);
    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text(&output, 0, "x")), Outcome::Done);
    assert_eq!(producer.commit(), Outcome::Done);
}

/// The group's ACL goes away while the stage runs.
#[test]
fn offsets_without_the_group_are_denied() {
    let input = topic("in", 1);
    fill([text(&input, 0, "a")]);
    let stage = Principal::stage("stage", &input, &[]);
    let mut consumer = stage.consumer(&[&input]);
    let at = assigned(&mut consumer).remove(0);
    let membership = consumer.membership().unwrap();
    let mut producer = stage.producer(0);
    admin().delete_acls(&[stage.acl(Operation::Read, Resource::Group, &stage.name)]).unwrap();
    assert_eq!(producer.begin(), Outcome::Done);
    let offset = NewOffset { at, offset: 1, metadata: "x".to_owned() };
    let name = &stage.name;
    assert_eq!(
        producer.send_offsets(&[offset], &membership),
        Outcome::Denied(format!("User:{name} lacks the ACL Read on group {name}"))
    );
}

/// Of several topics, only the one that is denied is named.
#[test]
fn of_several_topics_the_denied_one_is_named() {
    let inputs = [topic("in", 1), topic("in", 1)];
    let outputs = [topic("out", 1), topic("out", 1)];
    let stage = Principal::stage("stage", &inputs[0], &[&outputs[0], &outputs[1]]);
    let name = &stage.name;
    let read = stage.acl(Operation::Read, Resource::Topic, &inputs[1]);
    admin().create_acls(std::slice::from_ref(&read)).unwrap();

    let mut producer = stage.producer(0);
    assert_eq!(producer.begin(), Outcome::Done);
    let write = stage.acl(Operation::Write, Resource::Topic, &outputs[1]);
    assert_eq!(admin().delete_acls(&[write]).unwrap(), 1);
    for output in &outputs {
        assert_eq!(producer.produce(text(output, 0, "x")), Outcome::Done);
    }
    assert_eq!(
        producer.commit(),
        Outcome::Denied(format!("User:{name} lacks the ACL Write on topic {}", outputs[1]))
    );

    let mut consumer = stage.consumer(&[&inputs[0], &inputs[1]]);
    let mut starts = Vec::new();
    while starts.len() < inputs.len() {
        starts.extend(assigned(&mut consumer).into_iter().map(|at| (at, 0)));
    }
    consumer.start(&starts).unwrap();
    assert_eq!(admin().delete_acls(&[read]).unwrap(), 1);
    let polls = PATIENCE.as_millis() / 100;
    let words = (0..polls).find_map(|_| consumer.poll(Duration::from_millis(100)).err());
    let denied = format!("User:{name} lacks the ACL Read on topic {}", inputs[1]);
    assert_eq!(words, Some(ConsumerError::Denied(denied)));
}
