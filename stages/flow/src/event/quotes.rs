//! Where the strings of a JSON text begin and end, found 64 letters at a time.
//!
//! Most of a log line is text that nobody asks for, and escapes: a parser that goes from letter to
//! letter, or from one backslash to the next, spends its time there. Here a block of letters is
//! compared at once, and its quotes are bits of a word. Which of them are escaped is told without
//! branches from runs of backslashes, as in simdjson (Langdale and Lemire, "Parsing Gigabytes of
//! JSON per Second", 2019, section 3.1.1).

use wide::u8x32;

const BLOCK_BYTES: usize = 64;

/// The quotes of a text, from left to right.
///
/// It checks what stands in strings on its way: control characters, escapes that JSON does not
/// know, `\u` without four digits of hex. See [`Quotes::is_sound`].
pub(super) struct Quotes<'a> {
    json: &'a [u8],
    /// Start of the block at hand.
    block: usize,
    /// Start of the block behind it.
    next_block: usize,
    /// Quotes of the block that open or close a string and were not taken yet.
    quotes: u64,
    /// Backslashes of the block.
    backslashes: u64,
    /// Behind the last backslash of the blocks before.
    last_backslash_end: usize,
    /// One, if the first letter of the block behind is escaped.
    is_next_escaped: u64,
    /// Every bit, if the block behind begins in a string; else none.
    in_string: u64,
    is_sound: bool,
}

impl<'a> Quotes<'a> {
    /// Nothing of the text was looked at yet.
    pub(super) fn of(json: &'a [u8]) -> Self {
        Self {
            json,
            block: 0,
            next_block: 0,
            quotes: 0,
            backslashes: 0,
            last_backslash_end: 0,
            is_next_escaped: 0,
            in_string: 0,
            is_sound: true,
        }
    }

    /// Whether nothing was found so far in a string that must not stand in one.
    pub(super) fn is_sound(&self) -> bool {
        self.is_sound
    }

    /// Where the next quote stands that opens or closes a string.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.quotes == 0 {
            self.read_block()?;
        }
        let place = self.quotes.trailing_zeros() as usize;
        self.quotes &= self.quotes - 1;
        Some(self.block + place)
    }

    /// Whether a string has a backslash; it ends at the last quote that was taken.
    #[inline]
    pub(super) fn has_backslash(&self, start: usize, end: usize) -> bool {
        let here = self.backslashes & below(end - self.block);
        match start.checked_sub(self.block) {
            Some(start) => here & !below(start) != 0,
            None => here != 0 || self.last_backslash_end > start,
        }
    }

    /// Goes on to the next block; `None` behind the last one.
    fn read_block(&mut self) -> Option<()> {
        let rest = self.json.get(self.next_block..).filter(|rest| !rest.is_empty())?;
        let mut padded = [b' '; BLOCK_BYTES];
        let block = rest.first_chunk().unwrap_or_else(|| {
            padded[..rest.len()].copy_from_slice(rest);
            &padded
        });
        if self.backslashes != 0 {
            let behind = BLOCK_BYTES - self.backslashes.leading_zeros() as usize;
            self.last_backslash_end = self.block + behind;
        }
        self.block = self.next_block;
        self.next_block += BLOCK_BYTES;

        let letters = Letters::of(block);
        let all_quotes = letters.equal_to(b'"');
        self.backslashes = letters.equal_to(b'\\');
        let escaped = self.escaped();
        self.quotes = all_quotes & !escaped;
        let plain = all_quotes | self.backslashes;
        if escaped & !plain != 0 {
            let ends_of_line = letters.equal_to(b'r') | letters.equal_to(b'n');
            self.check_escapes(escaped & !plain & !ends_of_line);
        }
        let controls = letters.up_to(0x1f);
        if controls != 0 && controls & (prefix_xor(self.quotes) ^ self.in_string) != 0 {
            self.is_sound = false;
        }
        if self.quotes.count_ones() % 2 == 1 {
            self.in_string = !self.in_string;
        }
        Some(())
    }

    /// Letters of the block behind a backslash that is not itself escaped: those at an odd place
    /// of a run of backslashes, and behind a run of odd length.
    #[inline]
    fn escaped(&mut self) -> u64 {
        /// Every second letter, the first one included.
        const EVEN: u64 = 0x5555_5555_5555_5555;
        if self.backslashes == 0 {
            return std::mem::take(&mut self.is_next_escaped);
        }
        let escaping = self.backslashes & !self.is_next_escaped;
        let behind = escaping << 1 | self.is_next_escaped;
        let runs_from_odd = escaping & !EVEN & !behind;
        // The carry of the addition runs through each of those runs, and out of the block.
        let (carried, is_next_escaped) = runs_from_odd.overflowing_add(escaping);
        self.is_next_escaped = u64::from(is_next_escaped);
        (EVEN ^ carried << 1) & behind
    }

    /// Looks at each of these escaped letters of the block.
    fn check_escapes(&mut self, mut places: u64) {
        while places != 0 {
            let place = self.block + places.trailing_zeros() as usize;
            places &= places - 1;
            self.is_sound &= match self.json.get(place) {
                Some(b'/' | b'b' | b'f' | b't') => true,
                Some(b'u') => {
                    let digits = self.json.get(place + 1..place + 5);
                    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
                }
                _ => false,
            };
        }
    }
}

/// The bits below a place.
fn below(place: usize) -> u64 {
    (1 << place) - 1
}

/// Each bit is the parity of those up to it.
fn prefix_xor(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, shift| bits ^ bits << shift)
}

/// The letters of a block, for comparing all of them at once: a bit for each.
struct Letters(u8x32, u8x32);

impl Letters {
    #[inline]
    fn of(block: &[u8; BLOCK_BYTES]) -> Self {
        let (halves, _) = block.as_chunks();
        Self(u8x32::new(halves[0]), u8x32::new(halves[1]))
    }

    #[inline]
    fn equal_to(&self, letter: u8) -> u64 {
        let letter = u8x32::splat(letter);
        bits(self.0.simd_eq(letter), self.1.simd_eq(letter))
    }

    #[inline]
    fn up_to(&self, letter: u8) -> u64 {
        let letter = u8x32::splat(letter);
        bits(self.0.min(letter).simd_eq(self.0), self.1.min(letter).simd_eq(self.1))
    }
}

#[inline]
fn bits(low: u8x32, high: u8x32) -> u64 {
    u64::from(low.to_bitmask()) | u64::from(high.to_bitmask()) << 32
}
