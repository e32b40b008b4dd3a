//! Payloads that no honest writer makes, and payloads that one does.

use std::io::Write as _;

use anyhow::Result;
use cordon_container::{DatumEncoder, SectionWriter};
use cordon_records::{Digest, FileOrigin, LogDatapoint, Origin, binary::put_long, schema};
use cordon_tests::hostile::payload;

/// A line that every stage takes.
pub const GOOD: &[u8] = b"{\"EventID\":1}";
/// Decoded, far more than a block may have.
const BOMB_BYTES: usize = 1 << 30;

/// Three good lines, a block each.
pub fn three() -> Result<Vec<u8>> {
    payload(&[GOOD; 3])
}

/// A good block, then one that claims three more datapoints in these packed bytes.
pub fn with_block(packed: &[u8]) -> Result<Vec<u8>> {
    with_claim(packed.len() as i64, packed)
}

/// The same, claiming that the packed bytes are so many.
pub fn with_claim(len: i64, packed: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = payload(&[GOOD])?;
    let sync = bytes[bytes.len() - 16..].to_vec();
    put_long(&mut bytes, 3);
    put_long(&mut bytes, len);
    bytes.extend_from_slice(packed);
    bytes.extend(sync);
    Ok(bytes)
}

/// Three encoded datapoints, one after another.
pub fn encoded() -> Result<Vec<u8>> {
    let mut encoder = DatumEncoder::new(schema::LOG_DATAPOINT.current());
    let mut bytes = Vec::new();
    for record in 0..3 {
        let origin = Origin::File(FileOrigin { sha256: Digest::of(b"no file"), record });
        encoder.append(&LogDatapoint { origin, line: GOOD }, &mut bytes)?;
    }
    Ok(bytes)
}

/// One zstd frame that states how much it holds.
pub fn packed(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(bytes, 1)?)
}

/// A frame of zeros that states what it is.
pub fn stated_bomb() -> Result<Vec<u8>> {
    packed(&vec![0; BOMB_BYTES])
}

/// One that does not.
pub fn silent_bomb() -> Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB_BYTES / zeros.len() {
        encoder.write_all(&zeros)?;
    }
    Ok(encoder.finish()?)
}

/// A frame that asks whoever unpacks it for two gigabytes.
pub fn huge_window(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1)?;
    encoder.window_log(31)?;
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// A container of another schema, without a datapoint.
pub fn foreign_schema() -> Result<Vec<u8>> {
    let mut writer = SectionWriter::new(schema::ELEMENT.current(), Vec::new());
    writer.finish_section()?;
    Ok(writer.into_inner())
}

/// Three blocks, the marker behind the first one damaged.
pub fn damaged_marker() -> Result<Vec<u8>> {
    let (one, mut whole) = (payload(&[GOOD])?, three()?);
    whole[one.len() - 1] ^= 1;
    Ok(whole)
}
