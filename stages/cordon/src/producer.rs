//! Opening the producer of a command that writes in transactions.

use cordon_kafka::log::{ConsumerError, Log, Outcome, Producer};

use crate::patience::Patience;

/// Opens the producer with this `transactional.id`. Whoever else has it is fenced, and the
/// transaction it left is settled.
///
/// # Errors
///
/// In words: it is denied, or does not become available within [`Patience`].
pub(crate) fn open<L: Log>(log: &L, id: &str) -> Result<L::Producer, String> {
    let mut patience = Patience::new();
    loop {
        match try_open(log, id) {
            Ok(producer) => return Ok(producer),
            Err(Closed::Unavailable(why)) if patience.wait() => {
                tracing::warn!(why, "the producer is opened again");
            }
            Err(Closed::Unavailable(why)) => return Err(format!("{id} does not open: {why}")),
            Err(Closed::Denied(why)) => return Err(why),
        }
    }
}

/// Why a producer did not open.
enum Closed {
    /// It may pass.
    Unavailable(String),
    /// It will not.
    Denied(String),
}

fn try_open<L: Log>(log: &L, id: &str) -> Result<L::Producer, Closed> {
    let mut producer = log.producer(id).map_err(|error| match error {
        ConsumerError::Unavailable(why) => Closed::Unavailable(why),
        other => Closed::Denied(other.to_string()),
    })?;
    match producer.init() {
        Outcome::Done => Ok(producer),
        Outcome::Denied(why) => Err(Closed::Denied(why)),
        Outcome::Aborted(why) | Outcome::Unknown(why) | Outcome::Fenced(why) => {
            Err(Closed::Unavailable(why))
        }
    }
}
