//! The physical layer of wireless M-Bus: chips and octets (EN 13757-4).

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod error;

pub use error::{Error, ErrorKind};
