//! What a stretch of bytes is, by its first bytes.

/// What was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
    /// A zip archive.
    Zip,
    /// A tar archive (POSIX ustar, GNU).
    Tar,
    /// A Windows event log.
    Evtx,
    /// JSON objects, one a line.
    JsonLines,
    /// Nothing at all.
    Empty,
    /// None of these.
    Unknown,
}

/// What is accepted, for messages.
pub const ACCEPTED: &str =
    "JSON lines (NXLog, Get-WinEvent, Winlogbeat, Sentinel) and EVTX; plain, gz, zst, zip, tar";

/// How many bytes [`recognise`] looks at: tar's magic ends at 262.
pub(crate) const HEAD_BYTES: usize = 512;

const UTF8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// Tells what begins with `head`, the first bytes of it (512 are enough).
pub fn recognise(head: &[u8]) -> Kind {
    match head {
        [] => Kind::Empty,
        [0x1F, 0x8B, ..] => Kind::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Kind::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        _ if head.starts_with(b"ElfFile\0") => Kind::Evtx,
        _ if head.get(257..262) == Some(b"ustar") => Kind::Tar,
        _ if is_json_object(head) => Kind::JsonLines,
        _ => Kind::Unknown,
    }
}

/// A JSON-lines file begins with an object. Its first line may be damaged: then the second must.
fn is_json_object(head: &[u8]) -> bool {
    let head = head.strip_prefix(UTF8_BOM).unwrap_or(head);
    head.split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .any(|line| line.starts_with(b"{") && line.get(1).is_none_or(|next| is_after_brace(*next)))
}

fn is_after_brace(byte: u8) -> bool {
    byte == b'"' || byte == b'}' || byte.is_ascii_whitespace()
}

/// The first bytes for a message: printable characters as they are, others as escapes.
pub(crate) fn quote(head: &[u8]) -> String {
    head.iter()
        .take(16)
        .flat_map(|byte| std::ascii::escape_default(*byte))
        .map(char::from)
        .collect()
}
