//! The ways in which a broker may be wrong on purpose.

/// One deviation from Apache Kafka, or from the seam. Each makes its conformance case fail; that
/// is how we know that the case looks at something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[doc(hidden)]
pub enum Mutation {
    /// Aborted records are delivered.
    ReadUncommitted,
    /// Records of an open transaction are passed over, and later ones delivered.
    IgnoreLso,
    /// `bounds` tells the log's end instead of the last stable offset.
    BoundsIgnoreLso,
    /// Keys and headers get lost.
    RecordStripped,
    /// Records with equal keys are spread.
    KeySpread,
    /// Only the first partition of a transaction becomes visible.
    TornCommit,
    /// Plain records share the fate of the transaction.
    PlainInTransaction,
    /// Records of any size are taken.
    AnySize,
    /// A predecessor with the same transactional id may go on.
    NoEpochFencing,
    /// Opening a producer leaves its predecessor's transaction open.
    InitLeavesOpen,
    /// Opening a producer commits its predecessor's transaction.
    InitCommitsOpen,
    /// Opening a producer takes its predecessor's committed offsets back.
    InitForgetsCommit,
    /// Open transactions never time out.
    NoTransactionTimeout,
    /// An abort commits the offsets all the same.
    AbortKeepsOffsets,
    /// Offsets of open transactions are told as committed.
    PendingVisible,
    /// Offsets of open transactions block nobody, and the old ones are told.
    PendingIgnored,
    /// Metadata is not stored.
    MetadataDropped,
    /// Metadata is read as if it were UTF-8.
    MetadataLossy,
    /// The same offset keeps its old metadata.
    MetadataKept,
    /// Metadata of any length is taken.
    MetadataUnlimited,
    /// Offsets are taken under any generation.
    NoGenerationFencing,
    /// Offsets are taken from members that have left.
    NoMemberFencing,
    /// A consumer that has not joined has a membership.
    UnjoinedMembership,
    /// Every member gets every partition.
    EveryoneOwnsAll,
    /// The first member keeps everything.
    FirstOwnsAll,
    /// The newest member gets everything.
    LastOwnsAll,
    /// A partition goes to its new owner before the old one has released it.
    HandoverBeforeRelease,
    /// Members that left keep their partitions.
    LeaveHolds,
    /// A member that stopped polling keeps its partitions.
    NoExpiry,
    /// An assignment is read from its beginning before it is started.
    StartsItself,
    /// Starting ignores the offset and begins at the first.
    StartIgnoresOffset,
    /// Seeking does nothing.
    SeekIgnored,
    /// Pausing does nothing.
    PauseIgnored,
    /// Records that arrive during a pause are passed over.
    PauseSkips,
    /// An offset out of range is reset to the first.
    OutOfRangeResets,
}
