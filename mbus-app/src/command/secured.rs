//! Commands inside secured application data: what the message of a [`SecuredData`] says (OMS Vol. 2 Annexes F and M).
//!
//! ```text
//! key counter (4) | target time (5) | PID | message | MAC
//!                                     01    records, as behind CI 5Bh                 01 FD 1F 00
//!                                     04    TC and time, without reserved octets      01 32 01 00
//!                                     06    image transfer, as behind CI C0h
//! ```
//!
//! Invariants: [`SecuredData`] comes from behind its MAC, so a command is read only when somebody with a key spoke for it; a
//! PID without published meaning is kept as octets; what is written is what is read. A command has the key that the annex
//! names for its kind: [`SecuredCommand::check_purpose`] refuses to set the clock with the key for breakers.

use core::fmt;

use mbus_link::octets::Writer;
use oms_security::security_information::{KeyPurpose, Protocol, SecuredData};

use super::data::InWords;
use super::{ClockCommand, DataCommand, ImageTransfer};
use crate::record::{Direction, RecordOptions, Records};
use crate::{Error, ErrorKind, Layer};

/// A command inside secured application data; also its builder.
///
/// ```
/// use mbus_app::command::{DataCommand, SecuredCommand, Switch, SwitchState};
/// use oms_security::count::Count;
/// use oms_security::key::{Aes, Key, PreparedKey};
/// use oms_security::security_information::{Blocks, KeyPurpose, SecuredBlock, SecuredData};
/// use oms_security::sender::SenderState;
/// // OMS Vol. 2 Annex N, N.12.2: open the breaker's circuit.
/// let meter = mbus_link::Address::from_link_octets(*b"\x3A\x63\x78\x56\x34\x12\x55\x20");
/// let key = PreparedKey::<Aes>::new(&"08154711081547110815471108154711".parse::<Key>().unwrap());
/// let off = DataCommand::Switch(Switch { state: SwitchState::CLOSED, ..Switch::default() });
/// let (mut record, mut message, mut block) = ([0; 8], [0; 8], [0; 64]);
/// let command = SecuredCommand::Records(off.record()?.encode_into(&mut record)?);
/// let block = SecuredBlock {
///     protocol: command.protocol(),
///     message: command.encode_into(&mut message)?,
///     ..SecuredBlock::default()
/// };
/// # let count = Count { meter, to_meter: true, key_id: KeyPurpose::BREAKER.0, key_version: 0 };
/// # let (mut state, mut buffer) = (SenderState::new(count, 15), [0; 64]);
/// # let _kept = state.export(1, 0);
/// let sealed = block.seal_into(&key, &mut state, &mut buffer).unwrap();
/// // The meter.
/// let block = Blocks::new(sealed).next().unwrap().unwrap();
/// let (data, _used) = SecuredData::open(&block, meter, &key).unwrap();
/// let command = SecuredCommand::of(&data)?;
/// command.check_purpose(block.key_purpose())?;
/// assert_eq!(command.data_commands().next(), Some(Ok(Some(off))));
/// assert_eq!(command.to_string(), "switch: closed or off");
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SecuredCommand<'a> {
    /// PID 01h: records to the device, as they are on the wire; some of them are a [`DataCommand`].
    Records(&'a [u8]),
    /// PID 04h: clock synchronisation, TC and time.
    Clock(ClockCommand<'a>),
    /// PID 06h: firmware and other images.
    ImageTransfer(ImageTransfer<'a>),
    /// Any other PID: what it means is not published, or the manufacturer's.
    Other {
        /// The PID.
        protocol: Protocol,
        /// The message.
        message: &'a [u8],
    },
}

impl<'a> SecuredCommand<'a> {
    /// The command of opened data. Offsets count from the first octet of the message.
    ///
    /// # Errors
    /// As [`SecuredCommand::parse`].
    pub fn of(data: &SecuredData<'a>) -> Result<Self, Error> {
        Self::parse(data.protocol, data.message)
    }
    /// The command of a message, when its PID is told apart. Records are not looked at here: see
    /// [`SecuredCommand::records`].
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`]; [`ErrorKind::NoSuchMoment`] and [`ErrorKind::ReservedLvar`] for clock commands.
    pub fn parse(protocol: Protocol, message: &'a [u8]) -> Result<Self, Error> {
        Ok(match protocol {
            Protocol::M_BUS => Self::Records(message),
            Protocol::CLOCK => Self::Clock(ClockCommand::parse(message)?),
            Protocol::IMAGE_TRANSFER => Self::ImageTransfer(ImageTransfer::parse(message)?),
            _ => Self::Other { protocol, message },
        })
    }
    /// PID.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Records(_) => Protocol::M_BUS,
            Self::Clock(_) => Protocol::CLOCK,
            Self::ImageTransfer(_) => Protocol::IMAGE_TRANSFER,
            Self::Other { protocol, .. } => *protocol,
        }
    }
    /// The records; none for other commands.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        let octets: &[u8] = match self {
            Self::Records(octets) => octets,
            _ => &[],
        };
        let options = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
        Records::with_options(octets, options)
    }
    /// For each record the command that it is, or `None`; and the error that ends the records.
    pub fn data_commands(&self) -> impl Iterator<Item = Result<Option<DataCommand<'a>>, Error>> {
        self.records().map(|record| record.map(|record| DataCommand::of(&record)))
    }

    /// The purpose of the key that the annex names for this kind of command; `None` where it names none, for records of
    /// several kinds, and for records that cannot be read to their end.
    ///
    /// The numbers and names of the keys are published, which command needs which is told by their names.
    #[must_use]
    pub fn purpose(&self) -> Option<KeyPurpose> {
        match self {
            Self::Records(_) => self.purpose_of_records(),
            Self::Clock(ClockCommand::Set(_) | ClockCommand::SetM { .. }) => Some(KeyPurpose::CLOCK_SET),
            Self::Clock(ClockCommand::Unknown { .. }) | Self::Other { .. } => None,
            Self::Clock(_) => Some(KeyPurpose::CLOCK_ADJUST),
            Self::ImageTransfer(_) => Some(KeyPurpose::FIRMWARE_UPDATE),
        }
    }
    fn purpose_of_records(&self) -> Option<KeyPurpose> {
        let mut all = None;
        for command in self.data_commands() {
            let purpose = command.ok()??.key_purpose();
            if all.is_some_and(|before| before != purpose) {
                return None;
            }
            all = Some(purpose);
        }
        all
    }
    /// Refuses a command that came with the key of another purpose. A command for which no purpose is known passes: whether
    /// to obey it the device has to decide.
    ///
    /// # Errors
    /// [`ErrorKind::KeyPurpose`].
    pub fn check_purpose(&self, used: KeyPurpose) -> Result<(), Error> {
        match self.purpose() {
            Some(needed) if needed != used => {
                let kind = ErrorKind::KeyPurpose { needed, used };
                Err(kind.at(0).in_layer(Layer::Security))
            }
            _ => Ok(()),
        }
    }

    /// Octets of the message.
    ///
    /// # Errors
    /// As [`SecuredCommand::encode_into`], but for the buffer.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        Ok(match self {
            Self::Records(octets) | Self::Other { message: octets, .. } => octets.len(),
            Self::Clock(command) => command.encode_short_into(&mut [0; ClockCommand::LEN])?.len(),
            Self::ImageTransfer(image) => image.encoded_len(),
        })
    }
    /// Writes the message to the front of `buffer`, for [`SecuredBlock`] to seal.
    ///
    /// [`SecuredBlock`]: oms_security::security_information::SecuredBlock
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; for clock commands [`ErrorKind::NoSuchMoment`] and [`ErrorKind::NotPublished`].
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        match self {
            Self::Clock(command) => command.encode_short_into(buffer),
            Self::ImageTransfer(image) => image.encode_into(buffer),
            Self::Records(octets) | Self::Other { message: octets, .. } => {
                let mut writer = Writer::new(buffer);
                writer.put(octets);
                Ok(writer.finish()?)
            }
        }
    }
}

/// The command in words; records that are none of the known commands by what they write.
impl fmt::Display for SecuredCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(_) => {
                for (n, record) in self.records().enumerate() {
                    f.write_str(if n == 0 { "" } else { "; " })?;
                    match record {
                        Ok(record) => write!(f, "{}", InWords(&record))?,
                        Err(error) => write!(f, "{}", error.kind)?,
                    }
                }
                Ok(())
            }
            Self::Clock(command) => write!(f, "clock: {command}"),
            Self::ImageTransfer(image) => write!(f, "{image}"),
            Self::Other { protocol, message } => {
                write!(f, "protocol {:02X}: ", protocol.0)?;
                crate::value::hex(f, message)
            }
        }
    }
}
