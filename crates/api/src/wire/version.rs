//! Versions on the wire: opaque to clients, who hand back what they were given.

use engine::{Mode, Version};

/// Longest text that is read.
const TEXT_MAX: usize = 200;

/// The number of this form.
const FORM: &str = "1";

/// Writes a version as `<form>.<mode>.<version of silences>.<instance>`.
pub fn written(version: &Version) -> String {
    let mode = match version.mode {
        Mode::Embedded => 'e',
        Mode::Coordinated => 'c',
        Mode::Degraded => 'd',
    };
    format!("{FORM}.{mode}.{:x}.{}", version.silences, version.instance)
}

/// Reads a version back; `None` for what nobody was given.
pub fn read(text: &str) -> Option<Version> {
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.len() > TEXT_MAX || !is_plain(text) {
        return None;
    }
    let rest = text.strip_prefix(FORM)?.strip_prefix('.')?;
    let (mode, rest) = rest.split_once('.')?;
    let (silences, instance) = rest.split_once('.')?;
    Some(Version {
        mode: match mode {
            "e" => Mode::Embedded,
            "c" => Mode::Coordinated,
            "d" => Mode::Degraded,
            _ => return None,
        },
        instance: instance.to_owned(),
        silences: u64::from_str_radix(silences, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (mode, instance) in [
            (Mode::Embedded, ""),
            (Mode::Coordinated, "node-1.a"),
            (Mode::Degraded, "x"),
        ] {
            let version = Version {
                mode,
                instance: instance.to_owned(),
                silences: 1_767_607_200_000,
            };
            assert_eq!(read(&written(&version)), Some(version));
        }
    }

    #[test]
    fn what_nobody_was_given_is_refused() {
        for text in [
            "",
            "7",
            "1",
            "1.c",
            "1.c.5",
            "1.x.5.i",
            "1.c.zz.i",
            "2.c.5.i",
            "1.c.5.a b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&format!("1.c.5.{}", "i".repeat(200))), None);
    }
}
