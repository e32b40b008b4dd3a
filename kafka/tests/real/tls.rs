//! A cluster by TLS: who is trusted, and what is said where nobody is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use cordon_kafka::{
    admin::{Acl, Admin, NewTopic, Operation, Resource},
    connection::{Connection, Security},
    local::{Broker, Certificates, Options, Server},
    log::{ConsumerError, Log, Outcome, Producer},
    real::{RealLog, Settings},
    secret::Password,
};

use crate::{
    denials::denied,
    support::{BROKER, text},
};

/// Never dropped, as [`BROKER`].
static BY_TLS: LazyLock<Broker> = LazyLock::new(|| {
    let options = Options { server: Server::JarsByTls, ..Options::default() };
    Broker::start_with(&options).expect("a broker that speaks TLS")
});

#[test]
fn a_principal_works_by_tls() {
    let admin = Admin::new(&BY_TLS.admin()).unwrap();
    let topic = NewTopic {
        name: "by-tls".to_owned(),
        partitions: 1,
        replication: 1,
        settings: BTreeMap::new(),
    };
    assert!(admin.create_topic(&topic).unwrap());
    let password = Password::random().unwrap();
    admin.upsert_user("pack", &password).unwrap();
    let grant = |operation, resource| Acl {
        principal: "User:pack".to_owned(),
        operation,
        resource,
        name: "by-tls".to_owned(),
        prefixed: true,
    };
    let grants = [
        grant(Operation::Read, Resource::Topic),
        grant(Operation::Write, Resource::Topic),
        grant(Operation::Write, Resource::TransactionalId),
    ];
    admin.create_acls(&grants).unwrap();

    let log = RealLog::new(BY_TLS.connection("pack", password));
    assert!(matches!(log.connection().security, Security::SaslSsl { ca_file: Some(_) }));
    let mut producer = log.producer("by-tls-0").unwrap();
    assert_eq!(producer.init(), Outcome::Done);
    assert_eq!(producer.begin(), Outcome::Done);
    assert_eq!(producer.produce(text("by-tls", 0, "sealed in transit")), Outcome::Done);
    assert_eq!(producer.commit(), Outcome::Done);
    let records = log.reader("by-tls").unwrap();
    let values: Vec<_> = records.map(|record| record.unwrap().value).collect();
    assert_eq!(values, ["sealed in transit"]);
}

fn trusting(ca_file: Option<PathBuf>) -> Connection {
    Connection { security: Security::SaslSsl { ca_file }, ..BY_TLS.admin() }
}

#[test]
fn a_broker_that_no_trusted_authority_signed_is_told() {
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Certificates::make(elsewhere.path()).unwrap();
    // The last one: the system's own authorities.
    for ca_file in [Some(other.ca_file), None] {
        let log = RealLog::new(trusting(ca_file));
        for words in [
            denied(log.reader("by-tls")),
            denied(log.consumer("admin", &["by-tls"])),
            match log.producer("by-tls-1").unwrap().init() {
                Outcome::Denied(words) => words,
                other => panic!("let in: {other:?}"),
            },
        ] {
            assert!(words.starts_with("User:admin does not trust the broker: "), "{words}");
            assert!(words.contains("certificate verify failed"), "{words}");
            assert!(words.ends_with("ca_file must name the authority that signed its certificate"));
        }
    }
}

#[test]
fn a_file_of_authorities_that_is_not_there_is_named() {
    let missing = Path::new("no/such/authority.pem").to_owned();
    let result = RealLog::new(trusting(Some(missing))).reader("by-tls").map(drop);
    let Err(ConsumerError::Fatal(words)) = result else { panic!("{result:?}") };
    assert!(words.contains("no/such/authority.pem"), "{words}");
}

#[test]
fn tls_on_one_side_only_is_told() {
    let seconds = Duration::from_secs;
    let settings = Settings { connect_timeout: seconds(3), ..Settings::default() };
    let ask = |connection: Connection| {
        let result = RealLog::with_settings(connection, settings.clone()).reader("any");
        result.map(drop).unwrap_err().to_string()
    };
    let clear = Connection { security: Security::SaslPlaintext, ..BY_TLS.admin() };
    let words = ask(clear);
    assert!(words.contains("is TLS on or off as on the broker"), "{words}");
    let sealed = Connection { security: Security::SaslSsl { ca_file: None }, ..BROKER.admin() };
    let words = ask(sealed);
    assert!(words.contains("connecting to a PLAINTEXT broker listener?"), "{words}");
}
