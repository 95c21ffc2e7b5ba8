//! The link layer of M-Bus: who talks to whom.
//!
//! Wired frames (EN 13757-2), wireless frames with the extended link layer (EN 13757-4), relaying
//! (EN 13757-5), device addresses, and the state machines of both ends of a link. `no_std`, no
//! allocation, no I/O, no clock.
//!
//! ```
//! use mbus_link::{Ell, wireless::Frame};
//! // OMS Specification Volume 2, Annex N, N.2.6: a gas meter, the CRCs of the radio already removed.
//! let octets = [
//!     0x30, 0x44, 0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03, 0x8C, 0x20, 0x75, 0x7A, 0x75, 0x00, 0x11,
//!     0x2A, 0x10, 0x01, 0xB3, 0x0A, 0x00, 0x00, 0xC8, 0x82, 0x03, 0x8E, 0x22, 0x3B, 0xBC, 0x10, 0x91, 0xCE,
//!     0xB8, 0xC0, 0xA1, 0x00, 0x9D, 0x38, 0x8A, 0x5A, 0xF7, 0x88, 0x3A, 0x5B, 0x5A, 0x7F, 0xD6,
//! ];
//! let frame = Frame::parse(&octets)?;
//! assert_eq!(frame.c_field().name(), Some("SND-NR"));
//! assert_eq!(frame.address().manufacturer.letters(), Some(*b"ELS"));
//! assert_eq!(frame.address().identification.number(), Some(12_345_678));
//! let (ell, rest) = Ell::parse_prefix(frame.payload())?;
//! assert_eq!((ell.access_number, rest.first()), (0x75, Some(&0x7A)));
//! # Ok::<(), mbus_link::Error>(())
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

pub mod c_field;
pub mod ell;
pub mod error;
pub mod identity;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
pub mod io;
pub mod lpwan;
pub mod network_layer;
pub mod octets;
mod queue;
pub mod relay;
pub mod time;
pub mod wired;
pub mod wireless;

pub use c_field::CField;
pub use ell::{CommunicationControl, Ell, SessionNumber};
pub use error::{Error, ErrorKind};
pub use identity::{Address, DeviceType, IdentificationNumber, ManufacturerId, Version};
pub use network_layer::NetworkLayer;
