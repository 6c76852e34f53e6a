//! The time zone of this machine, which `location: Local` of a time interval stands for.

use std::path::Path;

use domain::interval::Location;

/// The zone `TZ` names, else the one `/etc/localtime` points to, else UTC: as Go's `time.Local`.
pub(crate) fn local() -> Location {
    let stated = std::env::var("TZ").ok();
    let linked = std::fs::read_link("/etc/localtime").ok();
    named(stated.as_deref(), linked.as_deref())
}

fn named(stated: Option<&str>, linked: Option<&Path>) -> Location {
    let name = match stated {
        Some(stated) => stated.trim_start_matches(':').to_owned(),
        None => linked
            .and_then(Path::to_str)
            .and_then(|path| path.split_once("zoneinfo/"))
            .map(|(_, name)| name.to_owned())
            .unwrap_or_default(),
    };
    // `TZ=""` is UTC, and so is a name nobody knows.
    Location::parse(&name)
        .ok()
        .filter(|location| !location.is_local())
        .unwrap_or_else(Location::utc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_machine() {
        let link = Some(Path::new("/usr/share/zoneinfo/Europe/Berlin"));
        assert_eq!(named(Some("Asia/Shanghai"), link).name(), "Asia/Shanghai");
        assert_eq!(named(Some(":Asia/Tokyo"), None).name(), "Asia/Tokyo");
        assert_eq!(named(None, link).name(), "Europe/Berlin");
        assert_eq!(named(Some(""), link).name(), "UTC");
        assert_eq!(named(Some("Nowhere/At-all"), None).name(), "UTC");
        assert_eq!(named(None, None).name(), "UTC");
    }
}
