//! Where the time comes from: never read inside the library but through this trait.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A clock before 1970 is broken: everything has expired.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs())
    }
}

/// A clock that stands still, for tests and for deciding as of a stated moment.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub u64);

impl Clock for FixedClock {
    fn now(&self) -> u64 {
        self.0
    }
}

/// Seconds since 1970-01-01T00:00:00Z at 00:00:00Z of a full-date such as `2027-06-30` (RFC 3339, section 5.6), or
/// `None` if it is not one or before 1970.
///
/// ```
/// assert_eq!(apiseal::parse_full_date("1970-01-02"), Some(86_400));
/// ```
#[must_use]
pub fn parse_full_date(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let months: u64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    Some((years + months + day - 1) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_dates() {
        assert_eq!(parse_full_date("1970-01-01"), Some(0));
        assert_eq!(parse_full_date("2000-03-01"), Some(951_868_800));
        assert_eq!(parse_full_date("2024-02-29"), Some(1_709_164_800));
        assert_eq!(parse_full_date("2026-11-24"), Some(1_795_478_400));
        for wrong in [
            "2023-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "2026-1-01",
            "26-01-01",
            "2026-01-01Z",
            "2026/01/01",
            "+026-01-01",
            "1969-12-31",
            "",
        ] {
            assert_eq!(parse_full_date(wrong), None, "{wrong}");
        }
    }
}
