//! Trials whose receiver answers as the test goes on.

use outbound::{Answer, Recorded};

use super::Trial;
use crate::{DeliveryError, Notification};

impl Trial {
    /// The integration of one entry, `slack_configs`, with these lines of settings.
    pub(crate) fn of(entry: &str, settings: &str) -> Self {
        let settings = settings.trim().replace('\n', "\n  ");
        Self::new(&format!("{entry}:\n- {settings}"))
    }

    /// Answers the next request so.
    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.http
            .answer_next(Answer::status(status).with_body(body.to_owned()));
    }

    /// Answers the next requests with 200 and these bodies.
    pub(crate) fn answers(&self, bodies: &[&str]) {
        bodies.iter().for_each(|body| self.answer(200, body));
    }

    /// What was sent since this was last asked.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        self.http.take_recorded()
    }

    /// Delivers to a receiver that answers so, and gives the one body that was sent.
    pub(crate) async fn told(&self, notification: &Notification, answer: &str) -> String {
        self.answer(200, answer);
        self.deliver(notification).await.unwrap();
        let sent = self.take();
        assert_eq!(sent.len(), 1);
        String::from_utf8(sent[0].request.body.to_vec()).unwrap()
    }

    /// Delivers to a receiver that answers so, and gives the failure.
    pub(crate) async fn failure(
        &self,
        notification: &Notification,
        status: u16,
        body: &str,
    ) -> DeliveryError {
        self.answer(status, body);
        self.deliver(notification).await.unwrap_err()
    }
}
