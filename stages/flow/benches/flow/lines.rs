//! Lines to measure on.

#[path = "../../../generate/tests/archives/mod.rs"]
mod archives;

use std::path::Path;

use cordon_flow::Event;
use cordon_load::{EventLog, Settings, Shape, Telemetry};
use criterion::Throughput;
use sonic_rs::{JsonContainerTrait as _, JsonValueTrait as _, Value};

/// A full batch.
const BATCH_DATAPOINTS: usize = 32_768;
/// Of a single shape: a payload.
const PAYLOAD_DATAPOINTS: usize = 4096;

/// Some log lines.
pub(crate) struct Lines(pub(crate) Vec<Vec<u8>>);

impl Lines {
    pub(crate) fn throughput(&self) -> Throughput {
        Throughput::ElementsAndBytes {
            elements: self.0.len() as u64,
            bytes: self.0.iter().map(|line| line.len() as u64).sum(),
        }
    }

    /// Those that are events.
    pub(crate) fn events(&self) -> Vec<Event<'_>> {
        self.0.iter().filter_map(|line| Event::parse(line).ok()).collect()
    }
}

/// A full batch of generated lines in all shapes, and one of real telemetry where that is: the
/// first lines of OTRF's archives by name.
pub(crate) fn mixed() -> Vec<(&'static str, Lines)> {
    let mut all = vec![("generated", generated(Settings::default(), BATCH_DATAPOINTS))];
    let otrf = archives::data_folder().map(|data| data.join("otrf/windows"));
    if let Some(folder) = otrf.filter(|folder| folder.is_dir()) {
        let files = archives::files(&folder);
        let lines = files.iter().flat_map(|file| archives::lines(Path::new(file)));
        all.push(("otrf", Lines(lines.take(BATCH_DATAPOINTS).collect())));
    }
    all
}

/// Generated lines that agents of one kind ship.
pub(crate) fn of_shape(shape: Shape) -> Lines {
    generated(Settings::default().only(shape), PAYLOAD_DATAPOINTS)
}

/// The same events by way of an event log: as JSON of the crate `evtx`, like ingest's.
pub(crate) fn of_event_logs() -> Lines {
    let mut log = EventLog::default();
    // Of all shapes the one whose parts are easiest to take out.
    for line in of_shape(Shape::Winlogbeat6).0 {
        // Damaged lines cannot be in an event log.
        let Ok(event) = sonic_rs::from_slice::<Value>(&line) else { continue };
        let Some(id) = event["event_id"].as_u64().and_then(|id| u16::try_from(id).ok()) else {
            continue;
        };
        let Some(data) = event["event_data"].as_object() else { continue };
        let data: Vec<(&str, &str)> =
            data.iter().filter_map(|(name, value)| Some((name, value.as_str()?))).collect();
        log.push(id, event["computer_name"].as_str().unwrap_or_default(), &data);
    }
    let lines = archives::evtx_lines(log.into_bytes());
    assert!(lines.len() > PAYLOAD_DATAPOINTS / 2, "most lines are events: {}", lines.len());
    Lines(lines)
}

fn generated(settings: Settings, count: usize) -> Lines {
    Lines(Telemetry::new(settings).take(count).map(|line| line.bytes).collect())
}
