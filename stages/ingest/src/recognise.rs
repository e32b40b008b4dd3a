//! What a stretch of bytes is, by its first bytes and never by its name.

use std::fmt;

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
    /// Text in UTF-16, as PowerShell writes it, least significant byte first.
    Utf16Le,
    /// Text in UTF-16, most significant byte first.
    Utf16Be,
    /// JSON objects, one a line.
    JsonLines,
    /// JSON objects that lines do not part: a list, or objects that spread over several lines.
    JsonObjects,
    /// Nothing at all.
    Empty,
    /// None of these.
    Unknown,
}

/// What is accepted, for messages.
pub const ACCEPTED: &str = "JSON lines or lists, EVTX; plain, gz, zst, zip, tar";

/// How many bytes [`recognise`] looks at. Tar's magic ends at 262; whether an object ends on its
/// line takes a whole line, and Windows events have 2 to 4 KB.
pub(crate) const HEAD_BYTES: usize = 64 << 10;

/// The byte order mark of UTF-8.
pub(crate) const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Tells what begins with `head`, the first 64 KiB of it.
pub fn recognise(head: &[u8]) -> Kind {
    match head {
        [] => Kind::Empty,
        [0x1F, 0x8B, ..] => Kind::Gzip,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Kind::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Kind::Zip,
        [0xFF, 0xFE, ..] => Kind::Utf16Le,
        [0xFE, 0xFF, ..] => Kind::Utf16Be,
        _ if head.starts_with(b"ElfFile\0") => Kind::Evtx,
        _ if head.get(257..262) == Some(b"ustar") => Kind::Tar,
        _ => json(head.strip_prefix(UTF8_MARK).unwrap_or(head)),
    }
}

fn json(head: &[u8]) -> Kind {
    let mut lines = lines_of(head);
    let Some(first) = lines.next() else { return Kind::Unknown };
    if let Some(items) = first.text.strip_prefix(b"[") {
        let item = items.trim_ascii_start().first().or_else(|| lines.next()?.text.first());
        return if matches!(item, Some(b'{' | b']')) { Kind::JsonObjects } else { Kind::Unknown };
    }
    if !begins_object(first.text) {
        // The first lines may be damaged: one good beginning in sight is enough.
        let any = lines.any(|line| begins_object(line.text));
        return if any { Kind::JsonLines } else { Kind::Unknown };
    }
    let goes_on = first.is_complete && is_open(first.text);
    // No object has an object where a key must be: such a first line is merely damaged.
    match lines.next() {
        Some(second) if goes_on && !second.text.starts_with(b"{") => Kind::JsonObjects,
        _ => Kind::JsonLines,
    }
}

struct HeadLine<'a> {
    text: &'a [u8],
    /// Its end is in sight.
    is_complete: bool,
}

/// The lines in sight that are not blank.
fn lines_of(head: &[u8]) -> impl Iterator<Item = HeadLine<'_>> {
    head.split_inclusive(|byte| *byte == b'\n')
        .map(|line| HeadLine { text: line.trim_ascii(), is_complete: line.ends_with(b"\n") })
        .filter(|line| !line.text.is_empty())
}

fn begins_object(line: &[u8]) -> bool {
    let inside = line.strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| matches!(inside.first(), None | Some(b'"' | b'}')))
}

/// Whether a line ends while an object is still open.
fn is_open(line: &[u8]) -> bool {
    let mut depth = Depth::default();
    line.iter().for_each(|byte| depth.step(*byte));
    depth.levels > 0 && !depth.in_string
}

/// How deep inside objects and lists a text is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Depth {
    pub(crate) levels: usize,
    pub(crate) in_string: bool,
    is_escaped: bool,
}

impl Depth {
    pub(crate) fn step(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.in_string,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.levels += 1,
            b'}' | b']' => self.levels = self.levels.saturating_sub(1),
            _ => {}
        }
    }
}

/// The first bytes for a message: printable characters as they are, others as escapes.
pub(crate) struct Beginning<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Beginning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BYTES_MAX: usize = 16;
        write!(f, "{}", self.0[..self.0.len().min(BYTES_MAX)].escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        let tar = [&[b'x'; 257][..], b"ustar"].concat();
        let many = [b"{\"a\":\"".as_slice(), &[b'x'; HEAD_BYTES]].concat();
        for (head, kind) in [
            (&b"\x1f\x8b\x08"[..], Kind::Gzip),
            (b"\x28\xb5\x2f\xfd", Kind::Zstd),
            (b"PK\x03\x04", Kind::Zip),
            (b"PK\x05\x06", Kind::Zip),
            (b"ElfFile\0", Kind::Evtx),
            (&tar, Kind::Tar),
            (b"\xff\xfe{\0", Kind::Utf16Le),
            (b"\xfe\xff\0{", Kind::Utf16Be),
            (b"", Kind::Empty),
            (b"{\"a\":1}\n{\"b\":2}", Kind::JsonLines),
            (b"\xef\xbb\xbf{\"a\":1}", Kind::JsonLines),
            (b"\r\n  {}", Kind::JsonLines),
            (&many, Kind::JsonLines),
            (b"garbage\n{\"a\":1}", Kind::JsonLines),
            (b"{\"a\":\n{\"b\":2}\n", Kind::JsonLines),
            (b"{\"a\":\"not clo\n\"b\":2}\n", Kind::JsonLines),
            (b"{\n  \"a\": 1\n}\n", Kind::JsonObjects),
            (b"{\"a\": [\n1]}", Kind::JsonObjects),
            (b"[{\"a\":1}]", Kind::JsonObjects),
            (b"[\r\n  {", Kind::JsonObjects),
            (b"[]", Kind::JsonObjects),
            (b"[2024-01-01] {\"a\":1}", Kind::Unknown),
            (b"<Event>", Kind::Unknown),
            (b"#separator \\x09", Kind::Unknown),
            (b"{x}", Kind::Unknown),
            (b"\n\n", Kind::Unknown),
        ] {
            assert_eq!(recognise(head), kind, "{}", head[..head.len().min(40)].escape_ascii());
        }
    }
}
