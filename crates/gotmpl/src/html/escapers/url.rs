//! URLs and lists of them.

use super::UNSAFE_VALUE;

/// Lets a URL through whose scheme, if it has one, cannot run anything.
pub(in crate::html) fn filter(url: &str) -> String {
    if is_safe(url) {
        url.to_owned()
    } else {
        unsafe_url()
    }
}

fn unsafe_url() -> String {
    format!("#{UNSAFE_VALUE}")
}

fn is_safe(url: &str) -> bool {
    match url.split_once(':') {
        Some((scheme, _)) if !scheme.contains('/') => ["http", "https", "mailto"]
            .iter()
            .any(|safe| safe.eq_ignore_ascii_case(scheme)),
        _ => true,
    }
}

/// Encodes text for a query: everything that has a meaning in a URL.
pub(in crate::html) fn escape(text: &str) -> String {
    encode(text, |_| false)
}

/// Encodes in a URL what may not stand in one; what has a meaning keeps it.
pub(in crate::html) fn normalize(url: &str) -> String {
    encode(url, |rest| match rest {
        [b'%', high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        [byte, ..] => b"!#$&*+,/:;=?@[]".contains(byte),
        [] => false,
    })
}

/// Encodes all bytes but the unreserved ones and those that are kept, judged by what they start.
fn encode(text: &str, keep: impl Fn(&[u8]) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if is_unreserved || keep(&bytes[at..]) {
            encoded.push(char::from(*byte));
        } else {
            // Not by `write!`: an address in Han characters is nothing else.
            let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
            encoded.push('%');
            encoded.extend(digits.into_iter().flatten());
        }
    }
    encoded
}

/// Filters and encodes each URL of a `srcset`.
pub(in crate::html) fn srcset(list: &str) -> String {
    let images: Vec<String> = list.split(',').map(srcset_image).collect();
    images.join(",")
}

/// Makes one URL an element of a `srcset`.
pub(in crate::html) fn srcset_of_url(url: &str) -> String {
    normalize(url).replace(',', "%2c")
}

/// Filters and encodes one URL with its size.
fn srcset_image(image: &str) -> String {
    let start = image.len() - image.trim_start_matches(is_space).len();
    let length = image[start..].find(is_space);
    let end = length.map_or(image.len(), |length| start + length);
    let (url, size) = (&image[start..end], &image[end..]);
    let is_size = |char: char| is_space(char) || char.is_ascii_alphanumeric();
    if is_safe(url) && size.chars().all(is_size) {
        format!("{}{}{size}", &image[..start], normalize(url))
    } else {
        unsafe_url()
    }
}

fn is_space(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\u{c}' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::{escape, filter, normalize, srcset, srcset_of_url};

    #[test]
    fn schemes() {
        for safe in [
            "",
            "/a:b",
            "a/b:c",
            "HTTP://x",
            "https:",
            "mailto:a@b",
            "a?b",
        ] {
            assert_eq!(filter(safe), safe);
        }
        for bad in [
            "javascript:x",
            "data:,",
            " http:",
            "tel:1",
            ":",
            "java\nscript:x",
        ] {
            assert_eq!(filter(bad), "#ZgotmplZ", "{bad}");
        }
    }

    #[test]
    fn encoding() {
        assert_eq!(escape("100% a&b/é"), "100%25%20a%26b%2f%c3%a9");
        assert_eq!(
            normalize("/a b?c=%41%4&d='(é)"),
            "/a%20b?c=%41%254&d=%27%28%c3%a9%29"
        );
    }

    #[test]
    fn srcsets() {
        assert_eq!(
            srcset("/a.png 1x, javascript:b 2x, /c d.png 300w"),
            "/a.png 1x,#ZgotmplZ,#ZgotmplZ"
        );
        assert_eq!(srcset(" /a'\t2x ,"), " /a%27\t2x ,");
        assert_eq!(srcset_of_url("/a,b"), "/a%2cb");
    }
}
