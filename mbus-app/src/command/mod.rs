//! Commands to devices: application reset and select, selection on the bus, clock, baud rate.
//!
//! Records that write, add or clear are ordinary records with an action VIFE, see [`crate::record`].

pub mod application;
pub mod baud_rate;
pub mod clock;
pub mod selection;

pub use application::ApplicationSelect;
pub use baud_rate::BaudRate;
pub use clock::ClockCommand;
pub use selection::Selection;
