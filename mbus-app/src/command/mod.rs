//! Commands to devices: application reset and select, selection on the bus, clock, baud rate.
//!
//! Records that write, add or clear are ordinary records with an action VIFE, see [`crate::record`].

pub mod application;
pub mod clock;

pub use application::ApplicationSelect;
pub use clock::ClockCommand;
pub use mbus_link::wired::{BaudRate, Selection};
