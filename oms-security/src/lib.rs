//! The security of OMS and EN 13757-7: who may read a telegram, and whether it is to be believed.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod configuration;
pub mod error;

pub use error::{Error, ErrorKind};

pub mod glo;
pub mod mode;
pub mod profile;
pub mod replay;
pub mod security_information;
