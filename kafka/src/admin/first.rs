//! The administrator's own transaction: the one way to commit for a group from outside.

use crate::{
    connection::Connection,
    log::{ConsumerError, Log, NewOffset, Outcome, Producer},
    real::RealLog,
};

/// Commits offsets under an empty membership, all or none of them.
pub(super) fn commit(
    connection: &Connection,
    group: &str,
    offsets: &[NewOffset],
) -> Result<(), String> {
    let log = RealLog::new(connection.clone());
    let membership = log.outsider(group).ok_or("out of memory")?;
    let words = |error: ConsumerError| error.to_string();
    // No stage's transactional ids begin so: those begin with the group's name and a hyphen.
    let mut producer = log.producer(&format!("{group}.admin")).map_err(words)?;
    done(producer.init())?;
    done(producer.begin())?;
    done(producer.send_offsets(offsets, &membership))?;
    done(producer.commit())
}

fn done(outcome: Outcome) -> Result<(), String> {
    match outcome {
        Outcome::Done => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
