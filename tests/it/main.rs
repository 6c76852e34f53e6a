//! The bell as its users meet it, on virtual time: what is posted, what arrives, and when. Table of contents:
//!
//! - [`world`]: an engine with everything around it faked except itself; the words the stories are told in.
//! - [`story`]: one file per subject; read any of them to learn what Belfry promises there. Add yours beside them.
//! - [`property`]: random timelines against an oracle: what a receiver was told last is the truth.

mod property;
mod story;
mod world;
