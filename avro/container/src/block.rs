//! One zstd frame per block.

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx};

/// Of -1, 1 and 3 the one whose next step is worth least: on real Windows telemetry -1 wrote 20 %
/// more bytes for a few per cent of CPU, and 3 saved 1 % of a log payload and 6 % of a graph
/// payload for up to 10 % (`examples/codec_speed.rs`).
const LEVEL: i32 = 1;

/// `ZSTD_error_dstSize_tooSmall` of `zstd_errors.h`, whose numbers are part of the stable API.
/// zstd returns errors as negative sizes.
const OUTPUT_FULL: usize = 0_usize.wrapping_sub(70);

/// Compresses blocks; keeps its context from one to the next.
pub(crate) struct Packer(CCtx<'static>);

impl Packer {
    pub(crate) fn new() -> Self {
        let mut context = CCtx::create();
        for parameter in [
            CParameter::CompressionLevel(LEVEL),
            // Without it, a flipped bit could decode to other bytes unnoticed.
            CParameter::ChecksumFlag(true),
        ] {
            context.set_parameter(parameter).expect("zstd knows this parameter");
        }
        Self(context)
    }

    /// Replaces `packed` by the compressed `block`.
    pub(crate) fn pack(&mut self, block: &[u8], packed: &mut Vec<u8>) {
        packed.clear();
        packed.reserve(zstd_safe::compress_bound(block.len()));
        self.0.compress2(packed, block).expect("the output has room for the worst case");
    }
}

/// Why a block could not be decompressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UnpackFault {
    Corrupt(&'static str),
    TooLarge,
}

/// Decompresses blocks; keeps its context from one to the next.
pub(crate) struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self(DCtx::create())
    }

    /// Replaces `block` by what `packed` holds, which must be exactly one frame of at most
    /// `bytes_max` decoded bytes.
    ///
    /// This is zstd's one-shot interface: it decodes into the block itself, so that there is no
    /// window to allocate however large a window the frame asks for.
    pub(crate) fn unpack(
        &mut self,
        packed: &[u8],
        bytes_max: usize,
        block: &mut Vec<u8>,
    ) -> Result<(), UnpackFault> {
        block.clear();
        if zstd_safe::find_frame_compressed_size(packed) != Ok(packed.len()) {
            return Err(UnpackFault::Corrupt("a block is not one zstd frame"));
        }
        let stated = zstd_safe::get_frame_content_size(packed)
            .map_err(|_| UnpackFault::Corrupt("a block has a damaged zstd header"))?;
        // A stream encoder does not state the size: then the cap itself is reserved, and only
        // the pages that the block fills are ever touched.
        let room = stated.unwrap_or(bytes_max as u64);
        let room = usize::try_from(room).ok().filter(|&room| room <= bytes_max);
        block.reserve_exact(room.ok_or(UnpackFault::TooLarge)?);
        match self.0.decompress(block, packed) {
            Ok(len) if len <= bytes_max => Ok(()),
            // The allocator may have given more room than asked for.
            Ok(_) => Err(UnpackFault::TooLarge),
            Err(OUTPUT_FULL) => Err(UnpackFault::TooLarge),
            Err(_) => Err(UnpackFault::Corrupt("a block does not decompress")),
        }
    }
}
