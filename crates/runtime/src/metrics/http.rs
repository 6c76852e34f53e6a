//! Counters of HTTP requests.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::{Pairs, Register, table};

const DURATION_BOUNDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 5.0, 20.0, 60.0];
const SIZE_BOUNDS: [f64; 7] = [
    100.0,
    1_000.0,
    10_000.0,
    100_000.0,
    1_000_000.0,
    10_000_000.0,
    100_000_000.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    handler: &'static str,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Measured {
    handler: &'static str,
    method: &'static str,
}

/// Counters of HTTP requests.
pub struct HttpMetrics {
    durations: Family<Answered, Histogram, fn() -> Histogram>,
    sizes: Family<Measured, Histogram, fn() -> Histogram>,
    gets_in_flight: Gauge,
    gets_refused: Counter,
}

impl HttpMetrics {
    pub(super) fn new(registry: &mut Register) -> Self {
        let durations =
            Family::new_with_constructor((|| Histogram::new(DURATION_BOUNDS)) as fn() -> Histogram);
        let sizes =
            Family::new_with_constructor((|| Histogram::new(SIZE_BOUNDS)) as fn() -> Histogram);
        let in_flight: Family<Pairs, Gauge> =
            registry.add(table::HTTP_IN_FLIGHT, Family::default());
        let refused: Family<Pairs, Counter> =
            registry.add(table::HTTP_LIMIT_EXCEEDED, Family::default());
        let get: Pairs = vec![("method", "get".to_owned())];
        Self {
            durations: registry.add(table::HTTP_DURATION, durations),
            sizes: registry.add(table::HTTP_RESPONSE_SIZE, sizes),
            gets_in_flight: in_flight.get_or_create_owned(&get),
            gets_refused: refused.get_or_create_owned(&get),
        }
    }

    /// Counts an answered request; `handler` is the route's pattern (`/api/v2/silence/{silenceID}`), never the path.
    pub fn answered(
        &self,
        handler: &'static str,
        method: &str,
        code: u16,
        took: Duration,
        bytes: u64,
    ) {
        let method = bounded_method(method);
        let duration = self.durations.get_or_create_owned(&Answered {
            handler,
            method,
            code,
        });
        duration.observe(took.as_secs_f64());
        let size = self
            .sizes
            .get_or_create_owned(&Measured { handler, method });
        // Sizes past 2^53 bytes do not occur, and a histogram would not care.
        size.observe(u32::try_from(bytes).map_or(f64::from(u32::MAX), f64::from));
    }

    /// GET requests being answered: `inc` at the start, `dec` at the end.
    pub fn gets_in_flight(&self) -> &Gauge {
        &self.gets_in_flight
    }

    /// Counts a GET refused because too many were being answered.
    pub fn get_refused(&self) {
        self.gets_refused.inc();
    }
}

/// The method as a label: strangers may invent methods, which must not make new series.
fn bounded_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["get", "post", "put", "delete", "head", "options", "patch"];
    KNOWN
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(method))
        .unwrap_or("other")
}
