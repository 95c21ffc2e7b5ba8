//! SML, the Smart Message Language: payloads of CI 7Eh and 7Fh, and of a serial line.
//!
//! ```text
//! 76 | transaction | group | abort on error | 72 tag body | CRC | 00      one message
//! 2F 2F message message .. 2F 2F 2F                                      in a telegram of mode 5
//! ```
//!
//! The crate `sml-rs` reads the messages. In front of it stands a walk that finds where each message ends
//! ([`message`]), since fillers follow the last one, and that refuses what lies about its lengths; a
//! message is only read when its check sequence is right. Invariants: work is bounded, nothing allocates;
//! a message that cannot be read gives one error and the next one is read.

pub mod message;
pub mod transport;

use sml_rs::parser::common::{ListEntry, ListType, Status, Time, Value};
use sml_rs::parser::streaming::{MessageBody, ParseEvent, Parser};

use crate::cosem::{CosemUnit, Data, LogicalName, Reading, ReadingTime};
use crate::{Blame, Error, ErrorKind};
use message::{Frame, Frames};

/// What is wrong with SML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SmlFault {
    /// Neither a message nor a filler.
    #[error("octet {octet:02X}h begins no message, which begins with 76h")]
    NoMessage {
        /// The octet.
        octet: u8,
    },
    /// A type that is none.
    #[error("octet {octet:02X}h has no SML type")]
    Type {
        /// The octet.
        octet: u8,
    },
    /// A length says more than there is.
    #[error("a length of {length} is said where {available} octets are left")]
    Length {
        /// The length said.
        length: usize,
        /// Octets left.
        available: usize,
    },
    /// Lists are nested too deeply.
    #[error("more than {limit} lists inside each other")]
    Nesting {
        /// The most that is read.
        limit: usize,
    },
    /// The message does not end with a check sequence and 00.
    #[error("the message does not end with a check sequence and 00")]
    NoEnd,
    /// The check sequence of a message or transmission is wrong.
    #[error("check sequence is {found:04X}h, computed {computed:04X}h")]
    CheckSequence {
        /// The one sent.
        found: u16,
        /// The one computed.
        computed: u16,
    },
    /// A message of this tag is not read.
    #[error("SML message {tag:08X}h is not read")]
    MessageTag {
        /// Its tag.
        tag: u32,
    },
    /// The message is not laid out as its tag says.
    #[error("the SML message is not laid out as its tag says: {0}")]
    Layout(&'static str),
    /// No transmission of transport version 1.
    #[error("no SML transmission of version 1: {0}")]
    Transport(&'static str),
}

impl SmlFault {
    /// The fault as one lower-case word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoMessage { .. } => "no_sml_message",
            Self::Type { .. } => "sml_type",
            Self::Length { .. } => "lying_length",
            Self::Nesting { .. } => "nesting",
            Self::NoEnd => "no_sml_end",
            Self::CheckSequence { .. } => "check_sequence",
            Self::MessageTag { .. } => "unsupported_sml_message",
            Self::Layout(_) => "sml_layout",
            Self::Transport(_) => "sml_transport",
        }
    }
    /// Who is to blame.
    #[must_use]
    pub const fn blame(self) -> Blame {
        match self {
            Self::MessageTag { .. } | Self::Nesting { .. } => Blame::Unsupported,
            Self::CheckSequence { .. } => Blame::NotAuthentic,
            _ => Blame::Malformed,
        }
    }
    /// This fault at `offset`.
    #[must_use]
    pub const fn at(self, offset: usize) -> Error {
        ErrorKind::Sml(self).at(offset)
    }
}

/// The readings of all lists in `payload`: messages, fillers 2F in front of and behind them.
///
/// ```
/// use mbus_app::sml::readings;
/// // A list of one value, 1.8.0 = 1452.1 Wh.
/// let payload = [
///     0x2F, 0x2F, 0x76, 0x02, 0xE2, 0x62, 0x00, 0x62, 0x00, 0x72, 0x63, 0x07, 0x01, 0x77, 0x01, 0x03, //
///     0x0A, 0x01, 0x01, 0x01, 0x71, 0x77, 0x07, 0x01, 0x00, 0x01, 0x08, 0x00, 0xFF, 0x01, 0x01, 0x62, //
///     0x1E, 0x52, 0xFF, 0x63, 0x38, 0xB9, 0x01, 0x01, 0x01, 0x63, 0x1E, 0x45, 0x00, 0x2F, 0x2F, 0x2F, //
/// ];
/// for reading in readings(&payload) {
///     assert_eq!(std::format!("{}", reading?), "1-0:1.8.0*255 1452.1 Wh");
/// }
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[must_use]
pub const fn readings(payload: &[u8]) -> Readings<'_> {
    Readings { frames: Frames::new(payload), current: None }
}

/// The server id of the first message that has one: who speaks. See `obis_map::ServerId` for its sorts.
#[must_use]
pub fn server_id(payload: &[u8]) -> Option<&[u8]> {
    Frames::new(payload).filter_map(Result::ok).find_map(|frame| {
        match Parser::new(frame.octets).next()?.ok()? {
            ParseEvent::MessageStart(start) => match start.message_body {
                MessageBody::OpenResponse(open) => Some(open.server_id),
                MessageBody::GetListResponse(list) => Some(list.server_id),
                MessageBody::CloseResponse(_) => None,
            },
            _ => None,
        }
    })
}

/// Iterates over the readings of a payload.
pub struct Readings<'a> {
    frames: Frames<'a>,
    current: Option<Current<'a>>,
}

/// The message being read.
struct Current<'a> {
    parser: Parser<'a>,
    frame: Frame<'a>,
    /// The sensor time of the list.
    time: Option<ReadingTime>,
}

impl core::fmt::Debug for Readings<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Readings").field("frames", &self.frames).finish_non_exhaustive()
    }
}

impl<'a> Iterator for Readings<'a> {
    type Item = Result<Reading<'a>, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(current) = &mut self.current else {
                match self.frames.next()? {
                    Ok(frame) => {
                        let parser = Parser::new(frame.octets);
                        self.current = Some(Current { parser, frame, time: None });
                        continue;
                    }
                    Err(error) => return Some(Err(error)),
                }
            };
            match current.parser.next() {
                None => self.current = None,
                Some(Ok(ParseEvent::MessageStart(start))) => {
                    if let MessageBody::GetListResponse(list) = start.message_body {
                        current.time = list.act_sensor_time.map(time);
                    }
                }
                Some(Ok(ParseEvent::GetListResponseEnd(_))) => {}
                Some(Ok(ParseEvent::ListEntry(entry))) => return Some(Ok(reading(entry, current.time))),
                Some(Err(error)) => {
                    let fault = fault(&error, current.frame);
                    self.current = None;
                    return Some(Err(fault));
                }
            }
        }
    }
}

fn fault(error: &sml_rs::parser::ParseError, frame: Frame<'_>) -> Error {
    use sml_rs::parser::ParseError as Sml;
    let fault = match (error, frame.tag) {
        (Sml::UnexpectedVariant, Some(tag)) if !matches!(tag, 0x0101 | 0x0201 | 0x0701) => {
            SmlFault::MessageTag { tag }
        }
        (Sml::UnexpectedVariant, _) => SmlFault::Layout("a choice is unknown, for instance a form of time"),
        (Sml::TlfMismatch(_), _) => SmlFault::Layout("a part has another type"),
        (Sml::InvalidTlf(_), _) => SmlFault::Layout("a length is none"),
        (Sml::UnexpectedEOF | Sml::LeftoverInput, _) => SmlFault::Layout("it has too many or too few parts"),
        (Sml::CrcMismatch | Sml::MsgEndMismatch, _) => SmlFault::NoEnd,
    };
    fault.at(frame.offset)
}

const fn time(time: Time) -> ReadingTime {
    match time {
        Time::SecIndex(seconds) => ReadingTime::SecondIndex(seconds),
    }
}

fn reading<'a>(entry: ListEntry<'a>, list_time: Option<ReadingTime>) -> Reading<'a> {
    Reading {
        name: entry.obj_name.try_into().ok().map(LogicalName),
        attribute: None,
        value: data(entry.value),
        scaler: entry.scaler.unwrap_or(0),
        unit: entry.unit.map(CosemUnit),
        time: entry.val_time.map(time).or(list_time),
        status: entry.status.map(|status| match status {
            Status::Status8(n) => n.into(),
            Status::Status16(n) => n.into(),
            Status::Status32(n) => n.into(),
            Status::Status64(n) => n,
        }),
    }
}

const fn data(value: Value<'_>) -> Data<'_> {
    match value {
        Value::Bool(bit) => Data::Bool(bit),
        Value::Bytes(octets) => Data::Octets(octets),
        Value::I8(n) => Data::Int8(n),
        Value::I16(n) => Data::Int16(n),
        Value::I32(n) => Data::Int32(n),
        Value::I64(n) => Data::Int64(n),
        Value::U8(n) => Data::UInt8(n),
        Value::U16(n) => Data::UInt16(n),
        Value::U32(n) => Data::UInt32(n),
        Value::U64(n) => Data::UInt64(n),
        Value::List(ListType::Time(Time::SecIndex(seconds))) => Data::UInt32(seconds),
    }
}
