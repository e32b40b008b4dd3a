//! A full batch: payloads of log lines, and the job of a cell over them.

use cordon_cell::{CellJob, CellLimits, sealed_memfd};
use cordon_container::SectionWriter;
use cordon_load::{Settings, Telemetry};
use cordon_records::{
    Digest, FileOrigin, LogDatapoint, Origin,
    cell::{Job, Part},
    schema, single_object,
};

/// A full batch, and the datapoints of a default payload.
const BATCH_DATAPOINTS: usize = 32_768;
const PAYLOAD_DATAPOINTS: usize = 4096;

#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) lines: usize,
    pub(crate) line_bytes: usize,
    pub(crate) payloads: Vec<Vec<u8>>,
    job: Job,
}

impl Batch {
    /// The first lines of a file, or generated ones.
    pub(crate) fn of(file: Option<&str>) -> Self {
        let lines: Vec<Vec<u8>> = match file {
            Some(path) => {
                let text = std::fs::read(path).expect("the file can be read");
                let lines = text.split(|&b| b == b'\n').filter(|line| !line.is_empty());
                lines.take(BATCH_DATAPOINTS).map(<[u8]>::to_vec).collect()
            }
            None => Telemetry::new(Settings::default())
                .take(BATCH_DATAPOINTS)
                .map(|line| line.bytes)
                .collect(),
        };
        let payloads: Vec<Vec<u8>> = lines.chunks(PAYLOAD_DATAPOINTS).map(payload).collect();
        let mut offset_bytes = 0;
        let mut parts = Vec::new();
        for (lines, payload) in lines.chunks(PAYLOAD_DATAPOINTS).zip(&payloads) {
            let n = lines.len() as i64;
            let len_bytes = payload.len() as i64;
            parts.push(part(offset_bytes, len_bytes, n));
            offset_bytes += len_bytes;
        }
        let line_bytes = lines.iter().map(Vec::len).sum();
        Self { lines: lines.len(), line_bytes, payloads, job: job(parts) }
    }

    /// The same input for a cell that has nothing to do with it.
    pub(crate) fn without_work(&self) -> Self {
        let mut batch = self.clone();
        batch.job.parts.clear();
        batch
    }

    pub(crate) fn parts(&self) -> usize {
        self.job.parts.len()
    }

    /// What a courier hands over: everything in one sealed memfd.
    pub(crate) fn job(&self, chunk_datapoints: i32) -> CellJob {
        let job = Job { chunk_datapoints, ..self.job.clone() };
        let pieces: Vec<&[u8]> = self.payloads.iter().map(|payload| &payload[..]).collect();
        CellJob {
            header: single_object::encode(&job).expect("a job fits its schema"),
            input: sealed_memfd("input", &pieces).expect("memory for a batch"),
            limits: CellLimits::default(),
        }
    }
}

fn payload(lines: &[Vec<u8>]) -> Vec<u8> {
    let sha256 = Digest::of(b"a file");
    let mut writer = SectionWriter::new(schema::LOG_DATAPOINT.current(), Vec::new());
    for (record, line) in (0..).zip(lines) {
        let origin = Origin::File(FileOrigin { sha256, record });
        writer.append(&LogDatapoint { origin, line }).expect("a line fits a container");
    }
    writer.finish_section().expect("it is written to memory");
    writer.into_inner()
}

fn part(offset_bytes: i64, len_bytes: i64, n: i64) -> Part {
    Part {
        offset_bytes,
        len_bytes,
        schema: schema::LOG_DATAPOINT.current().fingerprint.to_long(),
        from: 0,
        to: n,
        datapoints: Some(n),
        decoded_bytes_max: 1 << 30,
        selection: None,
    }
}

fn job(parts: Vec<Part>) -> Job {
    Job::of(parts, 4, 1)
}
