//! Wired M-Bus: EN 13757-2.

pub mod address;
pub mod baud_rate;
pub mod deframer;
pub mod frame;
pub mod selection;
pub mod timing;

pub use address::PrimaryAddress;
pub use baud_rate::BaudRate;
pub use deframer::{Deframed, Deframer};
pub use frame::{Frame, FrameType};
pub use selection::Selection;
pub use timing::LineTiming;
