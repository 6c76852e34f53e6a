//! One value under one verb.

use super::{Buffer, Full, float};
use crate::functions::BYTES_PER_STEP;
use crate::time::Time;
use crate::value::{Field, GoString, IntType, List, Map, Object, Shape, Value};

/// What stands between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`: structs with the names of their fields.
    pub(super) field_names: bool,
    /// `%#v`: values as Go source.
    pub(super) go_syntax: bool,
}

/// Writes values into a buffer.
pub(super) struct Printer<'p, 'b> {
    pub(super) out: &'p mut Buffer<'b>,
    pub(super) flags: Flags,
    /// An error form is being written; methods are not called then.
    in_error: bool,
}

/// Pieces of text that are put together in the time it takes to write a date.
pub(crate) const TIME_PUSHES: usize = 30;

/// Where a list or a map is; Go tells another address each time.
const ADDRESS: &[u8] = b"0xc000000000";

type Printed = Result<(), Full>;

impl<'p, 'b> Printer<'p, 'b> {
    pub(super) fn new(out: &'p mut Buffer<'b>) -> Self {
        Self {
            out,
            flags: Flags::default(),
            in_error: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Printed {
        self.out.push(bytes)
    }

    /// Writes an operand.
    pub(super) fn argument(&mut self, value: &Value, verb: char) -> Printed {
        match verb {
            'T' | 'v' if value.is_nil() => self.padded(b"<nil>"),
            'T' => self.padded_text(value.type_name().as_bytes()),
            // Errors are wrapped elsewhere, and nothing else is.
            'w' => self.bad_verb(value, verb),
            'p' if value.as_list().is_some() || value.as_map().is_some() => self.padded(ADDRESS),
            'p' => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    /// Writes what a pointer points at.
    pub(super) fn pointee(&mut self, object: &dyn Object) -> Printed {
        self.object(object, 'v', 1)
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) -> Printed {
        if matches!(value, Value::Time(_)) {
            // A date takes much longer than other values, even when it is cut to nothing.
            self.out.work(TIME_PUSHES)?;
        }
        if !self.in_error
            && !self.flags.go_syntax
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = text_of(value)
        {
            // Made as a whole, even when it is cut to nothing.
            self.out.work(text.as_bytes().len() / BYTES_PER_STEP)?;
            return self.string(value, text.as_bytes(), verb);
        }
        match value {
            Value::Nil => self.bad_verb(value, verb),
            Value::NilElement => self.nil_element(verb),
            Value::Bool(is_true) => match verb {
                't' | 'v' => self.padded(if *is_true { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(number, _) => self.integer(value, number.unsigned_abs(), *number < 0, verb),
            Value::Uint(number, _) => self.integer(value, *number, false, verb),
            Value::Float(number) => self.float_value(value, *number, verb),
            Value::Complex(real, imaginary) => self.complex(value, *real, *imaginary, verb),
            Value::String(text, _) => self.string(value, text.as_bytes(), verb),
            Value::Time(time) if self.flags.go_syntax => self.push(time.go_syntax().as_bytes()),
            Value::Time(time) if verb == 'd' => self.time_fields(time),
            // Go would show the hidden fields of the struct; their values mean nothing here.
            Value::Time(time) => self.string(value, time.to_string().as_bytes(), 'v'),
            Value::List(list) => self.list(&value.type_name(), list, verb, depth),
            Value::Map(map) => self.map(&value.type_name(), map, verb, depth),
            Value::Object(object) => {
                if object.type_name().starts_with('*') {
                    self.push(b"&")?;
                }
                self.object(object.as_ref(), verb, depth)
            }
        }
    }

    /// The fields that Go keeps a time in: the parts of a second, the seconds since the year 1, and where its zone is.
    fn time_fields(&mut self, time: &Time) -> Printed {
        self.push(b"{")?;
        self.integer_field(time.subsecond_nanoseconds().into())?;
        self.push(b" ")?;
        self.integer_field(time.seconds() - Time::zero().seconds())?;
        self.push(b" ")?;
        self.integer_field(0)?;
        self.push(b"}")
    }

    fn integer_field(&mut self, number: i64) -> Printed {
        self.value(&Value::int(number), 'd', 1)
    }

    fn nil_element(&mut self, verb: char) -> Printed {
        match verb {
            'v' if self.flags.go_syntax => self.push(b"interface {}(nil)"),
            _ => self.push(b"<nil>"),
        }
    }

    fn object(&mut self, object: &dyn Object, verb: char, depth: usize) -> Printed {
        let name = object.type_name().trim_start_matches('*');
        match object.shape() {
            Shape::Struct(fields) => self.structure(object, name, fields, verb, depth),
            Shape::List(list) => self.list(name, &list, verb, depth),
            Shape::Map(map) => self.map(name, &map, verb, depth),
        }
    }

    fn structure(
        &mut self,
        object: &dyn Object,
        type_name: &str,
        fields: &[Field],
        verb: char,
        depth: usize,
    ) -> Printed {
        if self.flags.go_syntax {
            self.push(type_name.as_bytes())?;
        }
        self.push(b"{")?;
        for (index, field) in fields.iter().enumerate() {
            self.separator(index)?;
            if self.flags.field_names || self.flags.go_syntax {
                self.push(field.name.as_bytes())?;
                self.push(b":")?;
            }
            let value = object.field(field.name).unwrap_or(Value::NilElement);
            self.value(&value, verb, depth + 1)?;
        }
        self.push(b"}")
    }

    fn list(&mut self, type_name: &str, list: &List, verb: char, depth: usize) -> Printed {
        let (open, close): (&[u8], &[u8]) = if self.flags.go_syntax {
            self.push(type_name.as_bytes())?;
            (b"{", b"}")
        } else {
            (b"[", b"]")
        };
        self.push(open)?;
        for (index, item) in list.items().iter().enumerate() {
            self.separator(index)?;
            self.value(item, verb, depth + 1)?;
        }
        self.push(close)
    }

    fn map(&mut self, type_name: &str, map: &Map, verb: char, depth: usize) -> Printed {
        let (open, close): (&[u8], &[u8]) = if self.flags.go_syntax {
            self.push(type_name.as_bytes())?;
            (b"{", b"}")
        } else {
            (b"map[", b"]")
        };
        self.push(open)?;
        for (index, (key, value)) in map.entries().iter().enumerate() {
            self.separator(index)?;
            let key = Value::string(key.clone());
            self.value(&key, verb, depth + 1)?;
            self.push(b":")?;
            self.value(value, verb, depth + 1)?;
        }
        self.push(close)
    }

    fn separator(&mut self, index: usize) -> Printed {
        match index {
            0 => Ok(()),
            _ if self.flags.go_syntax => self.push(b", "),
            _ => self.push(b" "),
        }
    }

    /// `%!d(string=text)`
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) -> Printed {
        self.push(b"%!")?;
        self.out.push_char(verb)?;
        self.push(b"(")?;
        if value.is_nil() {
            self.push(b"<nil>")?;
        } else {
            self.push(value.type_name().as_bytes())?;
            self.push(b"=")?;
            let was_in_error = std::mem::replace(&mut self.in_error, true);
            self.value(value, 'v', 0)?;
            self.in_error = was_in_error;
        }
        self.push(b")")
    }

    fn float_value(&mut self, value: &Value, number: f64, verb: char) -> Printed {
        match verb {
            'v' => self.float(number, 'g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => self.float(number, verb, None),
            'f' | 'F' | 'e' | 'E' => self.float(number, verb, Some(6)),
            _ => self.bad_verb(value, verb),
        }
    }

    fn complex(&mut self, value: &Value, real: f64, imaginary: f64, verb: char) -> Printed {
        let (verb, precision) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'F' | 'e' | 'E' => (verb, Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        self.push(b"(")?;
        self.float(real, verb, precision)?;
        let had_plus = std::mem::replace(&mut self.flags.plus, true);
        self.float(imaginary, verb, precision)?;
        self.flags.plus = had_plus;
        self.push(b"i)")
    }

    fn float(&mut self, number: f64, verb: char, precision: Option<usize>) -> Printed {
        let precision = self.flags.precision.or(precision);
        self.out.work(float::work(number, precision))?;
        let mut text = float::format(number, verb, precision);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && !self.flags.plus && text.starts_with('+') {
            text.replace_range(..1, " ");
        }
        if !number.is_finite() {
            let is_bare = (number.is_nan() && !self.flags.space && !self.flags.plus)
                || (number.is_nan() && text.starts_with('+') && !self.flags.plus);
            let shown = if is_bare { &text[1..] } else { &text };
            return self.without_zeros(|printer| printer.padded(shown.as_bytes()));
        }
        if self.flags.sharp && verb != 'b' {
            text = float::with_point(&text, verb, precision);
        }
        if !self.flags.plus && text.starts_with('+') {
            return self.padded(&text.as_bytes()[1..]);
        }
        match self.flags.width {
            // The sign stands before the zeros.
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                self.push(&text.as_bytes()[..1])?;
                self.out.fill(b'0', width - text.len())?;
                self.push(&text.as_bytes()[1..])
            }
            _ => self.padded(text.as_bytes()),
        }
    }

    /// Writes a text filled up to the width.
    pub(super) fn padded(&mut self, text: &[u8]) -> Printed {
        let missing = match self.flags.width {
            None | Some(0) => 0,
            Some(width) => width.saturating_sub(crate::value::chars(text).count()),
        };
        if !self.flags.minus {
            self.padding(missing)?;
        }
        self.push(text)?;
        if self.flags.minus {
            self.padding(missing)?;
        }
        Ok(())
    }

    pub(super) fn padding(&mut self, count: usize) -> Printed {
        let is_zero = self.flags.zero && !self.flags.minus;
        self.out.fill(if is_zero { b'0' } else { b' ' }, count)
    }

    /// Does something while zeros are not used for filling.
    pub(super) fn without_zeros(&mut self, print: impl FnOnce(&mut Self) -> Printed) -> Printed {
        let had_zero = std::mem::replace(&mut self.flags.zero, false);
        print(self)?;
        self.flags.zero = had_zero;
        Ok(())
    }
}

/// What the value's method `String` gives, when its type has one.
pub(crate) fn text_of(value: &Value) -> Option<GoString> {
    match value {
        Value::Int(number, IntType::Duration) => Some(crate::time::duration_text(*number).into()),
        Value::Int(number, IntType::Month) => Some(crate::time::month_text(*number).into()),
        Value::Int(number, IntType::Weekday) => Some(crate::time::weekday_text(*number).into()),
        Value::Time(time) => Some(time.to_string().into()),
        Value::Object(object) => object.text(),
        _ => None,
    }
}
