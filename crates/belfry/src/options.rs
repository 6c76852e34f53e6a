//! What a server is started with, however the options were stated.

use std::path::PathBuf;
use std::time::Duration;

use api::Peer;
use api::limits::Limits;
use domain::matcher::MatcherMode;
use engine::EngineOptions;

use crate::configuration::Source;

/// Everything [`crate::server::start`] needs to know.
pub(crate) struct Options {
    /// Addresses to listen on, `host:port`.
    pub(crate) listen: Vec<String>,
    /// Take any free port when the one asked for is taken (the demo).
    pub(crate) may_move: bool,
    /// The URL people reach us by; made of host name and port when not given.
    pub(crate) external_url: Option<String>,
    /// What every path begins with; the path of the external URL when not given.
    pub(crate) route_prefix: Option<String>,
    /// `sqlite://path`.
    pub(crate) database_url: String,
    /// Where an Alertmanager may have left its files, to be taken over.
    pub(crate) alertmanager_folder: Option<PathBuf>,
    /// The Redis that instances share; `None` for one that works alone.
    pub(crate) redis: Option<config::belfry::Redis>,
    /// Where configurations are read from, again at every reload.
    pub(crate) source: Source,
    /// TLS, users and headers of our own server.
    pub(crate) web_config_file: Option<PathBuf>,
    /// API GETs answered at once; 0 for the default.
    pub(crate) get_concurrency: usize,
    /// Longest an answer may take to begin.
    pub(crate) timeout: Option<Duration>,
    /// Bounds and periods of the engine.
    pub(crate) engine: EngineOptions,
    /// What `--enable-feature` switched on.
    pub(crate) features: Features,
    /// How this instance shows up in the cluster; `None` when it works alone.
    pub(crate) cluster: Option<Peer>,
    /// To whom the default tenant is open.
    pub(crate) openness: Openness,
    /// Bounds of requests.
    pub(crate) limits: Limits,
    /// Things to say once, when logging has begun.
    pub(crate) notes: Vec<Note>,
}

/// Who may use the default tenant without saying who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Openness {
    /// Anybody, as with Alertmanager, which is worth a warning.
    DropIn,
    /// Those on this machine; anybody if `anonymous_api`.
    Loopback {
        /// `auth.anonymous_api`.
        anonymous_api: bool,
    },
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Whether somebody should do something about it.
    pub(crate) is_warning: bool,
    /// What there is to say.
    pub(crate) text: String,
}

impl Note {
    pub(crate) fn info(text: impl Into<String>) -> Self {
        Self {
            is_warning: false,
            text: text.into(),
        }
    }

    pub(crate) fn warning(text: impl Into<String>) -> Self {
        Self {
            is_warning: true,
            text: text.into(),
        }
    }
}

/// What `--enable-feature` switches on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// How matchers and label names are read.
    pub(crate) matcher_mode: MatcherMode,
    /// Notification metrics carry the receiver's name.
    pub(crate) receiver_names: bool,
    /// Limited alerts carry their name.
    pub(crate) alert_names: bool,
    /// What to say about features that do nothing here.
    pub(crate) notes: Vec<Note>,
}

impl Features {
    /// Reads the comma-separated list of `--enable-feature`.
    ///
    /// # Errors
    /// A name Alertmanager does not know either, or two that exclude each other.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        let mut features = Self::default();
        let (mut is_classic, mut is_strict) = (false, false);
        for name in list.split(',').filter(|name| !name.is_empty()) {
            match name {
                "alert-names-in-metrics" => features.alert_names = true,
                "receiver-name-in-metrics" => features.receiver_names = true,
                "classic-mode" => is_classic = true,
                "utf8-strict-mode" => is_strict = true,
                "auto-gomemlimit" => {}
                "group-key-in-metrics" | "event-recorder" => {
                    let text =
                        format!("feature {name} is accepted but does nothing in this version yet");
                    features.notes.push(Note::info(text));
                }
                unknown => return Err(format!("unknown option '{unknown}' for --enable-feature")),
            }
        }
        features.matcher_mode = match (is_classic, is_strict) {
            (true, true) => {
                return Err("cannot have both classic and UTF-8 modes enabled".to_owned());
            }
            (true, false) => MatcherMode::Classic,
            (false, true) => MatcherMode::Utf8,
            (false, false) => MatcherMode::Fallback,
        };
        Ok(features)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_read_as_alertmanager_reads_them() {
        assert_eq!(Features::parse(""), Ok(Features::default()));
        let features = Features::parse("receiver-name-in-metrics,classic-mode").expect("known");
        assert!(features.receiver_names);
        assert_eq!(features.matcher_mode, MatcherMode::Classic);
        assert_eq!(
            Features::parse("auto-gomaxprocs"),
            Err("unknown option 'auto-gomaxprocs' for --enable-feature".to_owned())
        );
        assert!(Features::parse("classic-mode,utf8-strict-mode").is_err());
    }
}
