//! The transport and application layer of M-Bus (EN 13757-3, EN 13757-7): what a telegram says.
//!
//! ```
//! use mbus_app::Telegram;
//! use oms_security::key::{Aes, Key, PreparedKey};
//!
//! // OMS Vol. 2 Annex N, N.2.1: a gas meter by radio, link CRCs removed, security mode 5.
//! let mut octets = *b"\x2E\x44\x93\x15\x78\x56\x34\x12\x33\x03\x7A\x2A\x00\x20\x25\x59\x23\xC9\x5A\xAA\x26\xD1\xB2\xE7\
//! \x49\x3B\x01\x3E\xC4\xA6\xF6\xD3\x52\x9B\x52\x0E\xDF\xF0\xEA\x6D\xEF\xC9\x9D\x6D\x69\xEB\xF3";
//! let key: Key = "0102030405060708090A0B0C0D0E0F11".parse().unwrap();
//! let telegram = Telegram::decode(&mut octets, &PreparedKey::<Aes>::new(&key))?;
//! let volume = telegram.records().next().unwrap()?;
//! assert_eq!(telegram.meter().unwrap().to_string(), "ELS.12345678.33.03");
//! assert_eq!((volume.value().to_string(), volume.ucum().to_string()), ("28504.27".into(), "m3".into()));
//! # Ok::<(), mbus_app::Error>(())
//! ```
//!
//! Panics: never. Every public function that can fail returns a `Result`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alarm;
pub mod application_error;
pub mod body;
pub mod ci;
pub mod command;
pub mod cosem;
pub mod date_time;
pub mod decimal;
pub mod diagnosis;
pub mod error;
pub mod fixed;
pub mod frame;
pub mod moment;
pub mod profile;
pub mod readings;
pub mod readout;
pub mod record;
#[cfg(feature = "sml")]
pub mod sml;
pub mod telegram;
pub mod tpl;
pub mod trust;
pub mod value;
pub mod vif;

pub use error::{Blame, Error, ErrorKind, Layer};
pub use telegram::{Input, LaxTelegram, Link, Telegram, peek};
