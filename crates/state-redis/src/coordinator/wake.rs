//! Waking up when something may have changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{Mutex, watch};

use crate::link::Subscription;

/// How long a wake-up that was answered already, and that nobody has acted on yet, is not answered again.
const ANSWERED_PAUSE: Duration = Duration::from_millis(50);

/// An ear on the channel every change is told to, for several who wait.
pub(super) struct Wake {
    /// Whoever waits listens for all.
    ear: Mutex<Subscription>,
    /// How often something was heard.
    heard: watch::Sender<u64>,
    /// What had been heard when changes were last read: all of it is known.
    read: AtomicU64,
    /// What had been heard when somebody was last woken.
    answered: AtomicU64,
}

impl Wake {
    pub(super) fn on(subscription: Subscription) -> Self {
        Self {
            ear: Mutex::new(subscription),
            heard: watch::Sender::new(0),
            read: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    /// Notes that changes are being read now.
    pub(super) fn note_reading(&self) {
        self.read.store(*self.heard.borrow(), Ordering::Release);
    }

    /// Waits until something was heard that nobody has read yet.
    pub(super) async fn wait(&self) {
        let mut heard = self.heard.subscribe();
        loop {
            let count = *heard.borrow_and_update();
            let is_news = count != self.read.load(Ordering::Acquire);
            if is_news && self.answered.swap(count, Ordering::AcqRel) != count {
                return;
            }
            let hears_more = self.hear_more(&mut heard);
            if is_news {
                // Who reads is late; who waits need not spin meanwhile.
                let _ = tokio::time::timeout(ANSWERED_PAUSE, hears_more).await;
                return;
            }
            hears_more.await;
        }
    }

    /// Waits until anybody hears something.
    async fn hear_more(&self, heard: &mut watch::Receiver<u64>) {
        let listen = async {
            let mut ear = self.ear.lock().await;
            // A message, or a gap in which there may have been one.
            ear.next().await;
            while ear.next().now_or_never().is_some() {}
            self.heard.send_modify(|count| *count += 1);
        };
        tokio::select! {
            () = listen => {}
            _ = heard.changed() => {}
        }
    }
}
