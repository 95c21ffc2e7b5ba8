//! The slave: the meter's end of the wired bus (EN 13757-2, 5.7; EN 13757-7, clause 12).
//!
//! ```text
//! master                     slave
//! SND-NKE  10 40 A        -> E5, the FCB is forgotten
//! SND-UD   53 or 73       -> E5                          the application decides
//! SND-UD2  43             -> RSP-UD                      the application answers
//! REQ-UD1  5A or 7A       -> RSP-UD, or E5 without alarm the application answers
//! REQ-UD2  5B or 7B       -> RSP-UD                      the application answers
//! REQ-SKE  49             -> RSP-SKE
//! to 253: selection       -> E5 when it fits, else nothing and the slave is no longer selected
//! ```
//!
//! Whoever repeats a request with the same FCB gets the same octets again and the application hears of it once. The
//! own address and 253 remember apart; 254 and 255 do not remember (there the FCB does not count).
//!
//! Of several requests and commands that come before the application looks, the newest is told, since only that one can
//! be answered; resets, selections and rates are told whatever else comes.

mod events;
mod machine;
mod memory;

pub use machine::Slave;

use crate::time::Duration;
use crate::{Address, Error, IdentificationNumber};

use super::address::PrimaryAddress;
use super::baud_rate::BaudRate;
use super::command::Command;
use super::data_class::DataClass;
use super::timing::LineTiming;

/// What a slave is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlaveSettings {
    /// The primary address, 0 to 250.
    pub address: PrimaryAddress,
    /// The secondary address.
    pub identity: Address,
    /// The fabrication number, for selections that ask for it.
    pub fabrication_number: Option<IdentificationNumber>,
    /// The rate and times of the line.
    pub line: LineTiming,
    /// The rates that the slave changes over to by itself. A command for any other is the application's.
    pub rates: &'static [BaudRate],
    /// Without a good frame in this time the slave goes back to the rate before. The classic documentation says 2 to
    /// 10 minutes, a maker 30 s.
    pub rate_fall_back: Duration,
    /// Whether a selected slave answers the SND-NKE that deselects it; sheets differ.
    pub answers_deselection: bool,
}

/// Address 0 at 2400 baud, no other rates, back after 2 minutes, deselection answered.
impl Default for SlaveSettings {
    fn default() -> Self {
        Self {
            address: PrimaryAddress::UNCONFIGURED,
            identity: Address::default(),
            fabrication_number: None,
            line: LineTiming::default(),
            rates: &[],
            rate_fall_back: Duration::from_secs(120),
            answers_deselection: true,
        }
    }
}

/// What happened at the slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SlaveEvent<'a> {
    /// SND-NKE: the next request of data is for the first telegram of a readout. Answered already.
    Reset {
        /// The address it came to.
        address: PrimaryAddress,
    },
    /// The slave is the one that 253 means now. Answered already.
    Selected,
    /// It is no longer.
    Deselected,
    /// Data is asked for: answer with [`Slave::respond`], or with [`Slave::acknowledge`] when there is no alarm to
    /// tell. In a readout of several telegrams each one is for the next telegram.
    Request {
        /// Readings or alarms.
        class: DataClass,
        /// The address it came to.
        address: PrimaryAddress,
        /// The same request once more, which was not answered yet: the same telegram is wanted.
        repeated: bool,
    },
    /// A command: accept it with [`Slave::acknowledge`], or say nothing, so that the master takes it for lost.
    Command {
        /// The address it came to. At 255 nothing is answered.
        address: PrimaryAddress,
        /// The command.
        command: Command<'a>,
        /// SND-UD2: to be answered with [`Slave::respond`].
        wants_data: bool,
        /// The same command once more, which was not answered yet: act once.
        repeated: bool,
    },
    /// A request or command that was answered already: its answer goes out again, there is nothing to do.
    Repeated {
        /// The address it came to.
        address: PrimaryAddress,
    },
    /// A command that was not taken because the slave is busy.
    Refused {
        /// The address it came to.
        address: PrimaryAddress,
    },
    /// The port works at this rate from now on.
    BaudRate(u32),
    /// The answer was not there in time. One that comes later is kept for the repetition of the request.
    AnswerTooLate,
    /// A damaged frame; nobody answers it.
    Broken(Error),
    /// Octets that are no frame.
    Noise {
        /// How many since the last such event was fetched.
        octets: usize,
    },
}
