//! Floats in Go's notations.

/// The significant decimal digits of a float and where its point is: `0.DIGITS × 10^point`.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

/// More digits than any float has; what follows is zeros.
const EXACT_DIGITS_MAX: usize = 1100;

/// From this exponent on, Go prints the shortest digits with an exponent.
const SHORTEST_EXPONENT_MIN: i32 = 6;

impl Digits {
    /// The fewest digits that identify the value.
    fn shortest(value: f64) -> Self {
        Self::from_exponent_form(&format!("{value:e}"))
    }

    /// The value rounded to so many digits.
    fn rounded(value: f64, count: usize) -> Self {
        let places = count.saturating_sub(1).min(EXACT_DIGITS_MAX);
        Self::from_exponent_form(&format!("{value:.places$e}"))
    }

    fn from_exponent_form(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let is_zero = digits.iter().all(|digit| *digit == b'0');
        let point = if is_zero {
            0
        } else {
            exponent.parse().unwrap_or(0) + 1
        };
        Self {
            digits: if is_zero { Vec::new() } else { digits },
            point,
        }
    }

    fn digit(&self, index: usize) -> char {
        self.digits
            .get(index)
            .map_or('0', |digit| char::from(*digit))
    }

    /// `d.ddde±dd` with so many digits after the point.
    fn exponent_form(&self, places: usize, mark: char) -> String {
        let mut text = String::from(self.digit(0));
        if places > 0 {
            text.push('.');
            text.extend((1..=places).map(|index| self.digit(index)));
        }
        let exponent = if self.digits.is_empty() {
            0
        } else {
            self.point - 1
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        text.push_str(&format!("{mark}{sign}{:02}", exponent.unsigned_abs()));
        text
    }

    /// `ddd.ddd` with all digits there are and no more.
    fn plain_form(&self) -> String {
        let mut text = String::new();
        if self.point <= 0 {
            text.push('0');
        }
        for index in 0..self.point.max(0) {
            text.push(self.digit(usize::try_from(index).unwrap_or(0)));
        }
        let whole = usize::try_from(self.point).unwrap_or(0);
        if self.digits.len() > whole || (self.point < 0 && !self.digits.is_empty()) {
            text.push('.');
            text.extend(std::iter::repeat_n(
                '0',
                usize::try_from(-self.point).unwrap_or(0),
            ));
            text.extend(
                self.digits
                    .iter()
                    .skip(whole)
                    .map(|digit| char::from(*digit)),
            );
        }
        text
    }

    fn without_trailing_zeros(mut self) -> Self {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        self
    }
}

/// Pieces of text that are put together in the time it takes to find the shortest digits, and digits whose square takes as long as one.
const SHORTEST_WORK: usize = 16;
const DIGITS_SQUARED_PER_WORK: usize = 128;

/// How long [`format()`] takes, in pieces of text that are put together meanwhile: exact digits are found by dividing long numbers.
pub(crate) fn work(value: f64, precision: Option<usize>) -> usize {
    let Some(places) = precision.filter(|_| value.is_finite()) else {
        return SHORTEST_WORK;
    };
    let (_, exponent) = parts(value.abs());
    // Ten bits are three digits.
    let whole = usize::try_from(exponent + 53).unwrap_or(0) * 3 / 10;
    let digits = whole + places.min(EXACT_DIGITS_MAX);
    SHORTEST_WORK + digits * digits / DIGITS_SQUARED_PER_WORK
}

/// Go's `%v` of a float: the shortest digits, with an exponent when it is small or large.
pub(crate) fn shortest(value: f64) -> String {
    format(value, 'g', None)
}

/// The shortest digits without an exponent.
pub(crate) fn plain(value: f64) -> String {
    signed(value, || Digits::shortest(value.abs()).plain_form())
}

/// The shortest digits with an exponent.
pub(crate) fn exponent(value: f64) -> String {
    format(value, 'e', None)
}

/// Go's `strconv.FormatFloat`; no precision means as many digits as identify the value.
pub(crate) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    signed(value, || {
        let size = value.abs();
        match verb {
            'f' | 'F' => fixed(size, precision),
            'e' | 'E' => scientific(size, verb, precision),
            'x' | 'X' => hexadecimal(size, verb, precision),
            'b' => binary(size),
            _ => general(size, if verb == 'G' { 'E' } else { 'e' }, precision),
        }
    })
}

fn signed(value: f64, digits: impl FnOnce() -> String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    format!("{sign}{}", digits())
}

fn fixed(size: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return Digits::shortest(size).plain_form();
    };
    let exact = precision.min(EXACT_DIGITS_MAX);
    let mut text = format!("{size:.exact$}");
    text.extend(std::iter::repeat_n('0', precision - exact));
    text
}

fn scientific(size: f64, mark: char, precision: Option<usize>) -> String {
    match precision {
        None => {
            let digits = Digits::shortest(size);
            let places = digits.digits.len().saturating_sub(1);
            digits.exponent_form(places, mark)
        }
        Some(places) => Digits::rounded(size, places + 1).exponent_form(places, mark),
    }
}

fn general(size: f64, mark: char, precision: Option<usize>) -> String {
    let (digits, exponent_max) = match precision {
        None => (Digits::shortest(size), SHORTEST_EXPONENT_MIN),
        Some(count) => {
            let count = count.max(1);
            let digits = Digits::rounded(size, count).without_trailing_zeros();
            let whole = i32::try_from(digits.digits.len()).unwrap_or(i32::MAX);
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            let is_short = count > whole && whole >= digits.point;
            (digits, if is_short { whole } else { count })
        }
    };
    let exponent = digits.point - 1;
    if !digits.digits.is_empty() && (exponent < -4 || exponent >= exponent_max) {
        let places = digits.digits.len() - 1;
        return digits.exponent_form(places, mark);
    }
    digits.plain_form()
}

/// Mantissa and exponent of a finite, positive float: `mantissa × 2^exponent`.
fn parts(size: f64) -> (u64, i32) {
    let bits = size.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let exponent = i32::try_from((bits >> 52) & 0x7ff).unwrap_or(0);
    match exponent {
        0 => (fraction, -1074),
        _ => (fraction | (1 << 52), exponent - 1075),
    }
}

fn binary(size: f64) -> String {
    let (mantissa, exponent) = parts(size);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}p{sign}{}", exponent.unsigned_abs())
}

/// `0x1.8p+00`
fn hexadecimal(size: f64, verb: char, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(size);
    if mantissa == 0 {
        exponent = 0;
    } else {
        // One bit before the point and 60 behind it.
        let shift = mantissa.leading_zeros().saturating_sub(3);
        mantissa <<= shift;
        exponent += 60 - i32::try_from(shift).unwrap_or(0);
    }
    if let Some(places) = precision.filter(|places| *places < 15) {
        let dropped = 60 - 4 * places;
        let rest = mantissa & ((1 << dropped) - 1);
        let half = 1_u64 << (dropped - 1);
        mantissa >>= dropped;
        if rest > half || (rest == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= dropped;
        if mantissa >= 1 << 61 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut fraction = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        None => fraction.truncate(fraction.trim_end_matches('0').len()),
        Some(places) => {
            fraction.truncate(places);
            fraction.extend(std::iter::repeat_n('0', places.saturating_sub(15)));
        }
    }
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    let whole = mantissa >> 60;
    let text = format!(
        "0x{whole}{point}{fraction}p{sign}{:02}",
        exponent.unsigned_abs()
    );
    if verb == 'X' {
        text.to_ascii_uppercase()
    } else {
        text
    }
}

/// Forces a decimal point, as the flag `#` does; `%#g` and `%#x` keep trailing zeros too.
pub(crate) fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let mut wanted = match verb {
        'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let marks: &[char] = if matches!(verb, 'x' | 'X') {
        &['p', 'P']
    } else {
        &['e', 'E']
    };
    let (number, tail) = text.split_at(text.find(marks).unwrap_or(text.len()));
    let mut shown = number.to_owned();
    let mut has_digit = false;
    // In `0x1.8`, Go counts all characters from the x on.
    for char in number.chars().filter(char::is_ascii_alphanumeric) {
        // Zeros before the first other digit do not count.
        has_digit |= char != '0';
        wanted = wanted.saturating_sub(usize::from(has_digit));
    }
    if !shown.contains('.') {
        if matches!(verb, 'g' | 'G') && !has_digit {
            wanted = wanted.saturating_sub(1);
        }
        shown.push('.');
    }
    shown.extend(std::iter::repeat_n('0', wanted));
    shown + tail
}
