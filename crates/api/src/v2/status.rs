//! `GET /status`.

use axum::http::StatusCode;
use axum::response::Response;

use engine::Mode;

use super::Asked;
use crate::answer::json;
use crate::context::Peer;
use crate::wire::write::{push_list, push_string, push_time};

/// Shows the configuration in force, the version and the instances that work together.
pub(super) fn get(asked: &Asked<'_>) -> Response {
    let settings = asked.tenant.settings();
    let parts = &asked.api.parts;
    let mut out = Vec::with_capacity(settings.config_original().len() * 2 + 512);
    out.extend_from_slice(b"{\"cluster\":");
    push_cluster(&mut out, asked);
    out.extend_from_slice(b",\"config\":{\"original\":");
    push_string(&mut out, settings.config_original());
    out.extend_from_slice(b"},\"uptime\":");
    push_time(&mut out, asked.api.engine().started_at().utc());
    let members = [
        (",\"versionInfo\":{\"branch\":", "belfry"),
        (",\"buildDate\":", &parts.build.build_date),
        (",\"buildUser\":", "belfry"),
        (",\"goVersion\":", "none"),
        (",\"revision\":", &parts.build.version),
        (",\"version\":", &parts.build.compatible_version),
    ];
    push_members(&mut out, &members);
    out.extend_from_slice(b"}}\n");
    json(StatusCode::OK, out)
}

/// The instances: those that share state, or this one as it was told to show itself.
fn push_cluster(out: &mut Vec<u8>, asked: &Asked<'_>) {
    let own = asked.api.parts.cluster.own.clone();
    let (status, name, peers) = match (asked.api.engine().standing(), own) {
        (Some(standing), _) => {
            // Alone, it is as a member of a gossip cluster that does not hear the others yet.
            let is_shared = standing.mode == Mode::Coordinated;
            let status = if is_shared { "ready" } else { "settling" };
            let peers = standing.instances.into_iter().map(|instance| Peer {
                name: instance.id,
                address: instance.address,
            });
            (status, Some(standing.own.id), peers.collect())
        }
        (None, Some(own)) => ("ready", Some(own.name.clone()), vec![own]),
        (None, None) => ("disabled", None, Vec::new()),
    };
    out.push(b'{');
    if let Some(name) = name {
        push_members(out, &[("\"name\":", &name)]);
        out.push(b',');
    }
    out.extend_from_slice(b"\"peers\":");
    push_list(out, &peers, |out, peer| {
        push_members(
            out,
            &[("{\"address\":", &peer.address), (",\"name\":", &peer.name)],
        );
        out.push(b'}');
    });
    push_members(out, &[(",\"status\":", status)]);
    out.push(b'}');
}

fn push_members(out: &mut Vec<u8>, members: &[(&str, &str)]) {
    for (before, value) in members {
        out.extend_from_slice(before.as_bytes());
        push_string(out, value);
    }
}
