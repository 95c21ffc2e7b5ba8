//! The security of OMS and EN 13757-7: who may read a telegram, and whether it is to be believed.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod afl;
pub mod configuration;
pub mod ell_cipher;
pub mod error;

pub use error::{Error, ErrorKind};

pub mod glo;
pub mod kdf;
pub mod key;
pub mod mode;
pub mod mode10;
pub mod mode5;
pub mod mode7;
pub mod profile;
pub mod reassembly;
pub mod replay;
pub mod sealed;
pub mod security_information;
