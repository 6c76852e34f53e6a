//! Tests of contextual escaping.

mod contexts;
