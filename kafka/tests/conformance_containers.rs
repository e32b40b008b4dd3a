//! The conformance suite on brokers in containers: `make containers`, where Docker runs.

mod on_kafka;

use cordon_kafka::local::{Image, Options, Server};
use on_kafka::{KAFKA_LOOKS, conforms};

#[test]
fn apache_kafka_in_a_container_conforms() {
    let server = Server::Container(Image::ApacheKafka);
    let options = Options { server, ..Options::default() };
    conforms("Apache Kafka in a container", options, KAFKA_LOOKS);
}

#[test]
fn redpanda_conforms() {
    // Redpanda reserves memory for its own cache, and refuses to start with less.
    let options = Options {
        server: Server::Container(Image::Redpanda),
        heap_mib: 1024,
        ..Options::default()
    };
    conforms("Redpanda", options, &["abort_timed_out_transactions_interval_ms"]);
}
