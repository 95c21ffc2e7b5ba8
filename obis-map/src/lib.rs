//! What the utility calls it: OBIS codes for M-Bus records, and back (OMS Vol. 2 Annex A and B), and the
//! identification numbers of meters.
//!
//! A record says "volume, storage number 1", the device type says "water", the utility says
//! 8-0:1.2.0:
//!
//! ```
//! use mbus_link::DeviceType;
//! use obis_map::{Context, RecordKey};
//! let key = RecordKey { vib: &[0x13], storage: 1, ..RecordKey::default() };
//! let mapping = Context::of(DeviceType::WATER).lookup(key).unwrap();
//! assert_eq!(mapping.code, "8-0:1.2.0*255".parse().unwrap());
//! assert!(mapping.is_annex());
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, reason = "tests"))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod code;
#[cfg(feature = "descriptions")]
mod description;
mod ident;
mod lookup;
mod medium;
mod reverse;
mod table;
pub mod tag;
pub mod vib_type;

pub use code::{Dotted, ObisCode, ParseObisError, Short};
pub use ident::{DraftNumber, IdentError, MeterNumber, ServerId, SystemTitle};
pub use lookup::{Context, Mapping, NoCode, Part, RecordKey, lookup};
pub use medium::Medium;
pub use reverse::Template;
pub use table::{CodePattern, Confidence, Pattern, Period, Presence, Row, Source, rows};
pub use tag::{StorageNumbers, TAGS, Tag};
pub use vib_type::{VIB_TYPES, VibOctets, VibPattern, VibType};
