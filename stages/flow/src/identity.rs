//! Identity: how a node gets its key, and an element its partition.
//!
//! A key is the first 16 bytes of the SHA-256 over the node's kind and its canonical identity
//! fields, each preceded by its length. The exact bytes, so that anyone can recompute them:
//!
//! ```text
//! message = part(kind) part(field 1) part(field 2) …
//! part(x) = length of x in bytes, 4 bytes, big-endian; then x
//! key     = SHA-256(message)[0..16]
//! ```
//!
//! No two different lists of fields share a message, because every part carries its length. SHA-256
//! because an attacker who writes log lines must not be able to make two entities collide, and
//! because every language has it.

use cordon_records::NodeKey;
use sha2::{Digest as _, Sha256};

/// Derives the key of a node of `kind` from its canonical identity fields.
pub fn node_key<'f>(kind: &str, fields: impl IntoIterator<Item = &'f [u8]>) -> NodeKey {
    let mut message = Message::default();
    message.part(kind.as_bytes());
    fields.into_iter().for_each(|field| message.part(field));
    message.key()
}

/// Gathers short messages on the stack: one call of the hash is faster than one a part.
struct Message {
    hash: Sha256,
    buffer: [u8; Message::BUFFER_BYTES],
    len: usize,
}

impl Default for Message {
    fn default() -> Self {
        Self { hash: Sha256::new(), buffer: [0; Self::BUFFER_BYTES], len: 0 }
    }
}

impl Message {
    /// Two blocks of SHA-256: most file paths fit.
    const BUFFER_BYTES: usize = 128;

    fn part(&mut self, part: &[u8]) {
        let len = u32::try_from(part.len()).expect("a field of a log line is below 4 GiB");
        self.push(&len.to_be_bytes());
        self.push(part);
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.len + bytes.len() > Self::BUFFER_BYTES {
            self.hash.update(&self.buffer[..self.len]);
            self.len = 0;
        }
        if bytes.len() > Self::BUFFER_BYTES {
            self.hash.update(bytes);
        } else {
            self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn key(mut self) -> NodeKey {
        self.hash.update(&self.buffer[..self.len]);
        let digest: [u8; 32] = self.hash.finalize().into();
        let (head, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        NodeKey(*head)
    }
}

/// The partition of an element whose home is `home`: what Kafka's default partitioner does with
/// the 16 bytes as a record's key. The same for `subgraphs` and `merged`.
///
/// # Panics
/// When `partitions` is not positive: a topic has at least one.
pub fn partition_of(home: NodeKey, partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has at least one partition");
    (murmur2(&home.0).cast_signed() & i32::MAX) % partitions
}

/// Kafka's murmur2 (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;

    #[expect(clippy::cast_possible_truncation, reason = "Kafka takes the length as a 32-bit int")]
    let mut hash = SEED ^ data.len() as u32;
    let (words, tail) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        let mut word = [0; 4];
        word[..tail.len()].copy_from_slice(tail);
        hash = (hash ^ u32::from_le_bytes(word)).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of `UtilsTest.testMurmur2` in Apache Kafka.
    #[test]
    fn murmur2_is_kafkas() {
        let vectors: [(&[u8], i32); 7] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
            (b"", 275_646_681),
        ];
        for (data, hash) in vectors {
            assert_eq!(murmur2(data).cast_signed(), hash, "{data:?}");
        }
    }

    #[test]
    fn a_partition_is_in_range() {
        for byte in 0..=u8::MAX {
            let partition = partition_of(NodeKey([byte; 16]), 12);
            assert!((0..12).contains(&partition));
        }
    }

    /// Recomputed with `hashlib`:
    /// `sha256(b"\0\0\0\x06device\0\0\0\x04pc01").digest()[:16]`.
    #[test]
    fn a_key_is_the_documented_hash() {
        assert_eq!(
            node_key("device", [b"pc01".as_slice()]).to_string(),
            "60aa2ba5ff1c3ab85cc2dfe9698228b2"
        );
    }

    /// Recomputed with `hashlib`; the fields are longer than the buffer, and so is their sum.
    #[test]
    fn long_fields_hash_alike() {
        assert_eq!(
            node_key("file", [[7; 100].as_slice(), &[8; 100], &[9; 300], b"x"]).to_string(),
            "800bbcdaa63a270d249985af1e7e4c1a"
        );
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let key = |fields: &[&str]| node_key("file", fields.iter().map(|field| field.as_bytes()));
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
        assert_ne!(key(&["ab"]), key(&["ab", ""]));
    }
}
