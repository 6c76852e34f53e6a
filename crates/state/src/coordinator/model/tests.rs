//! The model meets its own weather.
