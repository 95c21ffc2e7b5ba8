//! What went wrong, in the words of a person who stands before the meter.

use mbus_link::wired::{Fault, PrimaryAddress};
use std::fmt;
use std::io;

/// Why an order was not carried out.
#[derive(Debug)]
pub enum Problem {
    /// The command makes no sense.
    Usage(String),
    /// The port cannot be opened; says what to try.
    Port(String),
    /// The port failed.
    Io(io::Error),
    /// A meter did not answer as it should.
    Meter {
        /// What was asked.
        what: String,
        /// What happened.
        fault: Fault,
        /// How often it was sent.
        sends: u8,
    },
    /// The address that a meter should get belongs to another one; its number, if it tells one.
    Taken(PrimaryAddress, Option<String>),
    /// Whether the address that a meter should get is free is not known.
    Unclear(PrimaryAddress, Fault),
    /// Who answered is not the meter that was meant.
    Other {
        /// Who should have answered.
        what: String,
        /// Who did; empty when it did not say.
        found: String,
    },
    /// A scan or search found nobody.
    NoMeter {
        /// How often something was heard.
        collisions: u32,
    },
    /// The meter sends the same telegram again in place of the next one.
    Stuck {
        /// The meter.
        what: String,
        /// The telegram.
        telegram: u16,
    },
    /// The meter has more telegrams than were asked for.
    MoreFollow {
        /// The meter.
        what: String,
        /// How many were read.
        telegrams: u16,
    },
    /// The state machine refused an order.
    Link(mbus_link::Error),
    /// Ctrl-C.
    Stopped,
    /// The reader of the output has seen enough.
    Closed,
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Io(error) }
    }
}

impl From<mbus_link::Error> for Problem {
    fn from(error: mbus_link::Error) -> Self {
        Self::Link(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Port(message) => f.write_str(message),
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => f.write_str(
                "the converter closed the connection\n  try: close the other program that uses it, and look for an idle \
                 timeout in its settings",
            ),
            Self::Io(error) => {
                write!(f, "the port failed: {error}\n  try: is the converter still plugged in and powered?")
            }
            Self::Meter { what, fault, sends } => {
                write!(f, "{what}: {} ({sends} {})\n  try: {}", said(*fault), times(*sends), advice(*fault))
            }
            Self::Taken(address, who) => {
                let who = who.as_deref().unwrap_or("it does not say which");
                write!(
                    f,
                    "a meter answers at address {address} already: {who}\n  try: `scan` shows the addresses in use; choose a \
                     free one"
                )
            }
            Self::Unclear(address, fault) => write!(
                f,
                "whether address {address} is free is not known: {}\n  try: {}",
                said(*fault),
                advice(*fault)
            ),
            Self::Other { what, found } if found.is_empty() => {
                write!(f, "{what}: who answered does not say its secondary address")
            }
            Self::Other { what, found } => write!(
                f,
                "{what}: {found} answered, which is not the one that was meant\n  try: read both again before you change \
                 anything else"
            ),
            Self::NoMeter { collisions: 0 } => {
                write!(f, "no meter was found\n  try: {}", advice(Fault::Silence))
            }
            Self::NoMeter { collisions } => write!(
                f,
                "no meter was found, but {collisions} times several meters or noise were heard\n  try: {}",
                advice(Fault::Surplus)
            ),
            Self::Stuck { what, telegram } => write!(
                f,
                "{what}: telegram {telegram} came again in place of the next one; what is printed is not all\n  try: read \
                 again; a meter that does it again does not heed the frame count bit, and its maker has to help"
            ),
            Self::MoreFollow { what, telegrams } => write!(
                f,
                "{what}: more telegrams follow, {telegrams} were read; what is printed is not all\n  try: a larger --most"
            ),
            Self::Link(error) => error.fmt(f),
            Self::Stopped => f.write_str("stopped"),
            Self::Closed => f.write_str("nobody reads on"),
        }
    }
}

impl std::error::Error for Problem {}

const fn times(sends: u8) -> &'static str {
    if sends == 1 { "try" } else { "tries" }
}

/// What was heard.
#[must_use]
pub fn said(fault: Fault) -> String {
    match fault {
        Fault::Silence => "no answer".into(),
        Fault::Disturbed { error: Some(error) } => format!("a damaged answer, {error}"),
        Fault::Disturbed { error: None } => "noise instead of an answer".into(),
        Fault::Surplus => "two meters answered, one behind the other".into(),
        Fault::OtherAddress(address) => format!("the answer came from address {address}"),
        Fault::Unexpected(Some(c_field)) => format!("an answer to something else (C = {:02X})", c_field.0),
        Fault::Unexpected(None) => "an acknowledgement in place of data".into(),
        Fault::Echo => "the own request came back damaged, and no answer".into(),
        Fault::Endless => "a meter that does not stop sending".into(),
        _ => "no good answer".into(),
    }
}

/// What to do about it.
const fn advice(fault: Fault) -> &'static str {
    match fault {
        Fault::Silence => {
            "measure the bus (about 36 V between the two wires), then another rate (--baud 300, 9600), then `search` for the \
             meters that are there"
        }
        Fault::Disturbed { .. } | Fault::Surplus => {
            "two meters may share this address: `search`, and read by the eight digits; else another rate (--baud), a shorter \
             cable, fewer meters"
        }
        Fault::Echo => {
            "another rate (--baud), another converter; something disturbs the line while this program sends"
        }
        Fault::OtherAddress(_) => "the meter has another address than you think: `scan` or `search`",
        Fault::Unexpected(_) => {
            "wait a few seconds and read again; some meters acknowledge before their data are ready"
        }
        _ => "disconnect the meters one by one until the line is quiet",
    }
}
