//! How two values of one property become one.
//!
//! A law is a function of the property's name alone, so that every stage, in every version that
//! knows the name, merges alike. Each law is a join: commutative, associative and idempotent on
//! normal properties, whatever order and however often they arrive.

use cordon_records::{Digest, Property, Text, Values};

use crate::names::Names;

/// Distinct values that a set keeps, the smallest ones: enough for what one entity shows of
/// itself, and sixteen full values of every property still fit into one payload.
pub const SET_VALUES_MAX: usize = 16;

/// Value hashes that an immutable property keeps of a conflict: that many witnesses show how
/// contested a value is, and a forger cannot make an element grow.
pub const CONFLICTS_MAX: usize = 8;

/// Longest value. The longest command line seen in real telemetry has 7,349 bytes, and `cmd.exe`
/// accepts 8,191 characters. A longer value is cut at the last whole character.
pub const VALUE_BYTES_MAX: usize = 8192;

/// How the values of a property merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// One value for ever. The one of the earliest event wins, of equal times the smaller one, and
    /// hashes of all that were claimed stay as `conflicts`.
    Immutable,
    /// The smallest number.
    Min,
    /// The largest number.
    Max,
    /// All distinct values: the smallest [`SET_VALUES_MAX`], and whether there were more.
    Set,
    /// The value of the latest event, of equal times the larger one.
    Latest,
}

macro_rules! laws {
    ($($law:ident: $($name:literal),+;)+) => {
        /// Every known property name and its law.
        pub const LAWS: &[(&str, Law)] = &[$($(($name, Law::$law)),+),+];
    };
}

laws! {
    Immutable: "cmd_line", "domain", "file.path", "integrity", "ip", "name", "path", "pid", "port",
        "protocol_name", "type", "uid", "user.name", "working_directory";
    Min: "created_time";
    Max: "terminated_time";
    Set: "activity", "actual_permissions", "answers", "hashes.imphash", "hashes.md5", "hashes.sha1",
        "hashes.sha256", "hostname", "module.function_name", "module.path", "status_code";
    Latest: "company_name", "data", "signature.state", "signature.subject", "version";
}

static BY_NAME: Names<Law, { LAWS.len() }> = Names::new(*LAWS.as_array().expect("its length"));

impl Law {
    /// The law of a property. A name that this version does not know, because a newer one wrote
    /// it, is a set: of all laws the one that forgets least.
    pub fn of(name: &str) -> Law {
        BY_NAME.get(name).unwrap_or(Law::Set)
    }

    /// Merges `from` into `into`; both are normal.
    pub(super) fn merge(self, into: &mut Property, from: Property) {
        match self {
            Law::Immutable => merge_immutable(into, from),
            Law::Min => {
                keep(into, from, |new, old| number(&new.values[0]) < number(&old.values[0]))
            }
            Law::Max => {
                keep(into, from, |new, old| {
                    number_or_least(&new.values[0]) > number_or_least(&old.values[0])
                });
            }
            Law::Set => merge_set(into, from),
            Law::Latest => keep(into, from, |new, old| {
                (new.time_ms, &new.values[0]) > (old.time_ms, &old.values[0])
            }),
        }
    }

    /// Whether a property already has the form that its law's merge works on and yields.
    pub(super) fn is_normal(self, property: &Property) -> bool {
        let short = property.values.iter().all(|value| value.len() <= VALUE_BYTES_MAX);
        let plain = property.conflicts.is_empty() && !property.overflow;
        short
            && match self {
                Law::Immutable => {
                    property.values.len() == 1
                        && !property.overflow
                        && are_conflicts_normal(property)
                }
                Law::Latest => property.values.len() == 1 && plain,
                Law::Min | Law::Max => property.values.len() == 1 && plain && property.time_ms == 0,
                Law::Set => {
                    (1..=SET_VALUES_MAX).contains(&property.values.len())
                        && property.values.is_sorted_by(|a, b| a < b)
                        && property.conflicts.is_empty()
                        && property.time_ms == 0
                }
            }
    }

    /// Brings any property, hostile ones too, into normal form; `None` when it has no value.
    pub(super) fn normalise(self, mut property: Property) -> Option<Property> {
        if self.is_normal(&property) {
            return Some(property);
        }
        for value in &mut property.values {
            cut(value);
        }
        let mut parts = std::mem::take(&mut property.values).into_iter().map(|value| Property {
            name: property.name.clone(),
            values: Values::from_buf([value]),
            time_ms: if self.has_time() { property.time_ms } else { 0 },
            conflicts: Vec::new(),
            overflow: false,
        });
        let mut normal = parts.next()?;
        parts.for_each(|part| self.merge(&mut normal, part));
        match self {
            Law::Immutable if !property.conflicts.is_empty() => {
                let claims = std::mem::take(&mut normal.conflicts);
                normal.conflicts = least_conflicts(
                    claims
                        .into_iter()
                        .chain(property.conflicts)
                        .chain([value_hash(&normal.values[0])]),
                );
            }
            Law::Set => normal.overflow |= property.overflow,
            _ => {}
        }
        Some(normal)
    }

    pub(crate) fn has_time(self) -> bool {
        matches!(self, Law::Immutable | Law::Latest)
    }
}

/// Keeps the whole of whichever property `is_better` prefers.
fn keep(into: &mut Property, from: Property, is_better: impl Fn(&Property, &Property) -> bool) {
    if is_better(&from, into) {
        *into = from;
    }
}

fn merge_immutable(into: &mut Property, from: Property) {
    // Compared last, and only where there are any: glibc's AVX-512 comparison of nothing with
    // nothing reads from the dangling address of an empty list, under a mask that suppresses the
    // fault, and took 7 % of all the time of generate.
    let have_conflicts = !into.conflicts.is_empty() || !from.conflicts.is_empty();
    if into.values != from.values || have_conflicts && into.conflicts != from.conflicts {
        into.conflicts = least_conflicts(claims(into).chain(claims(&from)).collect::<Vec<_>>());
    }
    if (from.time_ms, &from.values[0]) < (into.time_ms, &into.values[0]) {
        into.time_ms = from.time_ms;
        into.values = from.values;
    }
}

/// Hashes of all values an immutable property is known to have been seen with.
fn claims(property: &Property) -> impl Iterator<Item = i64> {
    let own = property.conflicts.is_empty().then(|| value_hash(&property.values[0]));
    property.conflicts.iter().copied().chain(own)
}

/// The smallest distinct hashes; none when there is only one, for then nobody disagrees.
fn least_conflicts(hashes: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut hashes: Vec<i64> = hashes.into_iter().collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(CONFLICTS_MAX);
    if hashes.len() == 1 {
        hashes.clear();
    }
    hashes
}

fn are_conflicts_normal(property: &Property) -> bool {
    let conflicts = &property.conflicts;
    if conflicts.is_empty() {
        return true;
    }
    let own = value_hash(&property.values[0]);
    let is_own_counted = conflicts.contains(&own)
        || conflicts.len() == CONFLICTS_MAX && conflicts.last().is_some_and(|last| own > *last);
    (2..=CONFLICTS_MAX).contains(&conflicts.len())
        && conflicts.is_sorted_by(|a, b| a < b)
        && is_own_counted
}

/// The first eight bytes of the value's SHA-256, big-endian, as a signed number.
pub fn value_hash(value: &str) -> i64 {
    let Digest(bytes) = Digest::of(value.as_bytes());
    let (head, _) = bytes.split_first_chunk().expect("a digest has 32 bytes");
    i64::from_be_bytes(*head)
}

fn merge_set(into: &mut Property, from: Property) {
    into.overflow |= from.overflow;
    for value in from.values {
        if let Err(place) = into.values.binary_search(&value) {
            into.values.insert(place, value);
        }
    }
    if into.values.len() > SET_VALUES_MAX {
        into.values.truncate(SET_VALUES_MAX);
        into.overflow = true;
    }
}

/// Orders numbers by size, and text that is no number behind all of them.
fn number(value: &Text) -> (bool, i64, &str) {
    match value.parse() {
        Ok(number) => (false, number, value),
        Err(_) => (true, 0, value),
    }
}

/// Orders numbers by size, and text that is no number before all of them.
fn number_or_least(value: &Text) -> (bool, i64, &str) {
    let (is_text, number, text) = number(value);
    (!is_text, number, text)
}

/// Cuts a value to [`VALUE_BYTES_MAX`] at the last whole character.
pub(crate) fn cut(value: &mut Text) {
    if value.len() > VALUE_BYTES_MAX {
        *value = Text::new(clip(value));
    }
}

/// The longest head of `value` that a property may hold.
pub(crate) fn clip(value: &str) -> &str {
    &value[..value.floor_char_boundary(VALUE_BYTES_MAX)]
}
