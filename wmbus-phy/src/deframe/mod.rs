//! Frames in what a receiver delivers, as it comes in: from chips, and from octets.
//!
//! ```text
//! chips    .. noise .. preamble sync frame postamble .. noise .. preamble sync broken ..   ChipDeframer
//! octets   .. noise .. frame frame .. noise .. broken frame ..                             OctetDeframer
//! ```
//!
//! A software receiver has chips; so has a radio chip in its FIFO when it only finds the sync word. A radio chip that
//! also decodes the line code, or a module on a serial line, has octets with CRCs.
//!
//! Invariants: neither allocates, and both are bounded: memory by their size, work by the longest frame for each chip
//! or octet that may begin one. Nothing is lost behind a frame, a broken frame or a false sync word: the search goes
//! on right behind the place where a frame was thought to begin. Where the input is cut into calls changes nothing.

mod chip;
mod growing;
mod octet;

pub use chip::{ChipDeframer, ChipEvent};
pub use octet::{OctetDeframer, OctetEvent};
