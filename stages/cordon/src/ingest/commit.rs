//! One transaction for each range: pointers, letters, receipt.

use bytes::Bytes;
use cordon_courier::{
    StageSettings, World,
    event::{Transaction, TransactionOutcome},
    file::{FileBatch, FileInput, Lie},
    transaction,
};
use cordon_kafka::log::Log;
use cordon_records::cell::Report;
use cordon_store::{PutError, Store};

use super::error::IngestError;
use crate::{patience::Patience, producer};

/// A range of a file as its cell told it, kept until it is committed.
pub(super) struct Range {
    pub(super) file: FileInput,
    pub(super) from: i64,
    pub(super) report: Report,
    pub(super) output: Bytes,
    /// Checked, and its objects stored.
    pub(super) batch: FileBatch,
}

/// Where ranges go.
pub(super) struct Outlet<'a, L: Log> {
    pub(super) log: &'a L,
    pub(super) store: &'a Store,
    pub(super) runtime: &'a tokio::runtime::Handle,
    pub(super) settings: &'a StageSettings,
    pub(super) transactional_id: &'a str,
}

impl<L: Log> Outlet<'_, L> {
    /// Checks what a cell told of a range, and makes objects and records of it.
    pub(super) fn batch(
        &self,
        file: &FileInput,
        from: i64,
        report: &Report,
        output: &Bytes,
    ) -> Result<FileBatch, Lie> {
        let (settings, slot) = (self.settings, self.transactional_id);
        FileBatch::new(settings, slot, file, from, report.clone(), output, &mut World)
    }

    /// Stores the objects of a range: before any transaction names them.
    pub(super) fn store(&self, batch: &FileBatch) -> Result<(), IngestError> {
        let bucket = &self.settings.bucket;
        for object in &batch.objects {
            let mut patience = Patience::new();
            loop {
                let put = self.store.put(bucket, &object.key, object.body.clone(), object.digest);
                match self.runtime.block_on(put) {
                    Ok(()) => break,
                    Err(PutError::Unavailable(why)) if patience.wait() => {
                        tracing::warn!(why, "put is tried again");
                    }
                    Err(error) => {
                        let what = format!("put of {bucket}/{}: {error}", object.key);
                        return Err(IngestError::Store(what));
                    }
                }
            }
        }
        Ok(())
    }
}

/// Commits ranges, one after the other.
pub(super) struct Committer<'a, L: Log> {
    outlet: &'a Outlet<'a, L>,
    /// `None` while no producer is open: two must never be alive under one id.
    producer: Option<L::Producer>,
}

impl<'a, L: Log> Committer<'a, L> {
    /// Opens the producer. Another ingest with the same `transactional.id` is fenced by it.
    pub(super) fn open(outlet: &'a Outlet<'a, L>) -> Result<Self, IngestError> {
        Ok(Self { outlet, producer: Some(open_producer(outlet)?) })
    }

    /// Commits a range, and returns it as it was committed in the end.
    pub(super) fn commit(&mut self, range: Range) -> Result<FileBatch, IngestError> {
        let Range { file, from, report, output, mut batch } = range;
        let mut patience = Patience::new();
        loop {
            let why = match self.transact(&batch)? {
                TransactionOutcome::Committed => return Ok(batch),
                TransactionOutcome::Denied(why) => return Err(IngestError::Kafka(why)),
                TransactionOutcome::Fenced(why) => {
                    let id = self.outlet.transactional_id;
                    let what =
                        format!("another ingest took over {id}; give one another --id: {why}");
                    return Err(IngestError::Kafka(what));
                }
                // Known not to be there: the same again.
                TransactionOutcome::Aborted(why) => {
                    tracing::warn!(why, file = file.name, from, "the transaction was aborted");
                    why
                }
                // It may be there, and its objects with it: the range again, as a new batch.
                TransactionOutcome::Unknown(why) => {
                    tracing::warn!(why, file = file.name, from, "nobody knows; ingested again");
                    self.producer = None;
                    batch = self
                        .outlet
                        .batch(&file, from, &report, &output)
                        .map_err(|lie| IngestError::Cells(lie.to_string()))?;
                    self.outlet.store(&batch)?;
                    why
                }
            };
            if !patience.wait() {
                return Err(IngestError::Kafka(format!("no transaction commits: {why}")));
            }
        }
    }

    fn transact(&mut self, batch: &FileBatch) -> Result<TransactionOutcome, IngestError> {
        let producer = match &mut self.producer {
            Some(producer) => producer,
            closed => closed.insert(open_producer(self.outlet)?),
        };
        let transaction = Transaction { records: batch.records.clone(), offsets: Vec::new() };
        Ok(transaction::run(producer, None, transaction))
    }
}

fn open_producer<L: Log>(outlet: &Outlet<'_, L>) -> Result<L::Producer, IngestError> {
    producer::open(outlet.log, outlet.transactional_id).map_err(IngestError::Kafka)
}

#[cfg(test)]
mod tests;
