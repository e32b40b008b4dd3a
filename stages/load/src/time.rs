//! Event times as text. Milliseconds since the epoch become civil time without a clock.

use std::fmt;

/// A moment, UTC.
#[derive(Clone, Copy)]
pub(crate) struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Civil {
    /// Howard Hinnant's `civil_from_days`.
    pub(crate) fn of(time_ms: i64) -> Self {
        let (days, in_day) = (time_ms.div_euclid(86_400_000), time_ms.rem_euclid(86_400_000));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted_month + 2) / 5 + 1,
            hour: in_day / 3_600_000,
            minute: in_day / 60_000 % 60,
            second: in_day / 1000 % 60,
            millisecond: in_day % 1000,
        }
    }

    /// As NXLog writes its own times: without milliseconds.
    pub(crate) fn seconds(&self) -> impl fmt::Display {
        let Self { year, month, day, hour, minute, second, .. } = *self;
        fmt::from_fn(move |f| {
            write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        })
    }

    /// As Sysmon writes `UtcTime`.
    pub(crate) fn sysmon(&self) -> impl fmt::Display {
        let millisecond = self.millisecond;
        let seconds = self.seconds();
        fmt::from_fn(move |f| write!(f, "{seconds}.{millisecond:03}"))
    }

    /// ISO 8601 with a Z.
    pub(crate) fn iso(&self) -> impl fmt::Display {
        let Self { year, month, day, hour, minute, second, millisecond } = *self;
        fmt::from_fn(move |f| {
            write!(
                f,
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_calendar() {
        assert_eq!(Civil::of(0).iso().to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Civil::of(951_782_400_001).sysmon().to_string(), "2000-02-29 00:00:00.001");
        assert_eq!(Civil::of(1_709_251_199_999).iso().to_string(), "2024-02-29T23:59:59.999Z");
    }
}
