//! Template files: found by glob patterns as Go finds them, and parsed, once for each configuration that is loaded.

use std::path::{Path, PathBuf};

use gotmpl::time::Zone;
use notify::template::{Origin, TemplateSet};

/// Most files one pattern may find; more is a mistake in the pattern.
const FILES_MAX: usize = 1_000;

/// Largest template file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The templates of a configuration.
pub(crate) struct Loaded {
    /// The defaults and the files on top, in order.
    pub(crate) set: TemplateSet,
    /// How many files there are.
    pub(crate) files: usize,
}

/// Parses every file the patterns find, on top of the default templates.
///
/// # Errors
/// A pattern that is none, a file that cannot be read, or the first mistake in one.
pub(crate) fn load(patterns: &[String]) -> Result<Loaded, String> {
    let mut files = Vec::new();
    for pattern in patterns {
        for file in find(pattern)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            files.push((name.into_owned(), read(&file)?, file));
        }
    }
    let local = Zone::find(crate::zone::local().name()).unwrap_or(Zone::Utc);
    let texts = files
        .iter()
        .map(|(name, text, _)| (name.as_str(), text.as_str()));
    let set = TemplateSet::parse(texts, local, Origin::Operator).map_err(|failure| {
        let file = files.iter().find(|(name, ..)| *name == failure.template);
        let shown = file.map_or_else(String::new, |(.., file)| file.display().to_string());
        format!("template file {shown}: {failure}")
    })?;
    Ok(Loaded {
        set,
        files: files.len(),
    })
}

fn read(file: &Path) -> Result<String, String> {
    let shown = file.display();
    let unreadable =
        |error: std::io::Error| format!("template file {shown} cannot be read: {error}");
    if std::fs::metadata(file).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(format!(
            "template file {shown} has more than {FILE_BYTES_MAX} bytes"
        ));
    }
    std::fs::read_to_string(file).map_err(unreadable)
}

/// Files a pattern finds, in order; `*`, `?` and `[…]` stand for parts of one name, never for a `/`.
fn find(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (PathBuf::new(), pattern),
    };
    let mut found = vec![root];
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let glob = Glob::parse(part)
            .ok_or_else(|| format!("template pattern {pattern:?}: syntax error in pattern"))?;
        let mut next = Vec::new();
        for folder in &found {
            match glob.literal() {
                Some(name) => next.extend(Some(folder.join(name)).filter(|path| path.exists())),
                None => next.extend(matching(folder, &glob)),
            }
            if next.len() > FILES_MAX {
                return Err(format!(
                    "template pattern {pattern:?} finds more than {FILES_MAX} files"
                ));
            }
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}

/// Entries of a folder whose names match, sorted; a folder that cannot be read has none, as with Go.
fn matching(folder: &Path, glob: &Glob) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = std::fs::read_dir(here) else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| glob.matches(name)).collect();
    names.sort();
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// A pattern for one name.
struct Glob(Vec<Piece>);

enum Piece {
    Any,
    One,
    Char(char),
    Class {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Glob {
    /// Reads Go's `filepath.Match` notation; `None` when it is malformed.
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                '\\' => Piece::Char(chars.next()?),
                '[' => {
                    let is_negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    while ranges.is_empty() || chars.peek() != Some(&']') {
                        let mut bound = || match chars.next()? {
                            '\\' => chars.next(),
                            '-' | ']' => None,
                            c => Some(c),
                        };
                        let from = bound()?;
                        let to = if chars.next_if_eq(&'-').is_some() {
                            match chars.next()? {
                                '\\' => chars.next()?,
                                '-' | ']' => return None,
                                c => c,
                            }
                        } else {
                            from
                        };
                        ranges.push((from, to));
                    }
                    chars.next()?;
                    Piece::Class { is_negated, ranges }
                }
                c => Piece::Char(c),
            });
        }
        Some(Self(pieces))
    }

    /// The name itself, if the pattern stands for just one.
    fn literal(&self) -> Option<String> {
        let chars = self.0.iter().map(|piece| match piece {
            Piece::Char(c) => Some(*c),
            _ => None,
        });
        chars.collect()
    }

    fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        // Which prefixes of the name the pieces so far can stand for: linear in pattern times name.
        let mut reached = vec![false; name.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        for piece in &self.0 {
            let mut next = vec![false; name.len() + 1];
            match piece {
                Piece::Any => {
                    let mut is_reached = false;
                    for (to, from) in next.iter_mut().zip(&reached) {
                        is_reached |= *from;
                        *to = is_reached;
                    }
                }
                piece => {
                    for ((to, from), c) in next.iter_mut().skip(1).zip(&reached).zip(&name) {
                        *to = *from && piece.takes(*c);
                    }
                }
            }
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }
}

impl Piece {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Char(own) => *own == c,
            Self::Class { is_negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *is_negated
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_go() {
        let cases = [
            ("*.tmpl", "a.tmpl", true),
            ("*.tmpl", ".tmpl", true),
            ("*.tmpl", "a.html", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("", "", true),
        ];
        for (pattern, name, expected) in cases {
            let glob = Glob::parse(pattern).expect(pattern);
            assert_eq!(glob.matches(name), expected, "{pattern} {name}");
        }
        for malformed in ["[", "[]", "[a", "a\\", "[a-]", "[-a]"] {
            assert!(Glob::parse(malformed).is_none(), "{malformed}");
        }
    }

    #[test]
    fn files_are_found_and_their_mistakes_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let below = folder.path().join("t");
        std::fs::create_dir(&below).expect("made");
        std::fs::write(
            below.join("a.tmpl"),
            "{{ define \"x\" }}{{ .Status | toUpper }}{{ end }}",
        )
        .expect("written");
        std::fs::write(below.join("b.tmpl"), "plain").expect("written");
        let pattern = |text: &str| vec![folder.path().join(text).to_string_lossy().into_owned()];
        let count = |text: &str| load(&pattern(text)).map(|loaded| loaded.files);
        assert_eq!(count("t/*.tmpl"), Ok(2));
        assert_eq!(count("*/a.tmpl"), Ok(1));
        assert_eq!(count("t/*.none"), Ok(0));
        std::fs::write(below.join("c.tmpl"), "{{ end }}").expect("written");
        let error = count("t/*.tmpl").expect_err("a stray end");
        assert!(error.contains("c.tmpl:1:"), "{error}");
    }
}
