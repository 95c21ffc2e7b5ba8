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
//!
//! A push, from its frames to its readings:
//!
//! ```
//! # #[cfg(feature = "aes")] {
//! use mbus_app::cosem::carrier::{LengthQuirk, Reassembler, WiredFrame};
//! use mbus_app::cosem::{Notification, Progress, ciphering::GeneralGlo};
//! use oms_security::glo::GloKeys;
//! use oms_security::key::Aes;
//!
//! fn read(capture: &[u8], keys: GloKeys<'_>) -> Result<(), mbus_app::Error> {
//!     let mut buffer = [0; 2048];
//!     let mut push = Reassembler::new(&mut buffer);
//!     let mut rest = capture;
//!     while !rest.is_empty() {
//!         let (frame, behind) = WiredFrame::parse_prefix(rest, LengthQuirk::Strict)?;
//!         rest = behind;
//!         if push.push(frame.c, frame.a, frame.payload)? != Progress::Complete {
//!             continue;
//!         }
//!         let Some(apdu) = push.apdu() else { continue };
//!         let opened = GeneralGlo::parse(apdu)?.open::<Aes>(keys)?;
//!         println!("counter {}, authenticated {}", opened.invocation_counter, opened.authenticated);
//!         for reading in Notification::parse(opened.plaintext)?.readings() {
//!             println!("{}", reading?);
//!         }
//!     }
//!     Ok(())
//! }
//! # let capture: Vec<u8> = (0..CAPTURE.len() / 2)
//! #     .map(|at| u8::from_str_radix(&CAPTURE[2 * at..2 * at + 2], 16).unwrap()).collect();
//! # const CAPTURE: &str = "6877776853FF100167DB0858585867000000118200652100000024AD338D686066D45C25D99C2FDD4BDEFAADC4EC1779E78BD313855325EF39B38361F9DBCB075D4DCA2DB2019D63BA0612F43AB6FC01EDC74647884FC488FBD526F2C3B1F5F0C2FD0D8AF3A62A9F05702A2A24ACB2D9AA59CCEF4F554895FBABB0B116";
//! # let key = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
//! # read(&capture, GloKeys { encryption: &key, authentication: None })?;
//! # }
//! # Ok::<(), mbus_app::Error>(())
//! ```

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
