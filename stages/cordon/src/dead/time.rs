//! Points in time, as people write and read them.

use std::str::FromStr;

use jiff::{SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

/// A point in time on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Milliseconds since the epoch.
    At(i64),
    /// So many milliseconds before now.
    Ago(i64),
}

impl Moment {
    /// Milliseconds since the epoch, if it is `now_ms` now.
    pub(crate) fn at_ms(&self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => *ms,
            Self::Ago(ms) => now_ms.saturating_sub(*ms),
        }
    }
}

/// Something that is no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a date (2026-11-24), a time (2026-11-24T08:00:00Z) or how long ago (90m, 2h, 7d)")]
pub(crate) struct NoMoment;

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(Self::At(time.as_millisecond()));
        }
        // Of a time without zone jiff would take the date alone; nobody could mean that.
        if let Some(date) = text.parse::<Date>().ok().filter(|date| date.to_string() == text) {
            let midnight = date.to_zoned(TimeZone::UTC).map_err(|_| NoMoment)?;
            return Ok(Self::At(midnight.timestamp().as_millisecond()));
        }
        let span: jiff::Span = text.parse().map_err(|_| NoMoment)?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| NoMoment)?;
        i64::try_from(ago.as_millis()).ok().filter(|ms| *ms >= 0).map(Self::Ago).ok_or(NoMoment)
    }
}

/// `2026-11-24T08:11:02.123Z`; the bare number for a time outside the calendar.
pub(crate) fn show_ms(time_ms: i64) -> String {
    Timestamp::from_millisecond(time_ms)
        .map_or_else(|_| time_ms.to_string(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_time_in_three_ways() {
        let cases = [
            ("1970-01-02", Moment::At(86_400_000)),
            ("1970-01-01T00:00:01.5Z", Moment::At(1_500)),
            ("1970-01-01T02:00:00+02:00", Moment::At(0)),
            ("90m", Moment::Ago(5_400_000)),
            ("1d 2h", Moment::Ago(93_600_000)),
        ];
        for (text, moment) in cases {
            assert_eq!(text.parse(), Ok(moment), "{text}");
        }
        for text in ["", "yesterday", "12", "-2h", "2026-13-01", "2026-11-24T08:00:00"] {
            assert_eq!(text.parse::<Moment>(), Err(NoMoment), "{text}");
        }
    }

    #[test]
    fn ago_counts_from_now() {
        assert_eq!(Moment::Ago(10).at_ms(25), 15);
        assert_eq!(Moment::At(10).at_ms(25), 10);
    }

    #[test]
    fn every_number_is_shown() {
        assert_eq!(show_ms(1_500), "1970-01-01T00:00:01.500Z");
        assert_eq!(show_ms(i64::MAX), i64::MAX.to_string());
    }
}
