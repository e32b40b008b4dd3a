//! Whether two runs gave the same: the hash of all their elements as one graph.

use anyhow::Result;
use cordon_container::{DatumDecoder, DatumEncoder, ReadLimits, SectionReader};
use cordon_flow::{Accumulate as _, Graph};
use cordon_records::{Digest, Element, schema};

/// SHA-256 over the elements of these containers, united, in the graph's order, in Avro's binary
/// encoding. It does not depend on how the run was cut into batches.
pub(super) fn hash<'a>(containers: impl IntoIterator<Item = &'a [u8]>) -> Result<Digest> {
    let mut graph = Graph::default();
    for container in containers {
        // Whoever wrote it is this build: as large as it is.
        let limits = ReadLimits { decoded_bytes_max: u64::MAX, ..ReadLimits::default() };
        let mut reader = SectionReader::open(container, &schema::ELEMENT, None, limits)?;
        while let Some((_, element)) = reader.next::<Element>()? {
            graph.add(element);
        }
    }
    of_graph(graph)
}

/// The same over records of encoded elements, one behind the other.
pub(super) fn hash_of_datums(
    records: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> Result<Digest> {
    let decoder = DatumDecoder::new(schema::ELEMENT.current());
    let mut graph = Graph::default();
    for record in records {
        let mut rest = record.as_ref();
        while !rest.is_empty() {
            let (element, behind) = decoder.decode::<Element>(rest)?;
            graph.add(element);
            rest = behind;
        }
    }
    of_graph(graph)
}

fn of_graph(graph: Graph) -> Result<Digest> {
    let mut encoder = DatumEncoder::new(schema::ELEMENT.current());
    let mut encoded = Vec::new();
    for element in graph.into_sorted() {
        encoder.append(&element, &mut encoded)?;
    }
    Ok(Digest::of(&encoded))
}
