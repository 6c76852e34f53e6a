//! Go's package `fmt`: values as text.

mod buffer;
pub(crate) mod float;
mod integer;
mod printer;
mod printf;
pub(crate) mod quote;
mod strings;

pub use buffer::{Buffer, Full};
pub use printf::printf;

pub(crate) use printer::TIME_PUSHES;

use printer::Printer;

use crate::value::{TextType, Value};

/// Prints values as `fmt.Sprint` does: a space goes between two operands when neither is a string.
///
/// # Errors
/// The buffer is full.
pub fn print(out: &mut Buffer<'_>, arguments: &[Value]) -> Result<(), Full> {
    let mut printer = Printer::new(out);
    let mut was_string = true;
    for (index, argument) in arguments.iter().enumerate() {
        let is_string = matches!(argument, Value::String(..));
        if index > 0 && !is_string && !was_string {
            printer.push(b" ")?;
        }
        printer.argument(argument, 'v')?;
        was_string = is_string;
    }
    Ok(())
}

/// Prints values as `fmt.Sprintln` does: spaces between all, and a newline.
///
/// # Errors
/// The buffer is full.
pub fn println(out: &mut Buffer<'_>, arguments: &[Value]) -> Result<(), Full> {
    let mut printer = Printer::new(out);
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            printer.push(b" ")?;
        }
        printer.argument(argument, 'v')?;
    }
    printer.push(b"\n")
}

/// Prints a value as an action of a template does: nothing is `<no value>`, a pointer is what it points at.
///
/// # Errors
/// The buffer is full.
pub fn print_result(out: &mut Buffer<'_>, value: &Value) -> Result<(), Full> {
    match value {
        Value::Nil | Value::NilElement => out.push(b"<no value>"),
        Value::String(text, TextType::String) => out.push(text.as_bytes()),
        Value::Object(object) if object.type_name().starts_with('*') && object.text().is_none() => {
            Printer::new(out).pointee(object.as_ref())
        }
        _ => Printer::new(out).argument(value, 'v'),
    }
}
