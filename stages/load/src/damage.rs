//! Damaging lines.

use crate::{Damage, rng::Rng};

impl Damage {
    /// Damages a line that is one JSON object.
    pub(crate) fn apply(self, mut line: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
        match self {
            Damage::Truncated => {
                let len = rng.between(1, line.len() as u64) as usize;
                line.truncate(len);
                line
            }
            Damage::Utf8 => {
                // In the middle of a line there is always some string: FF is in no UTF-8 text.
                let at = rng.below(line.len() as u64) as usize;
                line[at] = 0xFF;
                line
            }
            Damage::Text => {
                let number = rng.below(100_000);
                format!("<13>Mar  4 08:00:00 wec agent[{number}]: buffer overrun, lines dropped")
                    .into_bytes()
            }
            Damage::List => {
                line.insert(0, b'[');
                line.push(b']');
                line
            }
        }
    }
}
