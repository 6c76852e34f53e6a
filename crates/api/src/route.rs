//! Which place a path names, which methods it has, and what it is called in metrics.

use std::borrow::Cow;

use axum::http::Method;

/// A place of API v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum V2<'p> {
    /// `/status`
    Status,
    /// `/receivers`
    Receivers,
    /// `/alerts`
    Alerts,
    /// `/alerts/groups`
    Groups,
    /// `/silences`
    Silences,
    /// `/silence/{silenceID}`
    Silence(Cow<'p, str>),
    /// Anything else.
    Unknown,
}

/// A place outside of API v2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `/`: what runs and what is firing.
    Home,
    /// The stylesheet of `/`.
    Stylesheet,
    /// `/favicon.ico`
    Favicon,
    /// `/-/healthy`
    Healthy,
    /// `/-/ready`
    Ready,
    /// `/-/reload`
    Reload,
    /// `/-/coordinated`
    Coordinated,
    /// `/metrics`
    Metrics,
    /// A place the old API had.
    V1,
    /// `/api/belfry/v1/inbox`
    Inbox,
    /// `/api/belfry/v1/deliveries`
    Deliveries,
    /// `/api/belfry/v1/receivers/test`
    TestReceiver,
    /// `/api/belfry/v1/explain`
    Explain,
    /// `/api/belfry/v1/events`
    Events,
    /// `/api/belfry/v1/status`
    Status,
    /// `/api/belfry/v1/templates/render`
    Render,
    /// Anything else.
    Unknown,
}

impl<'p> V2<'p> {
    /// Finds the place; `path` begins after `/api/v2`. A slash at the end does not matter.
    pub(crate) fn find(path: &'p str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/status" => Self::Status,
            "/receivers" => Self::Receivers,
            "/alerts" => Self::Alerts,
            "/alerts/groups" => Self::Groups,
            "/silences" => Self::Silences,
            _ => match path.strip_prefix("/silence/") {
                Some(id) if !id.is_empty() && !id.contains('/') => Self::Silence(decoded(id)),
                _ => Self::Unknown,
            },
        }
    }

    /// The methods it has, as Alertmanager lists them.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Status | Self::Receivers | Self::Groups => &[Method::GET],
            Self::Alerts | Self::Silences => &[Method::GET, Method::POST],
            Self::Silence(_) => &[Method::GET, Method::DELETE],
            Self::Unknown => &[],
        }
    }

    /// Its name in metrics.
    pub(crate) fn handler(&self) -> &'static str {
        match self {
            Self::Status => "/api/v2/status",
            Self::Receivers => "/api/v2/receivers",
            Self::Alerts => "/api/v2/alerts",
            Self::Groups => "/api/v2/alerts/groups",
            Self::Silences => "/api/v2/silences",
            Self::Silence(_) => "/api/v2/silence/{silenceID}",
            Self::Unknown => "/api/v2/",
        }
    }
}

impl Place {
    /// Finds the place.
    pub(crate) fn find(path: &str) -> Self {
        match path {
            "/" => Self::Home,
            "/assets/belfry.css" => Self::Stylesheet,
            "/favicon.ico" => Self::Favicon,
            "/-/healthy" => Self::Healthy,
            "/-/ready" => Self::Ready,
            "/-/reload" => Self::Reload,
            "/-/coordinated" => Self::Coordinated,
            "/metrics" => Self::Metrics,
            "/api/belfry/v1/inbox" => Self::Inbox,
            "/api/belfry/v1/deliveries" => Self::Deliveries,
            "/api/belfry/v1/receivers/test" => Self::TestReceiver,
            "/api/belfry/v1/explain" => Self::Explain,
            "/api/belfry/v1/events" => Self::Events,
            "/api/belfry/v1/status" => Self::Status,
            "/api/belfry/v1/templates/render" => Self::Render,
            "/api/v1/status" | "/api/v1/receivers" | "/api/v1/alerts" | "/api/v1/silences" => {
                Self::V1
            }
            _ if path
                .strip_prefix("/api/v1/silence/")
                .is_some_and(is_segment) =>
            {
                Self::V1
            }
            _ => Self::Unknown,
        }
    }

    /// The methods it has, as the `Allow` header lists them; `OPTIONS` is answered everywhere.
    pub(crate) fn methods(self) -> &'static str {
        match self {
            Self::Reload | Self::Render | Self::TestReceiver => "OPTIONS, POST",
            Self::V1 => "DELETE, GET, OPTIONS, POST",
            Self::Unknown => "",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Its name in metrics.
    pub(crate) fn handler(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Stylesheet => "/assets/*path",
            Self::Favicon => "/favicon.ico",
            Self::Healthy => "/-/healthy",
            Self::Ready => "/-/ready",
            Self::Reload => "/-/reload",
            Self::Coordinated => "/-/coordinated",
            Self::Metrics => "/metrics",
            Self::V1 => "/api/v1/",
            Self::Inbox => "/api/belfry/v1/inbox",
            Self::Deliveries => "/api/belfry/v1/deliveries",
            Self::TestReceiver => "/api/belfry/v1/receivers/test",
            Self::Explain => "/api/belfry/v1/explain",
            Self::Events => "/api/belfry/v1/events",
            Self::Status => "/api/belfry/v1/status",
            Self::Render => "/api/belfry/v1/templates/render",
            Self::Unknown => "other",
        }
    }
}

fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/')
}

fn decoded(segment: &str) -> Cow<'_, str> {
    match crate::query::unescape(segment, false) {
        Some(Cow::Owned(bytes)) => String::from_utf8_lossy(&bytes).into_owned().into(),
        _ => Cow::Borrowed(segment),
    }
}

/// The path without empty, `.` and `..` segments, if it has any: where a client is sent instead.
pub(crate) fn cleaned(path: &str) -> Option<String> {
    let needs_it = path.split('/').skip(1).collect::<Vec<_>>();
    let (last, inner) = needs_it.split_last()?;
    let is_odd = |segment: &&str| matches!(*segment, "." | "..");
    if !inner
        .iter()
        .any(|segment| segment.is_empty() || is_odd(segment))
        && !is_odd(last)
    {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let mut clean = format!("/{}", kept.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_api_are_found_with_and_without_a_slash_at_the_end() {
        assert_eq!(V2::find("/alerts"), V2::Alerts);
        assert_eq!(V2::find("/alerts/"), V2::Alerts);
        assert_eq!(V2::find("/alerts/groups"), V2::Groups);
        assert_eq!(V2::find("/silence/a%20b"), V2::Silence("a b".into()));
        for path in [
            "/",
            "",
            "/nope",
            "/silence",
            "/silence/",
            "/silence/a/b",
            "/Alerts",
        ] {
            assert_eq!(V2::find(path), V2::Unknown, "{path}");
        }
    }

    #[test]
    fn odd_paths_are_cleaned() {
        assert_eq!(cleaned("/api/v2/alerts"), None);
        assert_eq!(cleaned("/"), None);
        assert_eq!(cleaned("/api/v2/"), None);
        assert_eq!(cleaned("//").as_deref(), Some("/"));
        assert_eq!(
            cleaned("/api//v2/alerts").as_deref(),
            Some("/api/v2/alerts")
        );
        assert_eq!(
            cleaned("//evil.example.org/x").as_deref(),
            Some("/evil.example.org/x")
        );
        assert_eq!(cleaned("/a/./b/../c/").as_deref(), Some("/a/c/"));
        assert_eq!(cleaned("/../..").as_deref(), Some("/"));
    }

    #[test]
    fn the_old_api_is_known_only_where_it_was() {
        assert_eq!(Place::find("/api/v1/silence/x"), Place::V1);
        assert_eq!(Place::find("/api/v1/zzz"), Place::Unknown);
        assert_eq!(Place::find("/debug/pprof/"), Place::Unknown);
    }
}
