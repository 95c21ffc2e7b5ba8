//! The verbs that all machines of the wired bus share, for code that drives any of them.
//!
//! ```text
//! loop: write poll_transmit, fetch events, sleep until poll_timeout or octets, hand them in
//! ```
//!
//! Master and slave write their inherent verbs each: where they are alike they are one line, and what they call is not.

use crate::time::Instant;

/// A state machine at one end of a wired line. It reads no clock and does no I/O.
///
/// Every method has an inherent twin of the same name on the machines, so that the trait is needed for generic code
/// only. Events differ from machine to machine: they are fetched with `poll_event` of each.
pub trait Station {
    /// Takes octets of the line, the last of which came in at `now`.
    fn handle_input(&mut self, now: Instant, octets: &[u8]);
    /// Does what is due by `now`.
    fn handle_timeout(&mut self, now: Instant);
    /// The octets to be sent now, at once and without a gap. To be asked after each of the other verbs.
    fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]>;
    /// When [`Station::handle_timeout`] is due; `None` while only octets or the application can wake the machine.
    fn poll_timeout(&self) -> Option<Instant>;
    /// True when an event waits to be fetched.
    fn has_event(&self) -> bool;
    /// Bits per second at which the port is to work now.
    fn baud(&self) -> u32;
}

/// [`Station`] by means of the inherent methods.
macro_rules! station {
    ($machine:ty) => {
        impl $crate::wired::Station for $machine {
            fn handle_input(&mut self, now: $crate::time::Instant, octets: &[u8]) {
                self.handle_input(now, octets);
            }
            fn handle_timeout(&mut self, now: $crate::time::Instant) {
                self.handle_timeout(now);
            }
            fn poll_transmit(&mut self, now: $crate::time::Instant) -> Option<&[u8]> {
                self.poll_transmit(now)
            }
            fn poll_timeout(&self) -> Option<$crate::time::Instant> {
                self.poll_timeout()
            }
            fn has_event(&self) -> bool {
                self.has_event()
            }
            fn baud(&self) -> u32 {
                self.line().baud
            }
        }
    };
}
pub(super) use station;
