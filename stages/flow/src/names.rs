//! Tables of names that are looked up many times a line.
//!
//! A `match` over fifty strings compares with one after the other, which for the keys of a line
//! costs more than reading them. Here a hash over the length and three letters of a name finds its
//! place, and most strangers find an empty one. The tables are made at compile time.

/// Places of a table: many times today's largest one, so that few names share one, and most
/// strangers find an empty one and are compared with nothing.
const PLACES: usize = 1024;

/// Marks a place without a name.
const EMPTY: u8 = u8::MAX;

/// Names and what they stand for.
pub(crate) struct Names<T: 'static, const N: usize> {
    names: [(&'static str, T); N],
    /// Index of a name at its place, or behind it at the next free one.
    places: [u8; PLACES],
}

impl<T: Copy, const N: usize> Names<T, N> {
    /// Lays out a table.
    pub(crate) const fn new(names: [(&'static str, T); N]) -> Self {
        assert!(N < EMPTY as usize, "an index fits into a place, and most places stay empty");
        let mut places = [EMPTY; PLACES];
        let mut index = 0;
        while index < N {
            let mut place = place_of(names[index].0.as_bytes());
            while places[place] != EMPTY {
                place = (place + 1) % PLACES;
            }
            #[expect(clippy::cast_possible_truncation, reason = "less than 255")]
            let small = index as u8;
            places[place] = small;
            index += 1;
        }
        Self { names, places }
    }

    /// What a name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<T> {
        let mut place = place_of(name.as_bytes());
        while self.places[place] != EMPTY {
            let (known, meaning) = self.names[usize::from(self.places[place])];
            if is_same(known.as_bytes(), name.as_bytes()) {
                return Some(meaning);
            }
            place = (place + 1) % PLACES;
        }
        None
    }
}

/// Compares short names without a call: as two words that may overlap, if that covers them.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        8..=16 => {
            a.first_chunk::<8>() == b.first_chunk::<8>()
                && a.last_chunk::<8>() == b.last_chunk::<8>()
        }
        4..8 => {
            a.first_chunk::<4>() == b.first_chunk::<4>()
                && a.last_chunk::<4>() == b.last_chunk::<4>()
        }
        _ => a == b,
    }
}

/// Any value does for correctness; these letters tell Sysmon's field names apart well.
const fn place_of(name: &[u8]) -> usize {
    let len = name.len();
    if len == 0 {
        return 0;
    }
    let letters = [name[0], name[len / 2], name[len - 1], len.to_le_bytes()[0]];
    let spread = u32::from_le_bytes(letters).wrapping_mul(0x9E37_79B1);
    (spread >> (u32::BITS - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAMES: Names<u8, 6> =
        Names::new([("pid", 1), ("path", 2), ("uid", 3), ("x", 4), ("papah", 5), ("port", 6)]);

    #[test]
    fn every_name_is_found_and_no_other() {
        for (name, meaning) in NAMES.names {
            assert_eq!(NAMES.get(name), Some(meaning), "{name}");
        }
        for stranger in ["", "pad", "pbth", "paths", "y", "é", &"long".repeat(200)] {
            assert_eq!(NAMES.get(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn names_of_any_length_are_compared_to_the_last_letter() {
        let name = b"abcdefghijklmnopqrstuvwxyz";
        for len in 0..name.len() {
            assert!(is_same(&name[..len], &name[..len]));
            assert!(!is_same(&name[..len], &name[..=len]));
            for place in 0..len {
                let mut other = name[..len].to_vec();
                other[place] = b'-';
                assert!(!is_same(&name[..len], &other), "{len} letters, the {place}th");
            }
        }
    }

    #[test]
    fn names_that_share_a_place_are_both_found() {
        static TWINS: Names<u8, 3> = Names::new([("axbxc", 1), ("aybyc", 2), ("azbzc", 3)]);
        let twins = ["axbxc", "aybyc", "azbzc", "a-b-c"].map(|name| TWINS.get(name));
        assert_eq!(twins, [Some(1), Some(2), Some(3), None]);
    }
}
