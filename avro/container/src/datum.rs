//! Single datums: one value in Avro's binary encoding, without any framing.

use std::{fmt, io::BufRead as _};

use cordon_records::{Datum, EncodeError, schema::Version};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_avro_fast::{
    de::{DeserializerConfig, DeserializerState, read::SliceRead},
    ser::{SerializerConfig, SerializerState},
};

/// Deepest nesting of a datum. Our deepest record, the element, needs five.
const DEPTH_MAX: usize = 16;

/// Longest array a datum may claim; its items are not allocated before they are read.
const SEQUENCE_ITEMS_MAX: usize = 1 << 17;

/// Bytes that do not follow their schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed datapoint: {0}")]
pub struct DatumFault(pub String);

/// Encodes values with one schema; keeps its buffers from one to the next.
pub struct DatumEncoder {
    version: &'static Version,
    config: SerializerConfig<'static>,
}

impl DatumEncoder {
    /// An encoder for this version's schema.
    pub fn new(version: &'static Version) -> Self {
        Self { version, config: SerializerConfig::new(&version.schema) }
    }

    /// Appends the encoding of `value` to `out`; on an error `out` is as before.
    pub fn append<T: Datum>(&mut self, value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if T::own_version().is_some_and(|own| std::ptr::eq(own, self.version)) {
            value.write(out);
            return Ok(());
        }
        let before = out.len();
        let mut state = SerializerState::from_writer(&mut *out, &mut self.config);
        value.serialize(state.serializer()).map_err(|e| {
            out.truncate(before);
            EncodeError(e.to_string())
        })
    }
}

/// Decodes values that lie one after another, written with one schema.
#[derive(Clone)]
pub struct DatumDecoder {
    config: DeserializerConfig<'static>,
}

impl DatumDecoder {
    /// A decoder for this version's schema.
    pub fn new(version: &'static Version) -> Self {
        let mut config = DeserializerConfig::new(&version.schema);
        config.max_seq_size = SEQUENCE_ITEMS_MAX;
        config.allowed_depth = DEPTH_MAX;
        Self { config }
    }

    /// Decodes one value and returns the bytes behind it.
    pub fn decode<'a, T: Deserialize<'a>>(
        &self,
        bytes: &'a [u8],
    ) -> Result<(T, &'a [u8]), DatumFault> {
        let mut state = DeserializerState::with_config(SliceRead::new(bytes), self.config.clone());
        let value = T::deserialize(state.deserializer()).map_err(|e| DatumFault(e.to_string()))?;
        let left = state.into_reader().fill_buf().map_or(0, <[u8]>::len);
        Ok((value, &bytes[bytes.len() - left..]))
    }

    /// Walks over one value and returns the bytes behind it: exactly those that
    /// [`DatumDecoder::decode`] returns for a type with all fields of the schema.
    pub fn skip<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], DatumFault> {
        self.decode::<Walked>(bytes).map(|(Walked, rest)| rest)
    }
}

/// A value that was walked over. Unlike serde's `IgnoredAny` it visits array items one by one:
/// an Avro array may also state its size in bytes, and a hostile one can state it wrongly, so
/// that a reader who trusts it and one who does not would disagree on where the next value is.
struct Walked;

impl<'de> Deserialize<'de> for Walked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Walk)
    }
}

struct Walk;

macro_rules! walk_over {
    ($($visit:ident: $leaf:ty),*) => {
        $(fn $visit<E>(self, _: $leaf) -> Result<Walked, E> { Ok(Walked) })*
    };
}

impl<'de> Visitor<'de> for Walk {
    type Value = Walked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    walk_over!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str,
        visit_bytes: &[u8]);

    fn visit_unit<E>(self) -> Result<Walked, E> {
        Ok(Walked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Walked, A::Error> {
        while seq.next_element::<Walked>()?.is_some() {}
        Ok(Walked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Walked, A::Error> {
        while map.next_entry::<Walked, Walked>()?.is_some() {}
        Ok(Walked)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, _: D) -> Result<Walked, D::Error> {
        Err(D::Error::custom("an Avro value is never a newtype"))
    }
}
