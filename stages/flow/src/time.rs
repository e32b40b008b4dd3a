//! Sysmon's UtcTime.

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Reads `2020-09-21 19:35:27.123` or `2020-09-21T19:35:27.1234567Z` as milliseconds since the
/// epoch. The fraction may be missing; digits behind the milliseconds are cut off. `None` for
/// anything else.
pub(crate) fn parse_utc_ms(text: &str) -> Option<i64> {
    let (head, tail) = text.as_bytes().split_at_checked(19)?;
    let head: &[u8; 19] = head.try_into().ok()?;
    let separators = [head[4], head[7], head[13], head[16]];
    if separators != *b"--::" || !matches!(head[10], b' ' | b'T') {
        return None;
    }
    let (year, month, day) = (digits(&head[0..4])?, digits(&head[5..7])?, digits(&head[8..10])?);
    let (hour, minute, second) =
        (digits(&head[11..13])?, digits(&head[14..16])?, digits(&head[17..19])?);
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = (hour * 60 + minute) * 60 + second;
    Some(days_since_epoch(year, month, day) * DAY_MS + seconds * 1000 + fraction_ms(tail)?)
}

/// `.` and one to nine digits, then perhaps `Z`.
fn fraction_ms(tail: &[u8]) -> Option<i64> {
    let tail = tail.strip_suffix(b"Z").unwrap_or(tail);
    if tail.is_empty() {
        return Some(0);
    }
    let fraction = tail.strip_prefix(b".")?;
    if !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let nanos = digits(fraction)? * 10_i64.pow(9 - u32::try_from(fraction.len()).ok()?);
    Some(nanos / 1_000_000)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, by counting years from March, so that
/// the leap day is the last of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_TO_EPOCH: i64 = 719_468;
    let year_from_march = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let leap_days = year_from_march.div_euclid(4) - year_from_march.div_euclid(100)
        + year_from_march.div_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year_from_march + leap_days + day_of_year - DAYS_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_the_edges_of_the_calendar() {
        for (text, ms) in [
            ("1970-01-01 00:00:00.000", 0),
            ("1969-12-31 23:59:59.999", -1),
            ("2000-02-29 12:00:00", 951_825_600_000),
            ("2020-09-21 19:35:27.123", 1_600_716_927_123),
            ("2020-09-21T19:35:27.1239999Z", 1_600_716_927_123),
            ("2022-05-13T08:54:08.4200000Z", 1_652_432_048_420),
            ("9999-12-31 23:59:59.999", 253_402_300_799_999),
        ] {
            assert_eq!(parse_utc_ms(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_time() {
        for text in [
            "",
            "-",
            "2020-09-21",
            "2020-09-21 19:35",
            "2020-9-21 19:35:27.123 ",
            "2021-02-29 00:00:00.000",
            "2020-13-01 00:00:00.000",
            "2020-01-00 00:00:00.000",
            "2020-01-01 24:00:00.000",
            "2020-01-01 00:60:00.000",
            "2020-01-01 00:00:00.",
            "2020-01-01 00:00:00.0123456789",
            "2020-01-01 00:00:00+02:00",
            "2020-01-01é00:00:00.000",
            "+020-01-01 00:00:00.000",
        ] {
            assert_eq!(parse_utc_ms(text), None, "{text}");
        }
    }
}
