//! A courier moves payloads and cannot look inside: below it there is nothing that could.

use crate::graph::Graph;

/// Crates that unpack payloads or files, or parse what is in them. cordon's own are those whose
/// code runs in cells.
///
/// Not in it: serde_json, by which librdkafka's statistics, Kafka's quorum of settings and Avro
/// schemas are read, and xmlparser, by which the S3 SDK reads its errors. Neither is ever given a
/// payload's bytes, which the courier holds compressed only.
const DECODERS: &[&str] = &[
    // cordon's own
    "cordon-body",
    "cordon-container",
    "cordon-flow",
    "cordon-ingest",
    // compression and archives
    "brotli",
    "brotli-decompressor",
    "bzip2",
    "bzip2-sys",
    "flate2",
    "libdeflate-sys",
    "libz-rs-sys",
    "libz-sys",
    "lz4",
    "lz4-sys",
    "lz4_flex",
    "lzma-rs",
    "lzma-sys",
    "miniz_oxide",
    "ruzstd",
    "snap",
    "tar",
    "xz2",
    "zip",
    "zlib-rs",
    "zstd",
    "zstd-safe",
    "zstd-sys",
    // containers, lines and events
    "apache-avro",
    "evtx",
    "quick-xml",
    "simd-json",
    "sonic-rs",
];

/// The one decoder that is linked and never called: serde_avro_fast, which couriers use for the
/// single objects in Kafka records, has a reader of container files beside it, which does not
/// compile without a codec. See [`no_courier_code_opens_containers`].
const LEFT_OUT: (&str, &str) = ("serde_avro_fast", "flate2");

fn is_left_out(from: &str, to: &str) -> bool {
    (from, to) == LEFT_OUT
}

fn decoders_below(graph: &Graph, root: &str) -> Vec<String> {
    let below = graph.below(root, is_left_out);
    DECODERS.iter().filter_map(|decoder| below.get(*decoder).cloned()).collect()
}

#[test]
fn no_decoder_is_below_the_courier() {
    let graph = Graph::of_this_workspace();
    assert_eq!(decoders_below(&graph, "cordon-courier"), [""; 0]);
    // The names are those of real crates: below what runs in cells, there are decoders.
    assert!(decoders_below(&graph, "cordon-ingest").len() > 5);
    // What is left out is still there; if not, the exception is to go.
    assert!(graph.needs[LEFT_OUT.0].contains(LEFT_OUT.1), "LEFT_OUT names nothing");
}

#[test]
fn a_planted_decoder_is_found_with_the_way_to_it() {
    let needs = [
        ("cordon-courier", "cordon-records"),
        ("cordon-records", "serde_avro_fast"),
        ("serde_avro_fast", "flate2"),
        ("cordon-courier", "cordon-store"),
        ("cordon-store", "handy"),
        ("handy", "zstd"),
    ];
    let graph = Graph::planted(&[("cordon-courier", "stages/courier")], &needs);
    assert_eq!(
        decoders_below(&graph, "cordon-courier"),
        ["cordon-courier → cordon-store → handy → zstd"]
    );
    // flate2 by another way than the one that is left out.
    let needs = [("cordon-courier", "serde_avro_fast"), ("cordon-courier", "flate2")];
    let graph = Graph::planted(&[("cordon-courier", "stages/courier")], &needs);
    assert_eq!(decoders_below(&graph, "cordon-courier"), ["cordon-courier → flate2"]);
}

/// The module of serde_avro_fast that reads container files.
const CONTAINERS: &str = "object_container_file";

fn openers(graph: &Graph, read: impl Fn(&str) -> Vec<(String, String)>) -> Vec<String> {
    let below = graph.below("cordon-courier", is_left_out);
    let own = below.keys().filter_map(|name| graph.members.get(name));
    let sources = own.flat_map(|folder| read(&folder.to_string_lossy()));
    sources.filter(|(_, text)| text.contains(CONTAINERS)).map(|(path, _)| path).collect()
}

#[test]
fn no_courier_code_opens_containers() {
    let graph = Graph::of_this_workspace();
    let files = crate::files::of_this_workspace();
    let below = |folder: &str| {
        let is_source = |path: &str| path.starts_with(folder) && path.contains("/src/");
        files.iter().filter(|(path, _)| is_source(path)).cloned().collect()
    };
    assert_eq!(openers(&graph, below), [""; 0]);
    let planted = |_: &str| vec![("a.rs".to_owned(), format!("use x::{CONTAINERS}_encoding;"))];
    assert!(openers(&graph, planted).len() > 3);
}
