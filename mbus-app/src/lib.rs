//! The transport and application layer of M-Bus (EN 13757-3, EN 13757-7): what a telegram says.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod alarm;
pub mod application_error;
pub mod ci;
pub mod command;
pub mod cosem;
pub mod date_time;
pub mod decimal;
pub mod error;
pub mod fixed;
pub mod frame;
pub mod moment;
pub mod profile;
pub mod readings;
pub mod record;
#[cfg(feature = "sml")]
pub mod sml;
pub mod telegram;
pub mod tpl;
pub mod value;
pub mod vif;

pub use error::{Blame, Error, ErrorKind, Layer};
pub use telegram::{Input, LaxTelegram, Link, Telegram, peek};
