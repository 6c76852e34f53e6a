//! The token a message is posted with: fetched once for all who wait for it, and kept while it is good.

use std::time::Duration;

use outbound::{Method, Request};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{Refusal, method};
use crate::DeliveryError;
use crate::answer::{Answer, unreadable};
use crate::form;
use crate::provider::{Wire, unheard};

/// How long a token is good unless WeChat says that it is less.
const LIFE_S_MAX: u64 = 2 * 60 * 60;

/// Whose token it is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) corp_id: String,
    pub(super) secret: String,
}

/// The last token.
#[derive(Default)]
pub(super) struct Tokens {
    last: Mutex<Option<Kept>>,
}

struct Kept {
    account: Account,
    token: String,
    until: Instant,
}

impl Tokens {
    /// The account's token: the one that is kept, or a new one. While one attempt fetches it, others wait.
    pub(super) async fn get(
        &self,
        api_url: &str,
        account: &Account,
        wire: &Wire<'_>,
    ) -> Result<String, DeliveryError> {
        let mut last = wire.within(self.last.lock()).await?;
        let now = Instant::now();
        if let Some(kept) = &*last
            && kept.account == *account
            && now < kept.until
        {
            wire.confide(&kept.token);
            return Ok(kept.token.clone());
        }
        let (token, life) = fetch(api_url, account, wire).await?;
        wire.confide(&token);
        *last = Some(Kept {
            account: account.clone(),
            token: token.clone(),
            until: now + life,
        });
        Ok(token)
    }

    /// Drops a token that is no good, unless somebody fetched another one meanwhile.
    pub(super) async fn forget(&self, token: &str, wire: &Wire<'_>) -> Result<(), DeliveryError> {
        let mut last = wire.within(self.last.lock()).await?;
        last.take_if(|kept| kept.token == token);
        Ok(())
    }
}

async fn fetch(
    api_url: &str,
    account: &Account,
    wire: &Wire<'_>,
) -> Result<(String, Duration), DeliveryError> {
    let query = form::encode([
        ("corpid", &account.corp_id),
        ("corpsecret", &account.secret),
    ]);
    let url = method(api_url, "gettoken", &query);
    let request = Request {
        method: Method::GET,
        url: url.clone(),
        headers: Vec::new(),
        body: Default::default(),
    };
    let response = wire.accepted_or_retried(request, |_| true).await;
    let response = response.map_err(unheard)?;
    let answer = Answer::of(&response);
    if !answer.is_json() {
        return Err(unheard(unreadable(wire, &response.body, &url).await));
    }
    if let Some(refusal) = Refusal::of(&answer) {
        return Err(refusal.error(wire).await);
    }
    let token = answer.text("/access_token");
    if token.is_empty() {
        let said = format!("WeChat gave no token for the corp_id `{}`", account.corp_id);
        return Err(wire.refused(&said, "", false).await);
    }
    let life_s = answer.number("/expires_in");
    let life_s = life_s.and_then(|life| u64::try_from(life).ok());
    let life_s = life_s.unwrap_or(LIFE_S_MAX).min(LIFE_S_MAX);
    Ok((token.to_owned(), Duration::from_secs(life_s)))
}
