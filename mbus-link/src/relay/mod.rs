//! Repeaters of wireless M-Bus: the hop bit, and the repeater as a state machine.
//!
//! EN 13757-5 (single hop repeaters) and the rules of the OMS Specification for repeaters.

pub mod duty_cycle;
pub mod hop;
pub mod repeater;

pub use duty_cycle::{AirTime, DutyCycle, Unlimited};
pub use hop::{set_hop, set_repeated_access};
pub use repeater::{Repeater, RepeaterEvent, RepeaterKind};
