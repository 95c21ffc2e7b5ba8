//! OBIS codes for M-Bus records, and back (OMS Vol. 2 Annex A and B).

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod code;
mod ident;
mod medium;

pub use code::{Dotted, ObisCode, ParseObisError, Short};
pub use ident::{DraftNumber, IdentError, MeterNumber, ServerId, SystemTitle};
pub use medium::Medium;
