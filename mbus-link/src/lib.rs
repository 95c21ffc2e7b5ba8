//! The link layer of M-Bus: who talks to whom.
//!
//! Wired frames (EN 13757-2), wireless frames with the extended link layer (EN 13757-4), relaying
//! (EN 13757-5), device addresses, and the state machines of both ends of a link. `no_std`, no
//! allocation, no I/O, no clock.
//!
//! Panics: never. Every public function that can fail returns a `Result`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod c_field;
pub mod ell;
pub mod error;
pub mod identity;
pub mod network_layer;
pub mod octets;
pub mod time;
pub mod wired;
pub mod wireless;

pub use c_field::CField;
pub use ell::{CommunicationControl, Ell, SessionNumber};
pub use error::{Error, ErrorKind};
pub use identity::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};
pub use network_layer::NetworkLayer;
