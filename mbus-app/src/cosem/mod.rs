//! DLMS/COSEM on M-Bus: the pushes of smart meters, from the frames to readings with their OBIS codes.
//!
//! ```text
//! 68 L L 68 C A CI STSAP DTSAP .. CS 16   CI 00 to 1F, fragments     carrier
//! 7E A0 .. FCS 7E                         HDLC on the two wires      hdlc, block
//! CI 60 61 7C 7D, transport header, APDU  EN 13757-3                 transport_apdu
//!      APDU: DB general-glo-ciphering                                ciphering
//!      APDU: 0F data-notification                                    notification: readings
//!            A-XDR data, clocks, units                               axdr, clock, unit
//! ```
//!
//! Invariants: work and nesting are bounded whatever the octets say; nothing allocates; a length is only
//! believed within the octets that are there. Readings in front of a fault are given out, then the fault.
//! Values keep the type that was sent, numbers their exact digits.

mod assembly;
pub mod axdr;
pub mod block;
pub mod carrier;
pub mod ciphering;
pub mod clock;
pub mod encode;
pub mod fault;
pub mod hdlc;
pub mod notification;
mod transport;
pub mod unit;

pub use assembly::Progress;
pub use axdr::{Data, Sequence};
pub use clock::Clock;
pub use fault::CosemFault;
pub use notification::{Attribute, LogicalName, Notification, Reading, ReadingTime, Readings};
pub use transport::{TransportApdu, transport_apdu};
pub use unit::CosemUnit;
