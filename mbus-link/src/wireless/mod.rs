//! The link layer of wireless M-Bus, EN 13757-4.

pub mod frame;

pub use frame::{Frame, FrameBuilder, LengthQuirk};
