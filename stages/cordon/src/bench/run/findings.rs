//! Which events findings are about: read in cells, as any payload.

use anyhow::{Context as _, Result};
use cordon_cell::CellLimits;
use cordon_records::Pointer;
use serde::Deserialize;

use super::latency::Origin;
use crate::{archive::Archive, demo, reader};

/// Payloads that one cell prints.
const PAYLOADS_MAX: usize = 64;

/// Each finding's origin, with when its pointer could be read. Findings about lines of files have no
/// place in Kafka, and are left out.
pub(super) fn origins(
    archive: &Archive,
    pointers: &[(u64, Pointer)],
) -> Result<Vec<(u64, Origin)>> {
    let runtime = crate::runtime()?;
    demo::with_reader(|cells| {
        let mut found = Vec::new();
        for chunk in pointers.chunks(PAYLOADS_MAX) {
            let mut payloads = Vec::with_capacity(chunk.len());
            for (_, pointer) in chunk {
                let bytes = runtime.block_on(archive.fetch(pointer))?;
                let datapoints = pointer.datapoints.context("a finding's pointer counts")?;
                payloads.push(reader::Payload {
                    bytes,
                    schema: pointer.schema,
                    from: 0,
                    to: datapoints,
                    datapoints: Some(datapoints),
                });
            }
            let printed = reader::print(cells, &payloads, &[], CellLimits::default())?;
            let lines = printed.lines();
            let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            // One line a finding, payload by payload: the cell's word, which a bench may take.
            for ((arrived_us, _), payload) in chunk.iter().zip(&payloads) {
                for line in lines.by_ref().take(usize::try_from(payload.to)?) {
                    found.extend(origin(line)?.map(|origin| (*arrived_us, origin)));
                }
            }
        }
        Ok(found)
    })
}

fn origin(line: &[u8]) -> Result<Option<Origin>> {
    #[derive(Deserialize)]
    struct Printed {
        origin: Either,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Log(Origin),
        File {},
    }
    let printed: Printed = serde_json::from_slice(line).context("a finding is printed as JSON")?;
    Ok(match printed.origin {
        Either::Log(origin) => Some(origin),
        Either::File {} => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_record_or_a_file() {
        let of_log = br#"{"id":"x","origin":{"topic":"raw","partition":2,"offset":9}}"#;
        let expected = Origin { topic: "raw".to_owned(), partition: 2, offset: 9 };
        assert_eq!(origin(of_log).unwrap(), Some(expected));
        assert_eq!(origin(br#"{"origin":{"file":"ab","record":1}}"#).unwrap(), None);
        assert!(origin(b"{}").is_err());
    }
}
