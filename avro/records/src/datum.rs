//! Datapoints that write themselves.
//!
//! The schema's codec looks every field up by its name, which for an element costs more than all
//! of its bytes. An element is written several times on its way, so it has code of its own; the
//! bytes are those of the codec, which the tests compare.

use serde::Serialize;

use crate::{
    Body, Edge, Element, Finding, LogDatapoint, LogRecord, Node, Property,
    schema::{self, Version},
};

/// A datapoint of a payload.
pub trait Datum: Serialize {
    /// The version that [`Datum::write`] writes; `None` where the codec shall do it.
    fn own_version() -> Option<&'static Version> {
        None
    }

    /// Appends the encoding in the schema of [`Datum::own_version`].
    fn write(&self, _out: &mut Vec<u8>) {}
}

impl Datum for LogDatapoint<'_> {}
impl Datum for LogRecord {}
impl Datum for Finding {}

impl<D: Datum> Datum for &D {
    fn own_version() -> Option<&'static Version> {
        D::own_version()
    }

    fn write(&self, out: &mut Vec<u8>) {
        D::write(self, out);
    }
}

impl Datum for Element {
    fn own_version() -> Option<&'static Version> {
        Some(schema::ELEMENT.current())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.home.0);
        long(self.first_seen_ms, out);
        long(self.last_seen_ms, out);
        match &self.body {
            Body::Node(Node { kind, key }) => {
                long(0, out);
                text(kind, out);
                out.extend_from_slice(&key.0);
            }
            Body::Edge(Edge { source, label, target }) => {
                long(1, out);
                out.extend_from_slice(&source.0);
                text(label, out);
                out.extend_from_slice(&target.0);
            }
        }
        array(&self.properties, property, out);
    }
}

fn property(property: &Property, out: &mut Vec<u8>) {
    text(&property.name, out);
    array(&property.values, |value, out| text(value, out), out);
    long(property.time_ms, out);
    array(&property.conflicts, |hash, out| long(*hash, out), out);
    out.push(u8::from(property.overflow));
}

/// One block of all items, then the empty block that ends an array.
fn array<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    if !items.is_empty() {
        long(items.len() as i64, out);
        items.iter().for_each(|item| write(item, out));
    }
    out.push(0);
}

fn text(text: &str, out: &mut Vec<u8>) {
    long(text.len() as i64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Zig-zag, then seven bits a byte, the lowest first.
fn long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value << 1 ^ value >> 63).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}
