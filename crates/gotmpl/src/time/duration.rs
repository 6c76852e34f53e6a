//! `time.Duration`: printing and reading.

use super::SECOND;

/// Go's text of a duration: `1h2m3.5s`.
pub(crate) fn duration_text(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let second = SECOND.unsigned_abs();
    if size < second {
        let text = match size {
            0 => return "0s".to_owned(),
            1..1_000 => format!("{size}ns"),
            1_000..1_000_000 => format!("{}µs", decimal(size, 1_000)),
            _ => format!("{}ms", decimal(size, 1_000_000)),
        };
        return sign.to_owned() + &text;
    }
    let minutes = size / second / 60;
    let seconds = decimal(size % (60 * second), second);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// A number of units with as many decimals as needed.
fn decimal(size: u64, unit: u64) -> String {
    let rest = size % unit;
    if rest == 0 {
        return (size / unit).to_string();
    }
    let width = unit.ilog10() as usize;
    let decimals = format!("{rest:0width$}");
    format!("{}.{}", size / unit, decimals.trim_end_matches('0'))
}

/// Reads a duration of Prometheus, `1d2h30m`, in nanoseconds: whole numbers, units in falling order.
pub(crate) fn parse(text: &str) -> Option<i64> {
    const UNITS: [(&str, i64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut milliseconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let unit = rest.get(..letters)?;
        rest = rest.get(letters..)?;
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        milliseconds = milliseconds.checked_add(number.checked_mul(*size)?)?;
    }
    (!text.is_empty()).then_some(())?;
    milliseconds.checked_mul(1_000_000)
}
