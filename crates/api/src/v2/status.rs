//! `GET /status`.

use axum::http::StatusCode;
use axum::response::Response;

use super::Asked;
use crate::answer::json;
use crate::wire::write::{push_string, push_time};

/// Shows the configuration in force, the version and the instances that work together.
pub(super) fn get(asked: &Asked<'_>) -> Response {
    let settings = asked.tenant.settings();
    let parts = &asked.api.parts;
    let mut out = Vec::with_capacity(settings.config_original().len() * 2 + 512);
    out.extend_from_slice(b"{\"cluster\":{");
    match &parts.cluster.own {
        None => out.extend_from_slice(b"\"peers\":[],\"status\":\"disabled\"}"),
        Some(own) => {
            let members = [
                ("\"name\":", own.name.as_str()),
                (",\"peers\":[{\"address\":", &own.address),
                (",\"name\":", &own.name),
            ];
            push_members(&mut out, &members);
            out.extend_from_slice(b"}],\"status\":\"ready\"}");
        }
    }
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

fn push_members(out: &mut Vec<u8>, members: &[(&str, &str)]) {
    for (before, value) in members {
        out.extend_from_slice(before.as_bytes());
        push_string(out, value);
    }
}
