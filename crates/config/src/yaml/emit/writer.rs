//! The text being printed, its column, and the folding of long lines.

use super::node;
use super::style::{Place, Style, is_break, is_printable, style};
use crate::yaml::value::Value;

/// Texts are folded at the first space beyond this column.
const WIDTH: usize = 80;

/// Keys longer than this are written in the long form `? key`.
const SIMPLE_KEY_MAX: usize = 128;

pub(super) struct Writer {
    out: String,
    column: usize,
    /// Whether the last character separates words.
    is_spaced: bool,
    /// Whether the line holds nothing but indentation and dashes.
    is_indentation: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: String::new(),
            column: 0,
            is_spaced: true,
            is_indentation: true,
        }
    }
}

impl Writer {
    pub(super) fn finish(mut self) -> String {
        if !self.out.is_empty() && self.column != 0 {
            self.out.push('\n');
        }
        self.out
    }

    pub(super) fn is_at_line_start(&self) -> bool {
        self.is_indentation
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column = if c == '\n' { 0 } else { self.column + 1 };
    }

    fn put_all(&mut self, text: &str) {
        text.chars().for_each(|c| self.put(c));
    }

    /// Begins a line at this column unless one has begun there.
    pub(super) fn indent(&mut self, indent: usize) {
        let is_past = indent < self.column || (self.column == indent && !self.is_spaced);
        if !self.is_indentation || is_past {
            self.put('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.is_spaced = true;
        self.is_indentation = true;
    }

    fn space(&mut self) {
        if !self.is_spaced {
            self.put(' ');
        }
    }

    /// A sign of YAML's own that stands for a value.
    pub(super) fn mark(&mut self, sign: &str) {
        self.space();
        self.put_all(sign);
        self.is_spaced = false;
        self.is_indentation = false;
    }

    /// The dash of a list element.
    pub(super) fn dash(&mut self) {
        self.space();
        self.put('-');
        self.is_spaced = false;
    }

    /// A key and its colon.
    pub(super) fn key(&mut self, key: &Value, indent: usize) {
        match key {
            Value::Text(text) if SIMPLE_KEY_MAX < text.len() || text.contains(is_break) => {
                self.space();
                self.put('?');
                self.is_spaced = false;
                self.text(text, indent + 2);
                self.indent(indent);
            }
            Value::Text(text) => self.styled(text, style(text, Place::Key), indent, false),
            other => node(self, other, Some(indent), false),
        }
        self.put(':');
        self.is_spaced = false;
        self.is_indentation = false;
    }

    /// A value that is no text.
    pub(super) fn plain(&mut self, text: &str, indent: usize) {
        self.styled(text, Style::Plain, indent, true);
    }

    /// A text as a value; continuation lines begin at `indent`.
    pub(super) fn text(&mut self, text: &str, indent: usize) {
        self.styled(text, style(text, Place::Block), indent, true);
    }

    /// A list on one line.
    pub(super) fn inline(&mut self, items: &[String], indent: usize) {
        self.space();
        self.put('[');
        self.is_spaced = true;
        for (i, item) in items.iter().enumerate() {
            if 0 < i {
                self.put(',');
                self.is_spaced = false;
            }
            if WIDTH < self.column {
                self.indent(indent);
            }
            self.styled(item, style(item, Place::Inline), indent, true);
        }
        self.put(']');
        self.is_spaced = false;
        self.is_indentation = false;
    }

    fn styled(&mut self, text: &str, style: Style, indent: usize, may_fold: bool) {
        match style {
            Style::Plain => self.write_plain(text, indent, may_fold),
            Style::Single => self.write_single(text, indent, may_fold),
            Style::Double => self.write_double(text, indent, may_fold),
            Style::Literal => {
                // A text that ends its own line leaves the next one begun.
                self.write_literal(text, indent);
                return;
            }
        }
        self.is_spaced = false;
        self.is_indentation = false;
    }

    fn write_plain(&mut self, text: &str, indent: usize, may_fold: bool) {
        if !text.is_empty() {
            self.space();
        }
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let may_fold_here = may_fold && !after_space && WIDTH < self.column;
            if c == ' ' && may_fold_here && chars.peek() != Some(&' ') {
                self.indent(indent);
            } else {
                self.put(c);
                self.is_indentation = false;
            }
            after_space = c == ' ';
        }
    }

    fn write_single(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.mark("'");
        let mut after_space = false;
        let mut after_break = false;
        let last = text.len().saturating_sub(1);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if c == ' ' {
                let is_inner = 0 < i && i < last && chars.peek().is_some_and(|(_, c)| *c != ' ');
                if may_fold && !after_space && WIDTH < self.column && is_inner {
                    self.indent(indent);
                } else {
                    self.put(' ');
                }
                after_space = true;
                continue;
            }
            if is_break(c) {
                if !after_break && c == '\n' {
                    self.put('\n');
                }
                self.put(c);
                self.column = 0;
                self.is_indentation = true;
                after_break = true;
                continue;
            }
            if after_break {
                self.indent(indent);
            }
            if c == '\'' {
                self.put('\'');
            }
            self.put(c);
            self.is_indentation = false;
            after_space = false;
            after_break = false;
        }
        self.put('\'');
    }

    fn write_double(&mut self, text: &str, indent: usize, may_fold: bool) {
        self.mark("\"");
        // yaml.v2 escapes every character once the text begins with a byte order mark.
        let has_mark = text.starts_with('\u{feff}');
        let mut after_space = false;
        let last = text.len().saturating_sub(1);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            if has_mark || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.put_all(&escaped(c));
                after_space = false;
            } else if c == ' ' {
                if may_fold && !after_space && WIDTH < self.column && 0 < i && i < last {
                    self.indent(indent);
                    if chars.peek().is_some_and(|(_, c)| *c == ' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
        }
        self.put('"');
    }

    fn write_literal(&mut self, text: &str, indent: usize) {
        self.space();
        self.put('|');
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put('2');
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next()) {
            (false, _) => self.put('-'),
            (true, None) => self.put('+'),
            (true, Some(c)) if is_break(c) => self.put('+'),
            (true, Some(_)) => {}
        }
        self.put('\n');
        self.is_indentation = true;
        self.is_spaced = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.put(c);
                self.column = 0;
                self.is_indentation = true;
                after_break = true;
                continue;
            }
            if after_break {
                self.indent(indent);
            }
            self.put(c);
            self.is_indentation = false;
            after_break = false;
        }
    }
}

fn escaped(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            return match u32::from(other) {
                code @ 0..=0xff => format!("\\x{code:02X}"),
                code @ 0..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
