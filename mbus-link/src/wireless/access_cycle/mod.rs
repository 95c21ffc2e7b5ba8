//! The access cycle: how a meter that sleeps most of the time can be talked to.
//!
//! After a frame of its own the meter listens for a few milliseconds. The other device answers in that
//! window from a queue of prepared frames. The meter then repeats its last answer every few seconds and
//! listens after each, until nobody asks any more. EN 13757-4, clause 11.6; OMS Specification.

pub mod credits;
pub mod meter;
pub mod other_device;
pub mod timing;

pub use credits::Credits;
pub use meter::{CycleEnd, MeterAccess, MeterEvent, Request};
pub use other_device::{GivenUp, OtherDevice, OtherDeviceEvent, Ticket};
pub use timing::{AccessTiming, Window};
