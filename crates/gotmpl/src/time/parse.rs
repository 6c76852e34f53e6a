//! Reading a time by its layout, as Go's `time.ParseInLocation` does.

use super::civil::{Civil, MONTHS, WEEKDAYS};
use super::layout::{OffsetForm, Part, part_at};
use super::{Time, Zone, methods};

/// Reads a time; one without a zone is in `local`.
pub(crate) fn parse(layout: &str, text: &str, local: &Zone) -> Result<Time, String> {
    let mut reader = Reader {
        rest: text,
        found: Found::default(),
    };
    match reader.layout(layout) {
        Ok(()) => {}
        Err(Mistake::Range(what)) => {
            let text = crate::quote::quote(text);
            return Err(format!("parsing time {text}: {what} out of range"));
        }
        Err(Mistake::Extra) => {
            let (text, rest) = (crate::quote::quote(text), crate::quote::quote(reader.rest));
            return Err(format!("parsing time {text}: extra text: {rest}"));
        }
        Err(Mistake::Piece { at, piece }) => {
            let [text, layout, at, piece] = [text, layout, &at, &piece].map(crate::quote::quote);
            return Err(format!(
                "parsing time {text} as {layout}: cannot parse {at} as {piece}"
            ));
        }
    }
    reader.found.time(text, local)
}

/// Why a text does not fit the layout.
enum Mistake {
    /// A number is too large or too small.
    Range(&'static str),
    /// The layout ended before the text.
    Extra,
    /// This is not that.
    Piece { at: String, piece: String },
}

/// What was read so far.
#[derive(Default)]
struct Found {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanoseconds: u32,
    is_pm: Option<bool>,
    zone: Option<Zone>,
}

struct Reader<'t> {
    rest: &'t str,
    found: Found,
}

impl<'t> Reader<'t> {
    fn layout(&mut self, layout: &str) -> Result<(), Mistake> {
        let mut rest = layout;
        while let Some(char) = rest.chars().next() {
            if let Some((part, length)) = part_at(rest) {
                let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
                self.part(part, piece, after)?;
                rest = after;
                continue;
            }
            rest = &rest[char.len_utf8()..];
            if char == ' ' {
                self.rest = self.rest.trim_start_matches(' ');
                continue;
            }
            self.rest = self.rest.strip_prefix(char).ok_or_else(|| Mistake::Piece {
                at: self.rest.to_owned(),
                piece: layout.to_owned(),
            })?;
        }
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Mistake::Extra)
        }
    }

    /// Reads what a part stands for.
    fn part(&mut self, part: Part, piece: &str, after: &str) -> Result<(), Mistake> {
        let before = self.rest;
        self.read(part, after).unwrap_or_else(|| {
            Err(Mistake::Piece {
                at: before.to_owned(),
                piece: piece.to_owned(),
            })
        })
    }

    fn read(&mut self, part: Part, after: &str) -> Option<Result<(), Mistake>> {
        match part {
            Part::LongYear => self.found.year = self.digits(4)?,
            Part::Year => {
                let year = self.digits(2)?;
                self.found.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Part::LongMonth => self.found.month = Some(self.name(&MONTHS, usize::MAX)? + 1),
            Part::Month => self.found.month = Some(self.name(&MONTHS, 3)? + 1),
            Part::LongWeekday => drop(self.name(&WEEKDAYS, usize::MAX)?),
            Part::Weekday => drop(self.name(&WEEKDAYS, 3)?),
            Part::NumberMonth | Part::ZeroMonth => {
                let month = self.number(part == Part::ZeroMonth)?;
                self.found.month = Some(month);
                return Some(within(month, 1..=12, "month"));
            }
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                if part == Part::UnderDay {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.found.day = Some(self.number(part == Part::ZeroDay)?);
            }
            Part::UnderYearDay | Part::ZeroYearDay => {
                if part == Part::UnderYearDay {
                    self.rest = self.rest.trim_start_matches(' ');
                }
                let length = self
                    .rest
                    .bytes()
                    .take(3)
                    .take_while(u8::is_ascii_digit)
                    .count();
                self.found.year_day = Some(self.digits(length)?);
            }
            Part::Hour => {
                self.found.hour = self.number(false)?;
                return Some(within(self.found.hour, 0..=23, "hour"));
            }
            Part::Hour12 | Part::ZeroHour12 => {
                self.found.hour = self.number(part == Part::ZeroHour12)?;
                return Some(within(self.found.hour, 0..=12, "hour"));
            }
            Part::Minute | Part::ZeroMinute => {
                self.found.minute = self.number(part == Part::ZeroMinute)?;
                return Some(within(self.found.minute, 0..=59, "minute"));
            }
            Part::Second | Part::ZeroSecond => {
                self.found.second = self.number(part == Part::ZeroSecond)?;
                // A fraction may follow even when the layout has none.
                if !matches!(part_at(after), Some((Part::Fraction { .. }, _))) {
                    self.fraction(None);
                }
                return Some(within(self.found.second, 0..=59, "second"));
            }
            Part::UpperPm => self.found.is_pm = Some(self.either("PM", "AM")?),
            Part::LowerPm => self.found.is_pm = Some(self.either("pm", "am")?),
            Part::ZoneName => self.zone_name()?,
            Part::Offset(form) => self.offset(form)?,
            Part::Fraction {
                digits,
                is_trimmed: false,
                ..
            } => self.fraction(Some(digits))?,
            Part::Fraction { .. } => {
                self.fraction(None);
            }
        }
        Some(Ok(()))
    }

    fn take(&mut self, length: usize) -> Option<&'t str> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let text = self.rest.get(..count).filter(|text| !text.is_empty())?;
        let number = text
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())??;
        self.take(count)?;
        Some(number)
    }

    /// Two digits, or one when that is allowed and no other follows.
    fn number(&mut self, is_fixed: bool) -> Option<i64> {
        match self.digits(2) {
            None if !is_fixed => self.digits(1),
            number => number,
        }
    }

    /// One of some names, of which only the beginning may be written; gives its index.
    fn name(&mut self, names: &[&str], length: usize) -> Option<i64> {
        for (index, name) in names.iter().enumerate() {
            let length = length.min(name.len());
            let is_this = self
                .rest
                .get(..length)
                .is_some_and(|text| text.eq_ignore_ascii_case(&name[..length]));
            if is_this {
                self.take(length)?;
                return i64::try_from(index).ok();
            }
        }
        None
    }

    fn either(&mut self, yes: &str, no: &str) -> Option<bool> {
        match self.take(2)? {
            text if text == yes => Some(true),
            text if text == no => Some(false),
            _ => None,
        }
    }

    /// `.5`; with a number of digits exactly these, otherwise as many as there are.
    fn fraction(&mut self, count: Option<usize>) -> Option<()> {
        let digits = self.rest.strip_prefix(['.', ','])?;
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let length = count.map_or(Some(length), |count| (count <= length).then_some(count))?;
        let text = digits.get(..length).filter(|text| !text.is_empty())?;
        let nine: String = text.chars().chain("000000000".chars()).take(9).collect();
        self.found.nanoseconds = nine.parse().ok()?;
        self.take(length + 1)?;
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        let length = self.rest.bytes().take_while(u8::is_ascii_uppercase).count();
        let name = self
            .rest
            .get(..length)
            .filter(|name| (3..=5).contains(&name.len()))?;
        // Other short names mean different zones in different places; Go takes them as UTC too, unless they are local.
        self.found.zone = Some(Zone::Utc);
        self.take(name.len())?;
        Some(())
    }

    fn offset(&mut self, form: OffsetForm) -> Option<()> {
        if form.has_z && self.rest.starts_with('Z') {
            self.found.zone = Some(Zone::Utc);
            self.take(1)?;
            return Some(());
        }
        let sign = match self.take(1)? {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let mut seconds = self.digits(2).filter(|hours| *hours <= 24)? * 3600;
        for (is_wanted, unit) in [(form.has_minutes, 60), (form.has_seconds, 1)] {
            if is_wanted {
                if form.has_colons {
                    self.rest = self.rest.strip_prefix(':')?;
                }
                seconds += self.digits(2).filter(|number| *number < 60)? * unit;
            }
        }
        self.found.zone = Some(Zone::from_offset_seconds(
            i32::try_from(sign * seconds).ok()?,
        ));
        Some(())
    }
}

fn within(
    number: i64,
    range: std::ops::RangeInclusive<i64>,
    what: &'static str,
) -> Result<(), Mistake> {
    if range.contains(&number) {
        Ok(())
    } else {
        Err(Mistake::Range(what))
    }
}

impl Found {
    fn time(self, text: &str, local: &Zone) -> Result<Time, String> {
        let hour = match (self.is_pm, self.hour) {
            (Some(true), hour) if hour < 12 => hour + 12,
            (Some(false), 12) => 0,
            (_, hour) => hour,
        };
        let from_year_day = self.month.is_none() && self.day.is_none();
        let day = self
            .year_day
            .filter(|_| from_year_day)
            .or(self.day)
            .unwrap_or(1);
        let civil = Civil {
            year: self.year,
            month: self.month.unwrap_or(1),
            day,
            hour,
            minute: self.minute,
            second: self.second,
            weekday: 0,
            year_day: 0,
        };
        // Such a date exists when it is still the same after being counted through.
        let shown = Civil::from_seconds(civil.to_seconds());
        if day < 1 || (shown.day != day && !from_year_day) || shown.year != self.year {
            let text = crate::quote::quote(text);
            return Err(format!("parsing time {text}: day out of range"));
        }
        let zone = self.zone.unwrap_or_else(|| local.clone());
        Ok(methods::in_zone(civil, self.nanoseconds, &zone))
    }
}
