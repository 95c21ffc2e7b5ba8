//! Commands that one record says: addresses, switches, the next due date, error flags, the application.
//!
//! ```text
//! 01 7A a                 primary address              42 EC FE 00 G     next due date of storage number 1
//! 0C 79 ID(4)             identification number        02 FD 97 06 m     error flags to clear
//! 07 79 ID(4) M(2) V T    whole address                01 FD FD 80 00 n  application and block
//! 01 FD 1F v              valve, breaker, limiter
//! ```
//!
//! EN 13757-3:2018, clause 8; OMS Vol. 2 Annex M. Everything else that can be done to an object is a record with an
//! [`ObjectAction`]. Invariants: what is written has the printed form, with the action VIFE where the annex prints one;
//! a command is known with the action "write" as well as without it; records from a device are no commands.

use core::fmt;

use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, IdentificationNumber};
use oms_security::security_information::KeyPurpose;

use super::application::{Application, ApplicationSelect};
use super::switch::{Switch, SwitchValue};
use crate::Error;
use crate::date_time::Date;
use crate::record::builder::{Content, NewDib, NewVib, RecordBuilder, Register};
use crate::record::{DataField, ObjectAction, Qualifier, Record, RecordKind};
use crate::value::{Bits, Value, hex};
use crate::vif::{Quantity, Unit};

/// VIFE 7Eh.
const FUTURE_VALUE: Qualifier<'static> = Qualifier::Orthogonal(0x7E);

/// A command that one record says; also its builder.
///
/// ```
/// use mbus_app::command::DataCommand;
/// use mbus_link::wired::PrimaryAddress;
/// let command = DataCommand::SetPrimaryAddress(PrimaryAddress(5));
/// assert_eq!(command.record()?.encode_into(&mut [0; 3])?, [0x01, 0x7A, 0x05]);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DataCommand<'a> {
    /// The slave's address on the wired bus.
    SetPrimaryAddress(PrimaryAddress),
    /// The identification number of the secondary address.
    SetIdentification(IdentificationNumber),
    /// The whole secondary address.
    SetAddress(Address),
    /// What a valve, breaker or limiter is to do.
    Switch(Switch),
    /// The date on which a storage number is filled next.
    SetNextDueDate {
        /// The storage number, 1 for the usual due date.
        storage: u64,
        /// The date.
        date: Date,
    },
    /// The error flags that are set here are cleared in the device; least significant octet first.
    ClearErrorFlags(&'a [u8]),
    /// The application and block that are read out from now on.
    SelectApplication {
        /// The application.
        application: Application,
        /// The block, 0 for all.
        block: u8,
    },
}

impl<'a> DataCommand<'a> {
    /// The command of a record that was read on the way to a device; `None` when it is none of these.
    #[must_use]
    pub fn of(record: &Record<'a>) -> Option<Self> {
        let action = record.object_action()?;
        if action == ObjectAction::WRITE {
            if let Some(switch) = Self::switch(record) {
                return Some(switch);
            }
        }
        let register = Register::of(record);
        let is_plain = |register: Register| register == Register::default();
        let mut qualifiers = record.qualifiers().filter(|q| !matches!(q, Qualifier::Action(_)));
        match (record.quantity(), action, qualifiers.next(), record.value()) {
            (Quantity::Date, ObjectAction::WRITE, Some(FUTURE_VALUE), Value::Date(date)) => {
                let storage = register.storage;
                let fits = is_plain(Register { storage: 0, ..register }) && qualifiers.next().is_none();
                if fits { Some(Self::SetNextDueDate { storage, date }) } else { None }
            }
            (_, _, Some(_), _) => None,
            _ if !is_plain(register) => None,
            (Quantity::ErrorFlags, ObjectAction::AND_NOT, None, Value::Bits(Bits(flags))) => {
                Some(Self::ClearErrorFlags(flags))
            }
            (quantity, ObjectAction::WRITE, None, _) => {
                Self::of_octets(quantity, record.dib().data_field(), record.data())
            }
            _ => None,
        }
    }
    fn of_octets(quantity: Quantity, field: DataField, data: &[u8]) -> Option<Self> {
        match (quantity, field, data) {
            (Quantity::Address, DataField::INTEGER_8, [address]) => {
                Some(Self::SetPrimaryAddress(PrimaryAddress(*address)))
            }
            (Quantity::EnhancedIdentification, DataField::BCD_8, [a, b, c, d]) => {
                Some(Self::SetIdentification(IdentificationNumber::from_octets([*a, *b, *c, *d])))
            }
            (Quantity::EnhancedIdentification, DataField::INTEGER_64, data) => {
                data.try_into().ok().map(|octets| Self::SetAddress(Address::from_transport_octets(octets)))
            }
            (Quantity::CurrentlySelectedApplication, DataField::INTEGER_8, data) => {
                match ApplicationSelect::parse(data) {
                    ApplicationSelect::Select { application, block } => {
                        Some(Self::SelectApplication { application, block })
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
    /// The purpose of the key that secures such a command inside secured application data, by its name in OMS Vol. 2
    /// Annex F.
    #[must_use]
    pub const fn key_purpose(&self) -> KeyPurpose {
        match self {
            Self::Switch(_) => KeyPurpose::BREAKER,
            Self::ClearErrorFlags(_) => KeyPurpose::ERROR_RESET,
            Self::SelectApplication { .. } => KeyPurpose::DATA_SELECTION,
            Self::SetPrimaryAddress(_)
            | Self::SetIdentification(_)
            | Self::SetAddress(_)
            | Self::SetNextDueDate { .. } => KeyPurpose::CONFIGURATION,
        }
    }
    /// A switch, whether "write" is said or not.
    fn switch(record: &Record<'a>) -> Option<Self> {
        let switch = Switch::of(record)?;
        if switch.value == SwitchValue::Commanded { Some(Self::Switch(switch)) } else { None }
    }

    /// The record.
    ///
    /// # Errors
    /// [`crate::ErrorKind::NotPublished`] for applications on which lists disagree or that have no code.
    pub fn record(&self) -> Result<RecordBuilder<'a>, Error> {
        let plain = |quantity, field, content| RecordBuilder {
            dib: NewDib::Register(Register::default(), Some(field)),
            vib: NewVib::Of(quantity, Unit::None, &[]),
            content,
            ..RecordBuilder::default()
        };
        Ok(match *self {
            Self::SetPrimaryAddress(address) => {
                plain(Quantity::Address, DataField::INTEGER_8, Content::Inline([address.0].into()))
            }
            Self::SetIdentification(number) => plain(
                Quantity::EnhancedIdentification,
                DataField::BCD_8,
                Content::Inline(number.octets().into()),
            ),
            Self::SetAddress(address) => plain(
                Quantity::EnhancedIdentification,
                DataField::INTEGER_64,
                Content::Inline(address.to_transport_octets().into()),
            ),
            Self::Switch(switch) => switch.record(),
            Self::SetNextDueDate { storage, date } => RecordBuilder {
                dib: NewDib::Register(
                    Register { storage, ..Register::default() },
                    Some(DataField::INTEGER_16),
                ),
                vib: NewVib::Of(Quantity::Date, Unit::None, &[FUTURE_VALUE]),
                content: Content::Value(Value::Date(date)),
                action: Some(ObjectAction::WRITE),
                ..RecordBuilder::default()
            },
            Self::ClearErrorFlags(flags) => RecordBuilder {
                dib: NewDib::Register(Register::default(), None),
                vib: NewVib::Of(Quantity::ErrorFlags, Unit::None, &[]),
                content: Content::Value(Value::Bits(Bits(flags))),
                action: Some(ObjectAction::AND_NOT),
                ..RecordBuilder::default()
            },
            Self::SelectApplication { application, block } => RecordBuilder {
                action: Some(ObjectAction::WRITE),
                ..plain(
                    Quantity::CurrentlySelectedApplication,
                    DataField::INTEGER_8,
                    Content::Inline([ApplicationSelect::Select { application, block }.code()?].into()),
                )
            },
        })
    }
}

/// The command in words.
impl fmt::Display for DataCommand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetPrimaryAddress(address) => write!(f, "set the primary address to {address}"),
            Self::SetIdentification(number) => write!(f, "set the identification number to {number}"),
            Self::SetAddress(address) => write!(f, "set the address to {address}"),
            Self::Switch(Switch { subunit: 0, state, .. }) => write!(f, "switch: {state}"),
            Self::Switch(Switch { subunit, state, .. }) => write!(f, "switch of subunit {subunit}: {state}"),
            Self::SetNextDueDate { storage, date } => {
                write!(f, "set the next due date of storage number {storage} to {date}")
            }
            Self::ClearErrorFlags(flags) => {
                f.write_str("clear the error flags ")?;
                hex(f, flags)
            }
            Self::SelectApplication { application, block: 0 } => {
                write!(f, "select the application: {application}")
            }
            Self::SelectApplication { application, block } => {
                write!(f, "select the application: {application}, block {block}")
            }
        }
    }
}

/// What a record on the way to a device says to do: the command that it is, or action, quantity and value.
pub(crate) struct InWords<'a>(pub &'a Record<'a>);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record) = self;
        if let Some(command) = DataCommand::of(record) {
            return write!(f, "{command}");
        }
        match (record.kind(), record.object_action()) {
            (RecordKind::GlobalReadout, _) => f.write_str("read out all"),
            (RecordKind::Manufacturer { .. }, _) => {
                f.write_str("manufacturer specific data ")?;
                hex(f, record.data())
            }
            (_, None) => write!(f, "read out {}", record.quantity()),
            (_, Some(action)) => {
                write!(f, "{action}: {}", record.quantity())?;
                if record.data().is_empty() {
                    return Ok(());
                }
                write!(f, " {}", record.value())?;
                let has_unit = record.unit() != Unit::None || record.vib().plain_text().is_some();
                if has_unit { write!(f, " {}", record.ucum()) } else { Ok(()) }
            }
        }
    }
}
