//! The markup of chats: texts that mean what they say in each of them, and links.
//!
//! Go's engine knows HTML alone. Chats have dialects of Markdown of their own, and a label must not make text bold, draw a link or call
//! people (`<at id=all>`, `<@all>`, `<users/all>`) in any of them. Where a provider documents how a character is written as itself, that
//! is used; where none does, an invisible space (U+200B) behind the character keeps it from opening anything.

mod mention;

pub use mention::disarmed;

/// How a provider marks up text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Text without markup.
    Plain,
    /// `markdown` of Feishu's cards. Special characters are written as numeric entities (open.feishu.cn, "Rich text (Markdown)" of cards,
    /// table of escapes).
    Feishu,
    /// DingTalk's Markdown. Its documentation has no escapes; backslashes are the usual ones.
    Dingtalk,
    /// WeCom's Markdown. Its documentation has no escapes.
    Wecom,
    /// CommonMark (Gotify).
    Markdown,
    /// The HTML that cards of Google Chat take.
    Html,
    /// Text messages of Google Chat.
    GoogleChat,
}

/// An invisible space.
const BREAK: char = '\u{200b}';

/// Most bytes of a URL that becomes a link.
const URL_BYTES_MAX: usize = 4096;

impl Dialect {
    /// Finds a dialect by the name that templates use.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self::Plain,
            "feishu" => Self::Feishu,
            "dingtalk" => Self::Dingtalk,
            "wecom" => Self::Wecom,
            "markdown" => Self::Markdown,
            "html" => Self::Html,
            "googlechat" => Self::GoogleChat,
            _ => return None,
        })
    }

    /// Writes a text so that it shows as it is, in one line.
    #[must_use]
    pub fn escape(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 4);
        self.push_line(&mut out, text);
        out
    }

    /// The same with the lines of the text kept; empty ones are left out.
    #[must_use]
    pub fn escape_lines(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + text.len() / 4);
        for line in text.split(['\n', '\r']).filter(|l| !l.trim().is_empty()) {
            if !out.is_empty() {
                out.push('\n');
            }
            self.push_line(&mut out, line);
        }
        out
    }

    /// A link, or nothing when the address is none of the web.
    #[must_use]
    pub fn link(self, text: &str, url: &str) -> String {
        let Some(url) = http_url(url) else {
            return String::new();
        };
        let text = self.escape(text);
        match self {
            Self::Plain => format!("{text}: {url}"),
            Self::Html => format!("<a href=\"{}\">{text}</a>", url.replace('&', "&amp;")),
            Self::GoogleChat => format!("<{url}|{}>", text.replace(['|', '>'], " ")),
            Self::Feishu | Self::Dingtalk | Self::Wecom | Self::Markdown => {
                format!("[{text}]({url})")
            }
        }
    }

    fn push_line(self, out: &mut String, text: &str) {
        let mut before = ' ';
        let mut is_start = true;
        // Spaces at the start of a line may make a block of code of it.
        let chars = text.chars().map(shown).skip_while(|char| *char == ' ');
        let mut chars = chars.peekable();
        while let Some(char) = chars.next() {
            let after = chars.peek().copied().unwrap_or(' ');
            self.push_char(out, char, is_start, (before, after));
            // What follows a number at the start of a line may make an item of a list of it.
            is_start &= char.is_ascii_digit();
            before = char;
        }
    }

    fn push_char(self, out: &mut String, char: char, is_start: bool, around: (char, char)) {
        let within_word = || around.0.is_alphanumeric() && around.1.is_alphanumeric();
        match self {
            Self::Plain => out.push(char),
            Self::Html => match char {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                other => out.push(other),
            },
            Self::Feishu => match char {
                '&' | '<' | '>' | '*' | '_' | '~' | '`' | '[' | ']' | '(' | ')' | '\\' | '$'
                | '!' | '#' | ':' => {
                    push_entity(out, char);
                }
                '-' | '+' if is_start => push_entity(out, char),
                other => out.push(other),
            },
            Self::Dingtalk | Self::Wecom | Self::GoogleChat if char == '`' => out.push('\''),
            Self::Dingtalk if char == '<' => out.extend([char, BREAK]),
            Self::Dingtalk | Self::Markdown => {
                let is_special = match char {
                    '\\' | '*' | '[' | ']' | '~' | '|' | '`' | '<' | '$' => true,
                    '&' => self == Self::Markdown,
                    '_' => !within_word(),
                    '#' | '>' | '-' | '+' | '=' | '.' | ')' => is_start,
                    _ => false,
                };
                out.extend(is_special.then_some('\\'));
                out.push(char);
            }
            Self::Wecom | Self::GoogleChat => {
                let is_special = match char {
                    '<' | '*' | ']' | '~' => true,
                    '_' => !within_word(),
                    _ => false,
                };
                out.extend((is_start && matches!(char, '#' | '>' | '-')).then_some(BREAK));
                out.push(char);
                out.extend(is_special.then_some(BREAK));
            }
        }
    }
}

/// An ASCII character as a numeric entity.
fn push_entity(out: &mut String, char: char) {
    let number = u32::from(char);
    out.push_str("&#");
    for unit in [100, 10, 1] {
        if unit <= number {
            out.extend(char::from_digit(number / unit % 10, 10));
        }
    }
    out.push(';');
}

/// Characters that end lines, steer terminals or turn the direction of text become spaces.
fn shown(char: char) -> char {
    match char {
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ' ',
        _ if char.is_control() => ' ',
        _ => char,
    }
}

/// An address of the web with everything percent-encoded that could end it in any markup; `None` if it is something else
/// (`javascript:`) or too long.
#[must_use]
pub fn http_url(text: &str) -> Option<String> {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://")?;
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !is_http || rest.is_empty() || URL_BYTES_MAX < text.len() {
        return None;
    }
    // An address in Han characters is percent signs and digits for the most part.
    let mut url = Vec::with_capacity(scheme.len() + 3 * rest.len() + 3);
    url.extend_from_slice(scheme.to_ascii_lowercase().as_bytes());
    url.extend_from_slice(b"://");
    for byte in rest.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(byte),
            b'-' | b'_' | b'.' | b'~' | b'/' | b':' | b'?' | b'#' | b'@' | b'!' | b'$' | b'&'
            | b'+' | b',' | b';' | b'=' | b'%' => url.push(byte),
            other => url.extend_from_slice(&[b'%', hex(other >> 4), hex(other & 15)]),
        }
    }
    String::from_utf8(url).ok()
}

/// A digit, in large letters.
fn hex(digit: u8) -> u8 {
    match digit {
        0..=9 => b'0' + digit,
        _ => b'A' + digit - 10,
    }
}

#[cfg(test)]
mod tests;
