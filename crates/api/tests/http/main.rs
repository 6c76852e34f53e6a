//! The HTTP surface as clients see it: requests against a whole server in this process.

mod support;
mod surface;
