//! Graph elements as they lie in a payload. Their meaning and merge laws are in `stages/flow`.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use smol_str::SmolStr;

use crate::NodeKey;

/// Text of an element. Up to 23 bytes live in the value itself, and so does any `'static` name:
/// a log line gives several elements, and an allocation for each word of them costs as much as
/// parsing the line.
pub type Text = SmolStr;

/// The values of a property: one, but for set laws.
pub type Values = SmallVec<[Text; 1]>;

/// A node or an edge: the datapoint of `subgraphs` and `merged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Decides the partition: the device's key, else the node's own; an edge has its source's.
    pub home: NodeKey,
    /// Earliest event time, milliseconds since the epoch.
    pub first_seen_ms: i64,
    /// Latest event time, milliseconds since the epoch.
    pub last_seen_ms: i64,
    /// What it is.
    pub body: Body,
    /// Sorted by name, each name once.
    pub properties: Vec<Property>,
}

/// What an element is, and its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Body {
    /// An entity.
    #[serde(alias = "cordon.v1.Node")]
    Node(Node),
    /// A relation between two.
    #[serde(alias = "cordon.v1.Edge")]
    Edge(Edge),
}

/// An entity; its key alone is its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node {
    /// OCSF object name.
    pub kind: Text,
    /// 128-bit hash over the kind and the canonical identity fields.
    pub key: NodeKey,
}

/// A relation; all three fields are its identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Key of the node it starts from.
    pub source: NodeKey,
    /// What it says, read from source to target.
    pub label: Text,
    /// Key of the node it points to.
    pub target: NodeKey,
}

/// One property with what its merge law needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// OCSF attribute name; it fixes the merge law.
    pub name: Text,
    /// One value; for a set law up to its bound, sorted.
    pub values: Values,
    /// Event time of the value for the immutable and latest laws, else 0.
    pub time_ms: i64,
    /// Hashes of the distinct values an immutable property was seen with, the smallest few,
    /// sorted; empty while all agree.
    pub conflicts: Vec<i64>,
    /// A set saw more distinct values than its bound keeps.
    pub overflow: bool,
}
