//! A provider with a memory, which tests can look at, and to which things happen.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::server::{Received, Reply, Server};

/// What happens to one request.
pub(crate) enum Fault {
    /// It is answered so and not looked at.
    Answered(Reply),
    /// It is done, but the connection is cut in place of the answer.
    Lost,
}

/// A provider at a free port.
pub(crate) struct Simulator<S> {
    server: Server,
    shared: Arc<Mutex<Shared<S>>>,
}

struct Shared<S> {
    service: S,
    /// What happens to the next request of each, as `POST /path`.
    faults: Vec<(String, Fault)>,
}

impl<S: Send + 'static> Simulator<S> {
    /// Serves with what `answer` says.
    pub(crate) fn new(service: S, answer: fn(&mut S, &Received) -> Reply) -> Self {
        let shared = Arc::new(Mutex::new(Shared {
            service,
            faults: Vec::new(),
        }));
        let serving = Arc::clone(&shared);
        let server = Server::new(move |request| {
            let mut shared = locked(&serving);
            let what = format!("{} {}", request.method, request.path);
            let fault = shared.faults.iter().position(|(at, _)| *at == what);
            match fault.map(|index| shared.faults.remove(index).1) {
                Some(Fault::Answered(reply)) => reply,
                Some(Fault::Lost) => {
                    answer(&mut shared.service, &request);
                    Reply::cut()
                }
                None => answer(&mut shared.service, &request),
            }
        });
        Self { server, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// Has this happen to the next request of that method and path.
    pub(crate) fn happen(&self, what: &str, fault: Fault) {
        locked(&self.shared).faults.push((what.to_owned(), fault));
    }

    /// What it knows; nothing is served meanwhile.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut locked(&self.shared).service)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
