//! When a request went out: seen by the connection that takes it, asked for by whoever sent it, however many layers are between them.
//!
//! The time at which an answer is read says little of when it was given: a process that was stopped reads it when it goes on.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

tokio::task_local! {
    static OF_THIS_SEND: Departure;
}

/// When the last request of a send went out; clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Departure(Arc<Mutex<Option<Instant>>>);

impl Departure {
    /// Runs a send whose departure this is. Tasks it starts are not part of it.
    pub async fn of<F: Future>(&self, send: F) -> F::Output {
        OF_THIS_SEND.scope(self.clone(), send).await
    }

    /// The departure of the send this is part of, if it is part of one, for a request that is about to be made: what went out before
    /// was another one.
    pub fn awaited() -> Self {
        let awaited = OF_THIS_SEND.try_with(Self::clone).unwrap_or_default();
        awaited.set(None);
        awaited
    }

    /// The request goes out now.
    pub fn note(&self) {
        self.set(Some(Instant::now()));
    }

    /// When the request went out; `None` when it did not, or nobody saw it.
    pub fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_request_of_a_send_counts() {
        let departure = Departure::default();
        let began = Instant::now();
        let request = async |is_taken: bool| {
            let awaited = Departure::awaited();
            tokio::time::sleep(Duration::from_secs(1)).await;
            if is_taken {
                awaited.note();
            }
        };
        departure.of(request(true)).await;
        assert_eq!(departure.at(), Some(began + Duration::from_secs(1)));
        let both = async {
            request(true).await;
            request(true).await;
        };
        departure.of(both).await;
        assert_eq!(departure.at(), Some(began + Duration::from_secs(3)));
        departure.of(request(false)).await;
        assert_eq!(departure.at(), None, "it was refused before it went out");
        request(true).await;
        assert_eq!(departure.at(), None, "of no send, or another one");
    }
}
