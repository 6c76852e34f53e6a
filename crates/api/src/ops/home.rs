//! `/`: a plain page that says what runs, where the API is and what is firing.

use std::sync::Arc;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use engine::Tenant;
use engine::read::{AlertQuery, AlertView};

use crate::answer;
use crate::context::Api;
use crate::query::escape;

/// Alerts the page shows.
const SHOWN: usize = 100;

const STYLE: &str = "\
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }\n\
table { border-collapse: collapse; width: 100%; }\n\
th, td { border-bottom: 1px solid #8884; padding: .3rem .6rem; text-align: left; vertical-align: top; }\n\
code { background: #8882; border-radius: .2rem; overflow-wrap: anywhere; padding: 0 .25rem; }\n\
.suppressed { opacity: .6; }\n\
@media (prefers-color-scheme: dark) { body { background: #111; color: #ddd; } a { color: #8bf; } }\n";

/// The page's stylesheet.
pub(crate) fn stylesheet() -> Response {
    let mut response = answer::text(StatusCode::OK, STYLE);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/css; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
    response
}

/// The page for a tenant.
pub(crate) fn page(api: &Api, tenant: &Arc<Tenant>) -> Response {
    let query = AlertQuery {
        limit: Some(SHOWN),
        ..AlertQuery::default()
    };
    let page = tenant.alerts(&query, api.now());
    let mut rows = String::new();
    for view in &page.alerts {
        push_row(&mut rows, api, view);
    }
    let firing = match (page.alerts.len(), page.next) {
        (0, _) => "<p>Nothing is firing.</p>".to_owned(),
        (count, None) => format!("<p>{count} firing.</p>"),
        (count, Some(_)) => format!("<p>More than {count} firing; these are the first.</p>"),
    };
    let table = if page.alerts.is_empty() {
        String::new()
    } else {
        format!(
            "<table><tr><th>Labels</th><th>Since</th><th>State</th><th>Receivers</th></tr>{rows}</table>"
        )
    };
    let prefix = escaped(&api.parts.web.route_prefix);
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Belfry</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <link rel=\"stylesheet\" href=\"{prefix}/assets/belfry.css\"></head><body>\
         <h1>Belfry</h1>\
         <p>Belfry {version}, compatible with Alertmanager {compatible}. Tenant <code>{tenant}</code>, running since {since}.</p>\
         <p>The API is at <a href=\"{prefix}/api/v2/status\"><code>{url}/api/v2</code></a>; what was told is in the \
         <a href=\"{prefix}/api/belfry/v1/inbox\">inbox</a>; <a href=\"{prefix}/metrics\">metrics</a>.</p>\
         <h2>Firing</h2>{firing}{table}</body></html>\n",
        version = escaped(&api.parts.build.version),
        compatible = escaped(&api.parts.build.compatible_version),
        tenant = escaped(tenant.id().as_str()),
        since = api.engine().started_at().utc().rfc3339_millis(),
        url = escaped(&api.parts.web.external_url),
    );
    html_answer(html)
}

fn push_row(rows: &mut String, api: &Api, view: &AlertView) {
    let class = if view.is_suppressed() {
        " class=\"suppressed\""
    } else {
        ""
    };
    let state = if !view.is_suppressed() {
        "active"
    } else if view.silenced_by.is_empty() {
        "inhibited"
    } else {
        "silenced"
    };
    let labels: Vec<String> = view
        .alert
        .labels
        .pairs()
        .map(|(n, v)| escaped(&format!("{n}={v:?}")))
        .collect();
    let receivers: Vec<String> = view.receivers.iter().map(|name| escaped(name)).collect();
    let explain = format!(
        "{}/api/belfry/v1/explain?fingerprint={}",
        escaped(&api.parts.web.route_prefix),
        escape(&view.alert.fingerprint.to_string())
    );
    rows.push_str(&format!(
        "<tr{class}><td><code>{}</code></td><td>{}</td><td>{state} (<a href=\"{explain}\">why</a>)</td><td>{}</td></tr>",
        labels.join("</code> <code>"),
        view.alert.starts_at.rfc3339_millis(),
        receivers.join(", "),
    ));
}

fn html_answer(html: String) -> Response {
    let mut response = answer::text(StatusCode::OK, html);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("same-origin"));
    response
}

/// Text that may stand anywhere in HTML, also in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn labels_cannot_become_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;"
        );
    }
}
