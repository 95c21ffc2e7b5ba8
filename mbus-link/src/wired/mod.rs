//! Wired M-Bus: EN 13757-2.

pub mod address;
pub mod frame;

pub use address::PrimaryAddress;
pub use frame::{Frame, FrameType};
