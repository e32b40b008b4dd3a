//! The fast way over a line: from quote to quote.
//!
//! It takes what shippers write, and gives up at whatever else there is, valid or not: then the
//! general parser (`parse.rs`) reads the line from its beginning, and alone decides and says what
//! is wrong. So all that must hold here is that a line which is taken is valid, and reads the same.

use std::ops::Range;

use super::{
    Event,
    field::{Action, Field, Place},
    quotes::Quotes,
};

/// Deepest nesting of objects and lists that is taken. Real lines have four levels.
const DEPTH_MAX: u32 = 16;

/// Longest number that is taken as a value: all of them fit into 64 bits.
const NUMBER_BYTES_MAX: usize = 18;

/// Reads a text that is one JSON object and nothing else; `None` if it gives up.
pub(super) fn object(json: &str, place: Place) -> Option<Event<'_>> {
    // It is made here once and not moved: an event is half a kilobyte.
    let mut event = Event::of(json);
    let mut walk = Walk { json, at: 0, quotes: Quotes::of(json.as_bytes()), depth: 0 };
    walk.space();
    walk.object(&mut event, place)?;
    walk.space();
    if walk.at != json.len() || !walk.quotes.is_sound() {
        return None;
    }
    Some(event)
}

/// Where the walk is.
struct Walk<'a> {
    json: &'a str,
    at: usize,
    /// The next of them is the first one at or behind `at`: whoever goes past one takes it.
    quotes: Quotes<'a>,
    depth: u32,
}

impl<'a> Walk<'a> {
    /// An object of the line, whose keys say what to do with their values.
    fn object(&mut self, event: &mut Event<'a>, place: Place) -> Option<()> {
        self.members(|walk, key| match Action::of(place, key) {
            Action::Store(field) => walk.value(event, field, place == Place::Data),
            Action::Descend(place) => match walk.letter()? {
                b'{' => walk.object(event, place),
                b'"' => {
                    let string = walk.string()?;
                    let mut text = String::new();
                    let data = walk.plain(&string, &mut text)?;
                    if place == Place::Data {
                        event.put_data_text(data);
                    }
                    Some(())
                }
                _ => walk.skip(),
            },
            Action::Skip => walk.skip(),
        })
    }

    /// The value of a field.
    fn value(&mut self, event: &mut Event<'a>, field: Field, is_data: bool) -> Option<()> {
        let start = self.at;
        match self.letter()? {
            b'"' => {
                let value = self.string()?;
                if self.quotes.has_backslash(value.start, value.end) {
                    let start = event.text.len();
                    unescape(&self.json[value], &mut event.text)?;
                    event.put(field, is_data, start, event.text.len() - start, true);
                } else {
                    event.put(field, is_data, value.start, value.len(), false);
                }
                Some(())
            }
            b't' | b'f' => {
                self.word()?;
                event.put(field, is_data, start, self.at - start, false);
                Some(())
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                let number = &self.json[start..self.at];
                if number == "-0" || number.len() > NUMBER_BYTES_MAX || number.contains('.') {
                    return None;
                }
                event.put(field, is_data, start, number.len(), false);
                Some(())
            }
            b'{' => self.members(|walk, key| {
                if field.is_text_under(key) {
                    walk.value(event, field, is_data)
                } else {
                    walk.skip()
                }
            }),
            _ => self.skip(),
        }
    }

    /// An object: `each` is called at each of its values, with the key, and goes behind it.
    #[inline]
    fn members(&mut self, mut each: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.items(b'{', b'}', |walk| {
            let key = walk.string()?;
            if walk.quotes.has_backslash(key.start, key.end) {
                return None;
            }
            walk.space();
            walk.expect(b':')?;
            walk.space();
            each(walk, &walk.json[key])
        })
    }

    /// Goes past a value.
    fn skip(&mut self) -> Option<()> {
        match self.letter()? {
            b'"' => self.string().map(drop),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => self.members(|walk, _| walk.skip()),
            b'[' => self.items(b'[', b']', Self::skip),
            _ => self.word(),
        }
    }

    /// What stands between brackets: `each` is called at each of its items, and goes behind it.
    #[inline]
    fn items(
        &mut self,
        open: u8,
        close: u8,
        mut each: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        self.space();
        if self.letter()? != close {
            loop {
                each(self)?;
                self.space();
                match self.letter()? {
                    b',' => self.at += 1,
                    letter if letter == close => break,
                    _ => return None,
                }
                self.space();
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(())
    }

    /// Where the letters of the string that begins here stand.
    #[inline]
    fn string(&mut self) -> Option<Range<usize>> {
        if self.quotes.next()? != self.at {
            return None;
        }
        let letters = self.at + 1..self.quotes.next()?;
        self.at = letters.end + 1;
        Some(letters)
    }

    /// The text of a string, which is unescaped into `text` if need be.
    fn plain<'t>(&self, string: &Range<usize>, text: &'t mut String) -> Option<&'t str>
    where
        'a: 't,
    {
        let letters = &self.json[string.clone()];
        if !self.quotes.has_backslash(string.start, string.end) {
            return Some(letters);
        }
        unescape(letters, text)?;
        Some(text)
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?`; whatever has an exponent is left to others.
    fn number(&mut self) -> Option<()> {
        if self.letter()? == b'-' {
            self.at += 1;
        }
        let is_zero = self.letter()? == b'0';
        let digits = self.digits();
        if digits == 0 || is_zero && digits > 1 {
            return None;
        }
        if self.letter()? == b'.' {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        (!matches!(self.letter()?, b'e' | b'E')).then_some(())
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.letter().is_some_and(|letter| letter.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let rest = &self.json.as_bytes()[self.at..];
        let word =
            ["true", "false", "null"].into_iter().find(|w| rest.starts_with(w.as_bytes()))?;
        self.at += word.len();
        Some(())
    }

    /// Goes past white space, of which few lines have any.
    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.letter() {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, letter: u8) -> Option<()> {
        let is_here = self.letter()? == letter;
        self.at += 1;
        is_here.then_some(())
    }

    #[inline]
    fn letter(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

/// Appends what the letters of a string stand for; `None` for half a surrogate pair, and for whole
/// ones, of which nothing that is read has any.
fn unescape(letters: &str, text: &mut String) -> Option<()> {
    text.reserve(letters.len());
    let bytes = letters.as_bytes();
    let mut start = 0;
    // Paths have a backslash every few letters: a search by SIMD would not get under way.
    while let Some(len) = bytes[start..].iter().position(|byte| *byte == b'\\') {
        let escape = start + len;
        text.push_str(&letters[start..escape]);
        let (letter, escape_bytes) = match bytes.get(escape + 1)? {
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'"' => ('"', 2),
            b'\\' => ('\\', 2),
            b'/' => ('/', 2),
            b'u' => {
                let code = letters.get(escape + 2..escape + 6)?;
                (char::from_u32(u32::from_str_radix(code, 16).ok()?)?, 6)
            }
            _ => return None,
        };
        text.push(letter);
        start = escape + escape_bytes;
    }
    text.push_str(&letters[start..]);
    Some(())
}
