//! Thin adapters between the machines of the wired bus and ports: `embedded-io` (never waits) and `embedded-io-async`.
//!
//! ```text
//! port  <- write -  poll_transmit          - events ->  application
//!       -  read  -> handle_input   machine
//! clock - due    -> handle_timeout
//! ```
//!
//! They know the verbs of [`Station`](crate::wired::Station) and nothing else. Invariants: no octet is lost between port
//! and machine; a step does a bounded amount of work; what a port claims makes nothing panic. A port is to be set to 8 data bits, even parity, one stop bit, and
//! to [`Station::baud`](crate::wired::Station::baud), which changes when the machine says so with its event.

#[cfg(feature = "embedded-io-async")]
mod asynchronous;
#[cfg(feature = "embedded-io")]
mod blocking;

#[cfg(feature = "embedded-io-async")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io-async")))]
pub use asynchronous::{Timer, run, turn};
#[cfg(feature = "embedded-io")]
#[cfg_attr(docsrs, doc(cfg(feature = "embedded-io")))]
pub use blocking::step;

/// Octets that are read at once.
const CHUNK: usize = 64;

/// Why a port does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PortError<E> {
    /// The other end has closed the line: the port gives or takes no octets any more.
    #[error("the line is closed")]
    Closed,
    /// The port failed.
    #[error("the port failed: {0:?}")]
    Port(E),
}

/// What is left of `octets` when the port took so many.
fn behind<E>(octets: &[u8], taken: usize) -> Result<&[u8], PortError<E>> {
    match taken {
        0 => Err(PortError::Closed),
        // A port that claims more than it was given has taken all.
        taken => Ok(octets.get(taken..).unwrap_or_default()),
    }
}
