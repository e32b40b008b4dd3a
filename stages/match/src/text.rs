//! Text of others, made fit for people to read.

use std::fmt::Write as _;

/// Escapes control characters, and those that turn text around or hide in it.
pub(crate) fn escape(text: &str, escaped: &mut String) {
    for c in text.chars() {
        let is_invisible = matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
            || matches!(c, '\u{2060}'..='\u{206F}' | '\u{FEFF}');
        if c.is_control() || is_invisible {
            write!(escaped, "{}", c.escape_default()).expect("a string takes any text");
        } else {
            escaped.push(c);
        }
    }
}

/// The beginning of a text, cut between two characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
