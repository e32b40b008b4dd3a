//! The ways in which a broker may be wrong on purpose.

macro_rules! mutations {
    ($($(#[$doc:meta])* $mutation:ident fails $case:literal,)*) => {
        /// One deviation from Apache Kafka, or from the seam. Each makes its conformance case
        /// fail; that is how we know that the case looks at something.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[doc(hidden)]
        pub enum Mutation {
            $($(#[$doc])* $mutation,)*
        }

        impl Mutation {
            /// All of them.
            pub const ALL: &[Mutation] = &[$(Mutation::$mutation,)*];

            /// The case that must fail.
            pub fn case(self) -> &'static str {
                match self {
                    $(Mutation::$mutation => $case,)*
                }
            }
        }
    };
}

mutations! {
    /// Keys and headers get lost.
    RecordStripped fails "a_record_arrives_as_it_was_sent",
    /// Records with equal keys are spread.
    KeySpread fails "equal_keys_share_a_partition",
    /// Aborted records are delivered.
    ReadUncommitted fails "aborted_records_are_never_read",
    /// Records of an open transaction are passed over, and later ones delivered.
    IgnoreLso fails "an_open_transaction_hides_all_that_follow",
    /// `bounds` tells the log's end instead of the last stable offset.
    BoundsIgnoreLso fails "bounds_end_at_an_open_transaction",
    /// Only the first partition of a transaction becomes visible.
    TornCommit fails "a_commit_is_atomic_over_topics",
    /// Plain records share the fate of the transaction.
    PlainInTransaction fails "plain_records_are_in_no_transaction",
    /// Records of any size are taken.
    AnySize fails "a_record_that_is_too_large_aborts",
    /// A record without a partition is dropped in silence.
    NowhereIsFine fails "a_record_to_nowhere_is_not_committed",

    /// A predecessor with the same transactional id may go on.
    NoEpochFencing fails "a_successor_fences_a_zombie",
    /// Opening a producer leaves its predecessor's transaction open.
    InitLeavesOpen fails "a_dead_producers_transaction_is_aborted",
    /// Opening a producer commits its predecessor's transaction.
    InitCommitsOpen fails "a_dead_producers_transaction_is_aborted",
    /// Opening a producer takes its predecessor's committed offsets back.
    InitForgetsCommit fails "a_commit_survives_its_producer",
    /// Open transactions never time out.
    NoTransactionTimeout fails "an_overdue_transaction_is_aborted",

    /// An abort commits the offsets all the same.
    AbortKeepsOffsets fails "an_abort_leaves_offsets_and_metadata",
    /// Offsets of open transactions are told as committed.
    PendingVisible fails "pending_offsets_block_committed",
    /// Offsets of open transactions block nobody, and the old ones are told.
    PendingIgnored fails "pending_offsets_block_committed",
    /// Metadata is not stored.
    MetadataDropped fails "metadata_comes_back",
    /// Metadata is read as ASCII; the rest is dropped.
    MetadataAscii fails "foreign_metadata_comes_back",
    /// The same offset keeps its old metadata.
    MetadataKept fails "the_same_offset_takes_new_metadata",
    /// All offsets of one call get the metadata of the last.
    MetadataMixed fails "each_partition_has_its_own_offset",
    /// Metadata of any length and kind is taken.
    MetadataUnlimited fails "long_or_foreign_metadata_is_refused",

    /// Offsets are taken under any generation.
    NoGenerationFencing fails "a_stale_generation_is_refused",
    /// A member whose partitions stay is not told of a new generation.
    GenerationUntold fails "a_new_generation_is_told",
    /// Offsets are taken from members that have left.
    NoMemberFencing fails "a_departed_member_is_refused",
    /// A consumer that has not joined has a membership.
    UnjoinedMembership fails "a_member_that_never_joined_is_refused",
    /// Members that left keep their partitions.
    LeaveHolds fails "leaving_moves_partitions_at_once",
    /// A member that stopped polling keeps its partitions.
    NoExpiry fails "a_silent_member_loses_its_partitions",
    /// Every member gets every partition.
    EveryoneOwnsAll fails "a_handover_neither_loses_nor_repeats",
    /// The first member keeps everything.
    FirstOwnsAll fails "a_handover_neither_loses_nor_repeats",
    /// The newest member gets everything.
    LastOwnsAll fails "a_revoked_partition_waits_for_its_release",
    /// Only the first topic of a subscription is read.
    OneTopic fails "a_group_reads_several_topics",
    /// A partition goes to its new owner before the old one has released it.
    HandoverBeforeRelease fails "a_revoked_partition_waits_for_its_release",

    /// A group that committed nothing is told to stand at the beginning.
    MissingIsZero fails "a_missing_offset_is_told_and_not_guessed",
    /// An assignment is read from its beginning before it is started.
    StartsItself fails "a_missing_offset_is_told_and_not_guessed",
    /// Starting ignores the offset and begins at the first.
    StartIgnoresOffset fails "reading_starts_where_it_is_told",
    /// Seeking does nothing.
    SeekIgnored fails "seeking_back_redelivers",
    /// Pausing does nothing.
    PauseIgnored fails "a_paused_partition_waits",
    /// Records that arrive during a pause are passed over.
    PauseSkips fails "a_paused_partition_waits",
    /// An offset out of range is reset to the first.
    OutOfRangeResets fails "an_offset_out_of_range_is_told",
}
