//! Integration tests: a commented table of contents.
