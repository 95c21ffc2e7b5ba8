//! The master: the reader's end of the wired bus (EN 13757-2, 5.7).
//!
//! ```text
//! order              frames                               ends with
//! reset              SND-NKE                              Acknowledged
//! request            REQ-UD1 or REQ-UD2                   Data, or Acknowledged (class 1: no alarm)
//! read, more         SND-NKE, REQ-UD2; REQ-UD2, FCB toggled  Data for each telegram
//! send               SND-UD                               Acknowledged; Sent at 255
//! send_for_data      SND-UD2                              Data
//! select             SND-UD to 253, CI 52                 Acknowledged
//! status             REQ-SKE                              Status
//! change_rate        SND-UD, CI B8..BF; SND-NKE           RateChanged
//! raw                any                                  as expected
//! ```
//!
//! Every order ends with exactly one of these events, with `Failed` or with `Cancelled`. Whatever the line does, the end of
//! the newest order is there to be fetched.

mod echo;
mod events;
mod fcb;
mod link;
mod machine;

pub use machine::Master;

use crate::{CField, Error};

use super::address::PrimaryAddress;
use super::baud_rate::BaudRate;

/// What answers a frame given to [`Master::raw`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Expected {
    /// Nothing.
    Nothing,
    /// E5.
    Ack,
    /// RSP-UD.
    Data,
    /// E5 or RSP-UD.
    AckOrData,
    /// RSP-SKE.
    Status,
}

/// Why a request was not answered as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// Not one octet: nobody is there, or the request was lost.
    Silence,
    /// Octets, but no good frame: noise, damage, or several answers at once.
    Disturbed {
        /// What is wrong with the frame, when there was the beginning of one.
        error: Option<Error>,
    },
    /// The own request came back damaged or cut, and nothing behind it.
    Echo,
    /// A good answer and more behind it: several have answered.
    Surplus,
    /// A good answer from another address.
    OtherAddress(PrimaryAddress),
    /// A good frame that is no answer to this; `None` for E5.
    Unexpected(Option<CField>),
    /// Somebody does not stop sending.
    Endless,
}

/// What happened at the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MasterEvent<'a> {
    /// E5: the order is done.
    Acknowledged {
        /// The slave.
        address: PrimaryAddress,
        /// How often the request was sent.
        sends: u8,
    },
    /// RSP-UD: the order is done. In a readout [`Master::more`] goes on.
    Data {
        /// A of the answer; other than asked at 253 and 254.
        address: PrimaryAddress,
        /// C of the answer with ACD and DFC.
        c_field: CField,
        /// CI and data.
        payload: &'a [u8],
        /// The number of the telegram in a readout, else 1.
        telegram: u16,
        /// The same octets as the telegram before it in the readout: a slave that does not heed the FCB.
        repeated: bool,
        /// How often the request was sent.
        sends: u8,
    },
    /// RSP-SKE: the order is done.
    Status {
        /// The slave.
        address: PrimaryAddress,
        /// C of the answer with ACD and DFC.
        c_field: CField,
        /// How often the request was sent.
        sends: u8,
    },
    /// A frame that nobody answers is out: the order is done.
    Sent {
        /// To whom.
        address: PrimaryAddress,
    },
    /// The slave answers at this rate, or it was told to all: the order is done.
    RateChanged(BaudRate),
    /// The order failed. Whether the slave has acted on it is not known; the FCB stays, so that the same order again is
    /// a repetition to a slave that has. An order that is meant anew comes behind [`Master::reset`].
    Failed {
        /// The slave.
        address: PrimaryAddress,
        /// What happened the last time.
        fault: Fault,
        /// How often the request was sent.
        sends: u8,
    },
    /// The order was cancelled.
    Cancelled,
    /// The port works at this rate from now on.
    BaudRate(u32),
    /// It is tried once more.
    Retry {
        /// What happened.
        fault: Fault,
        /// How often the request was sent.
        sends: u8,
    },
    /// Octets came that nobody asked for.
    Stray {
        /// How many since the last such event was fetched.
        octets: usize,
    },
}
