//! Texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::{CallError, Context, Function, Signature, Type, escape};
use crate::Value;
use crate::value::{GoString, TextType};

const TEXT: Signature = Signature::new(&[Type::String]);

pub(super) const TO_UPPER: Function = Function {
    name: "toUpper",
    signature: TEXT,
    run: |cx, arguments| mapped(cx, arguments, upper),
};

pub(super) const TO_LOWER: Function = Function {
    name: "toLower",
    signature: TEXT,
    run: |cx, arguments| mapped(cx, arguments, lower),
};

pub(super) const TRIM_SPACE: Function = Function {
    name: "trimSpace",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        cx.read(text.len().saturating_mul(2))?;
        let trimmed = text.to_str().trim().to_owned();
        cx.made(trimmed)
    },
};

/// The title case of `golang.org/x/text`, for American English.
pub(super) const TITLE: Function = Function {
    name: "title",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        cx.step(8)?;
        cx.read(text.len().saturating_mul(24))?;
        let title = title(&text.to_str());
        cx.made(title)
    },
};

/// Go's `strings.Title`, which only turns the first letters of words into capitals.
pub(super) const TITLE_PLAIN: Function = Function {
    name: "title",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        let mut before = ' ';
        mapped_with(cx, text, |char| {
            let is_start = is_separator(before);
            before = char;
            if is_start {
                title_char(char).chars().next().unwrap_or(char)
            } else {
                char
            }
        })
    },
};

pub(super) const JOIN: Function = Function {
    name: "join",
    signature: Signature::new(&[Type::String, Type::Strings]),
    run: |cx, arguments| match arguments {
        [Value::String(separator, _), list] => join(cx, separator, list),
        _ => Ok(Value::from("")),
    },
};

pub(super) const SAFE_HTML: Function = Function {
    name: "safeHtml",
    signature: TEXT,
    run: |_, arguments| Ok(Value::String(first(arguments)?.clone(), TextType::Html)),
};

pub(super) const SAFE_URL: Function = Function {
    name: "safeUrl",
    signature: TEXT,
    run: |_, arguments| Ok(Value::String(first(arguments)?.clone(), TextType::Url)),
};

pub(super) const URL_UNESCAPE: Function = Function {
    name: "urlUnescape",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        cx.read(text.len().saturating_mul(16))?;
        cx.made(escape::unescape_query(text.as_bytes())?)
    },
};

pub(super) const URL_QUERY_ESCAPE: Function = Function {
    name: "urlQueryEscape",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        cx.text(|out| Ok(escape::query(out, text.as_bytes())?))
    },
};

pub(super) const BASE64_ENCODE: Function = Function {
    name: "base64encode",
    signature: TEXT,
    run: |cx, arguments| {
        let text = URL_SAFE.encode(first(arguments)?.as_bytes());
        cx.made(text)
    },
};

pub(super) const BASE64_DECODE: Function = Function {
    name: "base64decode",
    signature: TEXT,
    run: |cx, arguments| {
        let text = first(arguments)?;
        match URL_SAFE.decode(text.as_bytes()) {
            Ok(bytes) => cx.made(bytes),
            Err(
                base64::DecodeError::InvalidByte(at, _)
                | base64::DecodeError::InvalidLastSymbol(at, _),
            ) => Err(format!("illegal base64 data at input byte {at}").into()),
            Err(_) => Err(format!("illegal base64 data at input byte {}", text.len()).into()),
        }
    },
};

/// The first argument, which the signature says is a string.
pub(super) fn first(arguments: &[Value]) -> Result<&GoString, CallError> {
    let text = arguments.first().and_then(Value::as_string);
    text.ok_or_else(|| "a string is missing".into())
}

fn mapped(
    cx: &mut Context<'_>,
    arguments: &[Value],
    map: fn(char) -> char,
) -> Result<Value, CallError> {
    mapped_with(cx, first(arguments)?, map)
}

fn mapped_with(
    cx: &mut Context<'_>,
    text: &GoString,
    mut map: impl FnMut(char) -> char,
) -> Result<Value, CallError> {
    cx.read(text.len().saturating_mul(12))?;
    let mapped: String = text
        .chars()
        .map(|char| map(char.unwrap_or('\u{fffd}')))
        .collect();
    cx.made(mapped)
}

pub(crate) fn join(
    cx: &mut Context<'_>,
    separator: &GoString,
    list: &Value,
) -> Result<Value, CallError> {
    let list = list.as_list();
    let items = list.as_ref().map_or(&[][..], |list| list.items());
    cx.step(items.len())?;
    cx.text(|out| {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(separator.as_bytes())?;
            }
            out.push(item.as_string().map_or(&[], GoString::as_bytes))?;
        }
        Ok(())
    })
}

/// The capital letter, when that is one character: Go's `unicode.ToUpper`.
fn upper(char: char) -> char {
    let mut chars = char.to_uppercase();
    match (chars.next(), chars.next()) {
        (Some(one), None) => one,
        _ => greek_title(char).unwrap_or(char),
    }
}

/// The small letter: Go's `unicode.ToLower`.
fn lower(char: char) -> char {
    char.to_lowercase().next().unwrap_or(char)
}

/// Greek letters with an iota below; their capitals are one character only in title case.
fn greek_title(char: char) -> Option<char> {
    let code = u32::from(char);
    let title = match code {
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => return None,
    };
    char::from_u32(title)
}

/// A character at the start of a word.
fn title_char(char: char) -> String {
    // Digraphs have a form of their own for that.
    match char {
        'Ǆ'..='ǆ' => return 'ǅ'.into(),
        'Ǉ'..='ǉ' => return 'ǈ'.into(),
        'Ǌ'..='ǌ' => return 'ǋ'.into(),
        'Ǳ'..='ǳ' => return 'ǲ'.into(),
        _ => {}
    }
    if let Some(title) = greek_title(char) {
        return title.into();
    }
    // What becomes several letters begins with a capital only: `ﬁ` gives `Fi`.
    let mut upper = char.to_uppercase();
    let mut title: String = upper.next().into_iter().collect();
    title.extend(upper.flat_map(char::to_lowercase));
    title
}

fn is_cased(char: char) -> bool {
    char.is_lowercase() || char.is_uppercase() || matches!(char, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ')
}

/// Characters that do not end a word when one of them stands in it.
fn is_inside_word(char: char) -> bool {
    matches!(
        char,
        '\'' | '.'
            | ':'
            | '·'
            | '’'
            | '‘'
            | '․'
            | '‧'
            | '\u{fe13}'
            | '\u{fe52}'
            | '\u{fe55}'
            | '＇'
            | '．'
            | '：'
    )
}

fn is_word_char(char: char) -> bool {
    char.is_alphanumeric()
        || char == '_'
        || is_inside_word(char)
        || matches!(u32::from(char), 0x300..=0x36f)
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_in_word = false;
    let mut was_inside = false;
    for char in text.chars() {
        let is_inside = is_inside_word(char);
        if !is_word_char(char) || (is_inside && was_inside) {
            is_in_word = false;
        }
        was_inside = is_inside;
        if is_cased(char) && !is_in_word {
            is_in_word = true;
            out.push_str(&title_char(char));
        } else {
            out.extend(char.to_lowercase());
        }
    }
    out
}

/// What Go's `strings.Title` takes for the end of a word.
fn is_separator(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_alphanumeric() && char != '_';
    }
    !char.is_alphanumeric() && char.is_whitespace()
}
