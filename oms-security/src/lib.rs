//! The security of OMS and EN 13757-7: who may read a telegram, and whether it is to be believed.
//!
//! ```
//! use oms_security::configuration::Configuration;
//! use oms_security::key::{Aes, Key, PreparedKey};
//! use oms_security::sealed::{Sealed, SecurityContext};
//!
//! // OMS Vol. 2 Annex N, N.12.1: transport header of mode 7 and one block; the AFL carried counter and MAC.
//! let mut message = *b"\x7A\x75\x00\x10\x07\x10\xB3\x8C\x55\x00\x99\x33\x41\xB1\x23\x67\x4F\x59\x38\xD2\x99\x33";
//! let afl = b"\x90\x0F\x00\x2C\x25\xB3\x0A\x00\x00\xED\x17\x23\x68\x27\xCE\xA2\xFF";
//! let (afl, _) = oms_security::afl::Afl::parse_prefix(afl, None)?;
//! let (configuration, _) = Configuration::parse_prefix(&message[3..])?;
//! let meter = mbus_link::Address::from_link_octets(*b"\x3A\x63\x78\x56\x34\x12\x55\x20");
//! let context = SecurityContext { meter, access_number: 0x75, configuration, afl: Some(afl.into()), ..Default::default() };
//! let key = PreparedKey::<Aes>::new(&Key::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]));
//! let opened = Sealed::new(context, &mut message, 6).open_in_place(&key)?;
//! assert!(opened.opening().authenticated);
//! assert_eq!(opened.body()[..6], [0x2F, 0x2F, 0x01, 0xFD, 0x1F, 0x01]); // the breaker is on
//! # Ok::<(), oms_security::Error>(())
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

pub mod afl;
pub mod configuration;
pub mod count;
pub mod diagnosis;
pub mod ell_cipher;
pub mod error;
mod gcm;
pub mod glo;
pub mod kdf;
pub mod key;
#[cfg(feature = "legacy")]
pub mod legacy;
pub mod mode;
pub mod mode10;
pub mod mode13;
pub mod mode5;
pub mod mode7;
pub mod mode8;
pub mod mode9;
pub mod profile;
pub mod reassembly;
pub mod replay;
pub mod sealed;
pub mod security_information;
pub mod sender;

/// The traits of block ciphers, in the version that a cipher of one's own has to implement.
pub use cipher;
pub use error::{Error, ErrorKind};
