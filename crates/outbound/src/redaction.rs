//! Secrets taken out of what others say, however they spell them.
//!
//! A receiver that echoes a request quotes it in JSON, in a form, in a page, or in several of these at once. So a text is looked through
//! as it is, and again with its escapes undone for as long as that changes it. Base64 has a spelling for each of the three places at which
//! a secret can begin in it; those are looked for beside the secret itself, so `user:password` is found by the password alone.

mod unescape;

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use unescape::Reading;

use crate::client::user_of;

/// What is shown in place of a secret.
const HIDDEN: &str = "<secret>";

/// A secret shorter than this protects nothing, and hiding it would riddle every text with holes.
const SECRET_BYTES_MIN: usize = 3;

/// A secret shorter than this is part of too many words: the password `ops` must not eat the middle of `stops`. It is hidden only where no
/// letter and no digit touches it, which is how a password is echoed.
const ANYWHERE_BYTES_MIN: usize = 6;

/// Pieces of URLs shorter than this are words like `hook`, not tokens.
const URL_PIECE_BYTES_MIN: usize = 8;

/// So many characters of base64, upper and lower case mixed, are no word by chance; fewer may be.
const CODED_BYTES_MIN: usize = 5;

/// How often escapes are undone: JSON in JSON in a form is three times, and nobody quotes deeper.
const READINGS_MAX: usize = 4;

/// What a pattern that was found takes with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    /// Itself.
    Anywhere,
    /// Itself, unless it is a part of a word.
    Alone,
    /// The run of base64 it stands in: its edges hold bits of the secret, and what is around it is not worth reading.
    Run,
}

/// Writes `<secret>` over every secret in a text. Of a secret that is a URL, so are the parts that may be tokens, and who it logs in as.
#[must_use]
pub fn redact<S: AsRef<str>>(text: &str, secrets: impl IntoIterator<Item = S>) -> String {
    if text.is_empty() {
        return String::new();
    }
    let patterns = patterns(secrets);
    let (texts, extents): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
    let finder = AhoCorasick::builder()
        // The kind that is soon built; a text is short.
        .kind(Some(AhoCorasickKind::NoncontiguousNFA))
        .build(&texts);
    // Only gigabytes of secrets do not fit; then nothing is shown rather than all.
    let Ok(finder) = finder else {
        return HIDDEN.to_owned();
    };
    let mut found = Vec::new();
    let mut reading = Some(Reading::of(text));
    for _ in 0..=READINGS_MAX {
        let Some(now) = reading else { break };
        let mut taken_to = 0;
        for at in finder.find_overlapping_iter(now.bytes()) {
            let extent = extents.get(at.pattern().as_usize());
            let extent = extent.copied().unwrap_or(Extent::Anywhere);
            // Who repeats a secret for ever must not have the run around it measured each time.
            if extent == Extent::Run && at.start() < taken_to {
                continue;
            }
            if let Some(range) = taken(now.bytes(), at.range(), extent) {
                taken_to = taken_to.max(range.end);
                found.push(now.place(range));
            }
        }
        reading = now.unescaped();
    }
    without(text, found)
}

/// Every text to look for, and what goes with it.
fn patterns<S: AsRef<str>>(secrets: impl IntoIterator<Item = S>) -> BTreeMap<Vec<u8>, Extent> {
    let mut patterns = BTreeMap::new();
    let mut add = |bytes: &[u8], extent: Extent| {
        let kept = patterns.entry(bytes.to_owned()).or_insert(extent);
        *kept = extent.min(*kept);
    };
    let secrets = secrets.into_iter();
    for secret in secrets.flat_map(|secret| pieces(secret.as_ref())) {
        // One that holds escapes itself is read as the text around it is.
        let mut reading = Some(Reading::of(&secret));
        for _ in 0..=READINGS_MAX {
            let Some(now) = reading else { break };
            match now.bytes().len() {
                ..SECRET_BYTES_MIN => {}
                SECRET_BYTES_MIN..ANYWHERE_BYTES_MIN => add(now.bytes(), Extent::Alone),
                _ => add(now.bytes(), Extent::Anywhere),
            }
            reading = now.unescaped();
        }
        for coded in coded(&secret) {
            // A `+` in it is a space in the second reading.
            add(coded.as_bytes(), Extent::Run);
            add(coded.replace('+', " ").as_bytes(), Extent::Run);
        }
    }
    patterns
}

/// What there is to hide of a secret.
fn pieces(secret: &str) -> Vec<String> {
    let mut pieces = vec![secret.to_owned()];
    let Some((_, rest)) = secret.split_once("://") else {
        return pieces;
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(host_end).unwrap_or((rest, ""));
    // A token may stand where a user does.
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    pieces.extend(user.split(':').map(str::to_owned));
    if let Some((user, password)) = user_of(secret) {
        // As a header has both at once; what is too short to be looked for in base64 by itself is found so.
        let both = STANDARD.encode(format!("{user}:{password}"));
        pieces.extend([both, user, password]);
    }
    let parts = path.split(['/', '?', '&', '=', '#', ';']);
    let parts = std::iter::once(path).chain(parts);
    let parts = parts.filter(|part| URL_PIECE_BYTES_MIN <= part.len());
    pieces.extend(parts.map(str::to_owned));
    pieces
}

/// A secret in base64 at each of the three places it can have in what is coded, without the characters that its neighbours share.
fn coded(secret: &str) -> Vec<String> {
    let mut all = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret.as_bytes());
        let inner = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        if inner.len() < CODED_BYTES_MIN {
            continue;
        }
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes);
            all.extend(text.get(inner.clone()).map(str::to_owned));
        }
    }
    all
}

/// What to hide of a reading in which a pattern was found.
fn taken(bytes: &[u8], found: Range<usize>, extent: Extent) -> Option<Range<usize>> {
    let (before, rest) = bytes.split_at_checked(found.start)?;
    let after = rest.get(found.len()..)?;
    match extent {
        Extent::Anywhere => Some(found),
        Extent::Alone => {
            let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            (!is_word(before.last()) && !is_word(after.first())).then_some(found)
        }
        Extent::Run => {
            let is_code = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
            let start = found.start - before.iter().rev().take_while(is_code).count();
            let rest = after.iter().skip_while(is_code);
            let padding = rest.take_while(|byte| **byte == b'=').count();
            let end = found.end + after.iter().take_while(is_code).count();
            Some(start..end + padding)
        }
    }
}

/// A text with these parts of it hidden; those that overlap are one.
fn without(text: &str, mut parts: Vec<Range<usize>>) -> String {
    parts.sort_by_key(|part| part.start);
    let mut out = String::with_capacity(text.len());
    let mut done_to = 0;
    for part in parts {
        // The bytes of an escape need not be a whole character.
        let start = text.floor_char_boundary(part.start);
        let end = text.ceil_char_boundary(part.end);
        if done_to <= start {
            out.push_str(text.get(done_to..start).unwrap_or_default());
            out.push_str(HIDDEN);
        }
        done_to = done_to.max(end);
    }
    out.push_str(text.get(done_to..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
