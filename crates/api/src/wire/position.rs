//! Positions in the changes of a tenant, as ids of server-sent events: compact, and opaque to clients.
//!
//! `2.<data>.<version of silences>.<16 places>` where state is shared, a place being `<ms>` or `<ms>-<number>`;
//! `0.<era>.<number>` where an instance is alone. All numbers are hexadecimal.

use engine::events::{Place, Position};

/// Writes a position.
pub fn written(position: &Position) -> String {
    match position {
        Position::Here { era, number } => format!("0.{era:x}.{number:x}"),
        Position::Shared {
            data,
            streams,
            silences,
        } => {
            let mut out = format!("2.{data:x}.{silences:x}");
            for place in streams.iter() {
                out.push_str(&match place.seq {
                    0 => format!(".{:x}", place.ms),
                    seq => format!(".{:x}-{seq:x}", place.ms),
                });
            }
            out
        }
    }
}

/// Reads a position back; `None` for what nobody was given.
pub fn read(text: &str) -> Option<Position> {
    let (form, rest) = text.split_once('.')?;
    let mut parts = rest.split('.');
    let first = number(parts.next()?)?;
    match form {
        "0" => {
            let position = Position::Here {
                era: first,
                number: number(parts.next()?)?,
            };
            parts.next().is_none().then_some(position)
        }
        "2" => {
            let silences = number(parts.next()?)?;
            let places: Option<Vec<Place>> = parts.map(place).collect();
            let streams = places?.into_boxed_slice().try_into().ok()?;
            Some(Position::Shared {
                data: first,
                streams,
                silences,
            })
        }
        _ => None,
    }
}

fn place(text: &str) -> Option<Place> {
    let (ms, seq) = text.split_once('-').unwrap_or((text, "0"));
    Some(Place {
        ms: number(ms)?,
        seq: number(seq)?,
    })
}

fn number(text: &str) -> Option<u64> {
    // `from_str_radix` also takes a sign.
    let is_plain = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_plain {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut streams = Box::new([Place::default(); 16]);
        streams[0] = Place {
            ms: 1_767_607_200_000,
            seq: 3,
        };
        streams[15] = Place {
            ms: 1_767_607_200_000,
            seq: 0,
        };
        let shared = Position::Shared {
            data: 0xabc,
            streams,
            silences: 5,
        };
        let text = written(&shared);
        assert!(text.starts_with("2.abc.5.19b8d996900-3.0.0."), "{text}");
        let here = Position::Here {
            era: u64::MAX,
            number: 7,
        };
        for position in [shared, here] {
            assert_eq!(read(&written(&position)), Some(position));
        }
    }

    #[test]
    fn what_nobody_was_given_is_refused() {
        let fifteen = format!("2.1.5{}", ".0".repeat(15));
        let seventeen = format!("2.1.5{}", ".0".repeat(17));
        for text in [
            "", "x", "0.1", "0.1.2.3", "0.+1.2", "3.1.1", "2.5", &fifteen, &seventeen,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
