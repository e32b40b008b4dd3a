//! Every limit of a cell that reads a file, with its reason.

/// Longest line: what a payload takes as one datapoint, less room for its origin.
pub const LINE_BYTES_MAX: usize = cordon_container::DATAPOINT_BYTES_MAX - ORIGIN_BYTES_MAX;

/// An encoded file origin has 33 bytes and a number; the rest is room for lengths.
const ORIGIN_BYTES_MAX: usize = 512;

/// Records in one cell: 64 full payloads, so that starting a cell and skipping what is done cost
/// little beside them.
pub const CELL_RECORDS_MAX: i64 = 262_144;

/// Bytes of records that one cell takes, before compression: some seconds of work.
pub(crate) const CELL_DECODED_BYTES_MAX: u64 = 512 << 20;

/// Bytes of sections after which a cell takes no further record: half of what a cell may write by
/// default, so that the section that is open always fits.
pub(crate) const CELL_OUTPUT_BYTES_MAX: i64 = 64 << 20;

/// Letters of one cell: a file of garbage must fill neither the report nor a transaction.
pub(crate) const CELL_LETTERS_MAX: usize = 8_192;

/// Remarks of one cell that are told one by one; more are only counted.
pub(crate) const REMARKS_MAX: usize = 256;

/// Layers around a record: a zip, in it a tar.gz, in it a gz, is four. Deeper is an attack.
pub(crate) const LAYERS_MAX: u32 = 4;

/// Members of all archives of a file. Each costs at least a header to look at.
pub(crate) const MEMBERS_MAX: i64 = 65_536;

/// A zip inside of something must be held whole, for its directory stands at its end; a quarter
/// of a cell's memory.
pub(crate) const HELD_ZIP_BYTES_MAX: u64 = 128 << 20;

/// The largest window that `zstd --ultra` uses: 128 MiB.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// What a small file may unpack to in any case.
const UNPACKED_BYTES_MIN: i64 = 1 << 30;

/// Logs compress 40 to 50 times, deflate at most 1,032 times: beyond this, it is a bomb.
const UNPACKED_RATIO_MAX: i64 = 1_024;

/// What any file may unpack to: each cell unpacks it again up to its own records, so that the
/// time for a file grows with the square of its size.
const UNPACKED_BYTES_MAX: i64 = 64 << 30;

/// What a file of this size may unpack to, over all its layers.
pub fn unpacked_bytes_max(file_bytes: i64) -> i64 {
    file_bytes.saturating_mul(UNPACKED_RATIO_MAX).clamp(UNPACKED_BYTES_MIN, UNPACKED_BYTES_MAX)
}
