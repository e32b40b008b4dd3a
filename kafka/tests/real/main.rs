//! The real half on a real Apache Kafka, beyond the conformance suite: passwords and ACLs, bytes
//! that others wrote, topologies, outages. Every stage has a principal of its own.

mod clients;
mod denials;
mod local;
mod outages;
mod progress;
mod support;
mod tls;
mod topology;
