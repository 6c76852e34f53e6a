//! Time zones.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// A time zone as a `time.Location` of Go.
#[derive(Debug, Clone)]
pub enum Zone {
    /// UTC
    Utc,
    /// So many seconds east of UTC, without a name: what a time written with an offset has.
    Fixed(i32),
    /// A zone of the database.
    Named(Arc<NamedZone>),
}

/// A zone of the database with its name.
#[derive(Debug)]
pub struct NamedZone {
    name: Box<str>,
    zone: TimeZone,
}

/// What holds in a zone at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offset {
    /// Seconds east of UTC.
    pub(super) offset_seconds: i32,
    /// The short name, often empty.
    pub(super) abbreviation: String,
    pub(super) is_summer_time: bool,
}

impl Zone {
    /// Finds a zone by its name, spelled as in the database.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        if name.is_empty() || name == "UTC" {
            return Some(Self::Utc);
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        // Go looks for a file, whose name has one spelling.
        (zone.iana_name() == Some(name)).then(|| {
            Self::Named(Arc::new(NamedZone {
                name: name.into(),
                zone,
            }))
        })
    }

    /// The zone of a time written with so many seconds east of UTC.
    #[must_use]
    pub fn from_offset_seconds(seconds: i32) -> Self {
        if seconds == 0 {
            Self::Utc
        } else {
            Self::Fixed(seconds.clamp(-86_399, 86_399))
        }
    }

    /// The zone's name; one that is only an offset has none.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Fixed(_) => "",
            Self::Named(named) => &named.name,
        }
    }

    /// What holds at so many seconds since the Unix epoch.
    pub(super) fn at(&self, seconds: i64) -> Offset {
        match self {
            Self::Utc => Offset {
                offset_seconds: 0,
                abbreviation: "UTC".to_owned(),
                is_summer_time: false,
            },
            Self::Fixed(offset_seconds) => Offset {
                offset_seconds: *offset_seconds,
                abbreviation: String::new(),
                is_summer_time: false,
            },
            Self::Named(named) => {
                let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let at = Timestamp::from_second(seconds.clamp(first, last)).unwrap_or_default();
                let info = named.zone.to_offset_info(at);
                Offset {
                    offset_seconds: info.offset().seconds(),
                    abbreviation: info.abbreviation().to_owned(),
                    is_summer_time: info.dst().is_dst(),
                }
            }
        }
    }
}
