//! What may be printed. Nothing that a letter quotes, a client calls itself or a cell says may
//! command a terminal, or change the order in which a person reads.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

/// Text on one line: control characters are spelled out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_command(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Bytes on one line: what is no UTF-8 is spelled out, too.
pub(crate) fn escape_bytes(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        escaped.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\x{byte:02x}");
        }
    }
    escaped
}

/// A JSON text whose strings hold no character that commands a terminal. JSON itself escapes only
/// the first 32 of them.
pub(crate) fn escape_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_command(c) && c != '\n' {
            // All of them are in the basic plane.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Controls, and the marks that reorder text.
fn is_command(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints bytes as they are. Whoever reads them may stop: `| head` is no fault.
pub(crate) fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Tells a person what is wrong, on standard error; line by line, as errors may have several.
#[expect(clippy::print_stderr, reason = "errors go to standard error")]
pub(crate) fn complain(words: &str) {
    for (at, line) in words.lines().enumerate() {
        let speaker = if at == 0 { "cordon: " } else { "" };
        eprintln!("{speaker}{}", escape(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_a_terminal() {
        let hostile = "\u{1b}[2J é\r\n\u{9b}2J\u{7f}\u{202e}gpj.exe\u{2028}";
        let spelled = r"\u{1b}[2J é\r\n\u{9b}2J\u{7f}\u{202e}gpj.exe\u{2028}";
        assert_eq!(escape(hostile), spelled);
        assert_eq!(escape_bytes(b"a\xff\x1b\xc3"), r"a\xff\u{1b}\xc3");
    }

    #[test]
    fn json_stays_json() {
        let hostile = "\u{1b}[2J \"\\\" \u{9b}2J\u{7f}\u{202e}";
        let json = serde_json::to_string(&[hostile]).unwrap();
        let escaped = escape_json(&json);
        assert!(!escaped.contains(is_command));
        assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), [hostile]);
    }
}
