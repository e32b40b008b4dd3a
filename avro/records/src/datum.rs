//! Datapoints that write themselves.
//!
//! The schema's codec looks every field up by its name, which for an element costs more than all
//! of its bytes. An element is written several times on its way, so it has code of its own; the
//! bytes are those of the codec, which the tests compare.

use serde::Serialize;

use crate::{
    Body, Edge, Element, Finding, LogDatapoint, LogRecord, Node, Property,
    binary::{put_blob, put_long},
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
        put_long(out, self.first_seen_ms);
        put_long(out, self.last_seen_ms);
        match &self.body {
            Body::Node(Node { kind, key }) => {
                put_long(out, 0);
                put_blob(out, kind.as_bytes());
                out.extend_from_slice(&key.0);
            }
            Body::Edge(Edge { source, label, target }) => {
                put_long(out, 1);
                out.extend_from_slice(&source.0);
                put_blob(out, label.as_bytes());
                out.extend_from_slice(&target.0);
            }
        }
        array(&self.properties, property, out);
    }
}

fn property(property: &Property, out: &mut Vec<u8>) {
    put_blob(out, property.name.as_bytes());
    array(&property.values, |value, out| put_blob(out, value.as_bytes()), out);
    put_long(out, property.time_ms);
    array(&property.conflicts, |hash, out| put_long(out, *hash), out);
    out.push(u8::from(property.overflow));
}

/// One block of all items, then the empty block that ends an array.
fn array<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    if !items.is_empty() {
        put_long(out, items.len() as i64);
        items.iter().for_each(|item| write(item, out));
    }
    out.push(0);
}
