//! `GET /silence/{silenceID}` and `DELETE /silence/{silenceID}`.

use std::sync::Arc;

use axum::http::StatusCode;
use domain::quote::quote;

use super::alerts::unavailable;
use super::{Asked, Outcome};
use crate::answer::{Refusal, empty, json, json_error, refuse};
use crate::fresh::changed;
use crate::wire::silence::push_silence;

/// Shows one silence.
pub(super) fn get(asked: &Asked<'_>, id: &str) -> Outcome {
    let id = checked(id)?;
    let Some(silence) = asked.tenant.silence(&id) else {
        return refuse(empty(StatusCode::NOT_FOUND));
    };
    let mut body = Vec::with_capacity(512);
    push_silence(&mut body, &silence, asked.api.now());
    body.push(b'\n');
    Ok(json(StatusCode::OK, body))
}

/// Ends a silence now.
pub(super) async fn delete(asked: &Asked<'_>, id: &str) -> Outcome {
    let id = checked(id)?;
    let (engine, tenant) = (Arc::clone(asked.api.engine()), Arc::clone(&asked.tenant));
    // A task of its own, because what has begun must end even if the client goes away.
    match tokio::spawn(async move { engine.delete_silence(&tenant, &id).await }).await {
        Ok(Ok(true)) => Ok(changed(asked.api, &asked.tenant, empty(StatusCode::OK))),
        Ok(Ok(false)) => refuse(empty(StatusCode::NOT_FOUND)),
        Ok(Err(error)) => refuse(unavailable(&error.to_string())),
        Err(_) => refuse(empty(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

/// The id if it has the form of one: hexadecimal digits, with or without the four hyphens.
fn checked(id: &str) -> Result<String, Refusal> {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let is_uuid = match id.len() {
        36 => id.split('-').map(str::len).eq([8, 4, 4, 4, 12]) && id.split('-').all(is_hex),
        32 => is_hex(id),
        _ => false,
    };
    if is_uuid {
        return Ok(id.to_owned());
    }
    refuse(json_error(
        601,
        &format!("silenceID in path must be of type uuid: {}", quote(id)),
    ))
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn ids_are_uuids() {
        assert!(checked("11111111-2222-3333-4444-55555555ABCD").is_ok());
        assert!(checked("1111111122223333444455555555abcd").is_ok());
        for id in [
            "xyz",
            "",
            "11111111-2222-3333-4444-55555555ABC",
            "1111111-12222-3333-4444-55555555ABCD",
        ] {
            assert!(checked(id).is_err(), "{id}");
        }
    }
}
