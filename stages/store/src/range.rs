//! Byte ranges: what is asked for, and whether the answer is it.

use crate::GetError;

/// A non-empty range of an object's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start_bytes: u64,
    pub(crate) bytes: u64,
}

impl ByteRange {
    /// A range that HTTP can name: not empty, its end a number.
    pub(crate) fn new(start_bytes: u64, bytes: u64) -> Result<Self, GetError> {
        match start_bytes.checked_add(bytes) {
            Some(_) if bytes > 0 => Ok(Self { start_bytes, bytes }),
            _ => Err(GetError::Truncated { range_bytes: bytes, found_bytes: 0 }),
        }
    }

    /// The `Range` header; its last position is inclusive (RFC 9110, 14.1.2).
    pub(crate) fn header(self) -> String {
        format!("bytes={}-{}", self.start_bytes, self.start_bytes + self.bytes - 1)
    }

    /// Checks the head of an answer, before any of its body is read.
    pub(crate) fn check_answer(
        self,
        content_range: Option<&str>,
        content_bytes: Option<u64>,
    ) -> Result<(), GetError> {
        match (content_range.map(parse_content_range), content_bytes) {
            // A server may answer a range that covers the object with the whole of it.
            (None, Some(bytes)) if self.start_bytes == 0 && bytes == self.bytes => Ok(()),
            (None, _) => Err(GetError::Refused("the server ignores byte ranges".to_owned())),
            (Some(Some((first, last))), _) if first == self.start_bytes && last >= first => {
                self.check_length(last - first + 1)
            }
            (Some(_), _) => {
                Err(GetError::Unavailable("the server answered with another range".to_owned()))
            }
        }
    }

    /// Whether the object has all of the range.
    pub(crate) fn check_length(self, found_bytes: u64) -> Result<(), GetError> {
        if found_bytes >= self.bytes {
            Ok(())
        } else {
            Err(GetError::Truncated { range_bytes: self.bytes, found_bytes })
        }
    }
}

/// First and last position of `bytes <first>-<last>/<size>`.
fn parse_content_range(text: &str) -> Option<(u64, u64)> {
    let (positions, _size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_never_empty_and_never_overflows() {
        assert_eq!(ByteRange::new(10, 10).unwrap().header(), "bytes=10-19");
        assert_eq!(ByteRange::new(0, 1).unwrap().header(), "bytes=0-0");
        assert!(ByteRange::new(7, 0).is_err());
        assert!(ByteRange::new(u64::MAX, 1).is_err());
    }

    #[test]
    fn an_answer_is_checked_before_its_body() {
        let range = ByteRange::new(10, 10).unwrap();
        let truncated = |found_bytes| Err(GetError::Truncated { range_bytes: 10, found_bytes });
        assert_eq!(range.check_answer(Some("bytes 10-19/20"), Some(10)), Ok(()));
        assert_eq!(range.check_answer(Some("bytes 10-19/*"), None), Ok(()));
        assert_eq!(range.check_answer(Some("bytes 10-14/15"), Some(5)), truncated(5));
        for odd in ["bytes 0-9/20", "bytes 19-10/20", "bytes -", "items 10-19/20", ""] {
            let checked = range.check_answer(Some(odd), Some(10));
            assert!(matches!(checked, Err(GetError::Unavailable(_))), "{odd:?}: {checked:?}");
        }
    }

    #[test]
    fn a_whole_object_answers_only_the_range_that_covers_it() {
        let whole = ByteRange::new(0, 10).unwrap();
        assert_eq!(whole.check_answer(None, Some(10)), Ok(()));
        assert!(matches!(whole.check_answer(None, Some(11)), Err(GetError::Refused(_))));
        let part = ByteRange::new(1, 10).unwrap();
        assert!(matches!(part.check_answer(None, Some(10)), Err(GetError::Refused(_))));
    }
}
