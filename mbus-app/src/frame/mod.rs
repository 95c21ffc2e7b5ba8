//! Compact and format frames: readings without their headers, and headers without their readings
//! (EN 13757-3:2018, Annex G).
//!
//! A meter that sends the same records again and again leaves their DIB and VIB out and sends a signature of
//! them instead. The receiver knows the headers from a full frame, a format frame, or a table.

pub mod compact;
pub mod format;
#[cfg(feature = "known-formats")]
pub mod known;
pub mod learning;
pub mod store;

pub use compact::{CompactFrame, Expanded};
pub use format::FormatFrame;
pub use learning::{compact_frame, expand, learn};
pub use store::{BoundedFormats, FormatKey, FormatStore, NoFormats, import};
