//! The conformance suite on a real Apache Kafka.

mod on_kafka;

use cordon_kafka::local::Options;
use on_kafka::{KAFKA_LOOKS, conforms};

#[test]
fn apache_kafka_conforms() {
    conforms("Apache Kafka", Options::default(), KAFKA_LOOKS);
}
