//! The HTTP surface as clients see it: requests against a whole server in this process.

mod events;
mod shared;
mod stream;
mod support;
mod surface;
mod templates;
