//! The control information field: what follows, in which header, and which way it goes.
//!
//! EN 13757-7:2018, table 2; OMS Vol. 2 (issue 5.0.1) Annex F and M. One octet. Invariants: one row per line
//! of the table, all 256 values in exactly one row (checked at compile time); any value is
//! representable. To add a code, split the reserved row that holds it.
//!
//! Some codes meant other things on old wired buses: 73h with exactly 16 octets behind it is the fixed
//! data structure ([`CiField::is_fixed_data`]).

use core::fmt;

/// The transport header behind a CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum HeaderKind {
    /// None.
    None,
    /// ACC, STS, configuration field.
    Short,
    /// Identification number, manufacturer, version, device type, ACC, STS, configuration field.
    Long,
    /// The CI does not open a transport layer: another layer's header, the manufacturer's, or reserved.
    NotTransport,
}

/// Which way a CI goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum CiDirection {
    /// Either way.
    Both,
    /// To the meter.
    ToDevice,
    /// From the meter.
    FromDevice,
}

/// What a CI announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Content {
    /// A part of a DLMS/COSEM message (wired, EN 13757-1).
    DlmsCarrier,
    /// Application reset or select.
    ApplicationSelect,
    /// Records to the device.
    Command,
    /// Selection by secondary address (wired).
    Selection,
    /// Which application is selected?
    SelectedApplicationRequest,
    /// The application that is selected.
    SelectedApplication,
    /// Act at the same time as others.
    SynchroniseAction,
    /// TLS handshake or alert.
    Tls,
    /// DLMS/COSEM with OBIS codes.
    Cosem,
    /// Data with OBIS codes, used for SML.
    ObisTyped,
    /// Set or correct the clock.
    ClockSynchronisation,
    /// Records from the device.
    FullFrame,
    /// Data without their headers.
    CompactFrame,
    /// Headers without their data.
    FormatFrame,
    /// The answer is to be a compact frame.
    CompactFrameRequest,
    /// The answer is to be a format frame.
    FormatFrameRequest,
    /// The device could not do it.
    ApplicationError,
    /// An alarm.
    Alarm,
    /// A transport header and nothing behind it.
    NoApplication,
    /// EN 13757-5.
    NetworkLayer,
    /// EN 13757-5.
    NetworkManagement,
    /// Extended link layer.
    Ell,
    /// Authentication and fragmentation layer.
    Afl,
    /// The manufacturer's.
    ManufacturerSpecific,
    /// Set the baud rate (wired).
    BaudRate,
    /// Firmware and other images.
    ImageTransfer,
    /// Keys, their states, secured commands.
    SecurityInformation,
    /// Nobody's yet.
    Reserved,
}

/// One line of the table: a code, or neighbours that mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CiRow {
    /// The first code.
    pub first: u8,
    /// The last code.
    pub last: u8,
    /// The transport header behind it.
    pub header: HeaderKind,
    /// Which way it goes.
    pub direction: CiDirection,
    /// What it announces.
    pub content: Content,
    /// The words of the table.
    pub name: &'static str,
}

const fn row(
    first: u8,
    last: u8,
    header: HeaderKind,
    direction: CiDirection,
    content: Content,
    name: &'static str,
) -> CiRow {
    CiRow { first, last, header, direction, content, name }
}

use self::{CiDirection as D, Content as C, HeaderKind as H};

/// The table.
pub static TABLE: &[CiRow] = &[
    row(0x00, 0x1F, H::None, D::Both, C::DlmsCarrier, "DLMS/COSEM application data unit"),
    row(0x20, 0x4F, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x50, 0x50, H::None, D::ToDevice, C::ApplicationSelect, "application reset or select"),
    row(0x51, 0x51, H::None, D::ToDevice, C::Command, "command"),
    row(0x52, 0x52, H::None, D::ToDevice, C::Selection, "selection of device (secondary address)"),
    row(0x53, 0x53, H::Long, D::ToDevice, C::ApplicationSelect, "application reset or select"),
    row(0x54, 0x54, H::None, D::ToDevice, C::SelectedApplicationRequest, "request of selected application"),
    row(0x55, 0x55, H::Long, D::ToDevice, C::SelectedApplicationRequest, "request of selected application"),
    row(0x56, 0x56, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x57, 0x57, H::Short, D::ToDevice, C::ApplicationSelect, "application reset or select"),
    row(0x58, 0x59, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x5A, 0x5A, H::Short, D::ToDevice, C::Command, "command"),
    row(0x5B, 0x5B, H::Long, D::ToDevice, C::Command, "command"),
    row(0x5C, 0x5C, H::None, D::ToDevice, C::SynchroniseAction, "synchronise action"),
    row(0x5D, 0x5E, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x5F, 0x5F, H::Long, D::ToDevice, C::Tls, "TLS handshake and alert"),
    row(0x60, 0x60, H::Long, D::ToDevice, C::Cosem, "DLMS/COSEM with OBIS"),
    row(0x61, 0x61, H::Short, D::ToDevice, C::Cosem, "DLMS/COSEM with OBIS"),
    row(0x62, 0x62, H::Short, D::ToDevice, C::ClockSynchronisation, "clock synchronisation"),
    row(0x63, 0x63, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x64, 0x64, H::Long, D::ToDevice, C::ObisTyped, "OBIS typed data"),
    row(0x65, 0x65, H::Short, D::ToDevice, C::ObisTyped, "OBIS typed data"),
    row(0x66, 0x66, H::None, D::FromDevice, C::SelectedApplication, "selected application"),
    row(0x67, 0x67, H::Short, D::FromDevice, C::SelectedApplication, "selected application"),
    row(0x68, 0x68, H::Long, D::FromDevice, C::SelectedApplication, "selected application"),
    row(0x69, 0x69, H::None, D::FromDevice, C::FormatFrame, "format frame"),
    row(0x6A, 0x6A, H::Short, D::FromDevice, C::FormatFrame, "format frame"),
    row(0x6B, 0x6B, H::Long, D::FromDevice, C::FormatFrame, "format frame"),
    row(0x6C, 0x6C, H::Long, D::ToDevice, C::ClockSynchronisation, "clock synchronisation"),
    row(0x6D, 0x6D, H::Long, D::ToDevice, C::ClockSynchronisation, "clock synchronisation, relative"),
    row(0x6E, 0x6E, H::Short, D::FromDevice, C::ApplicationError, "application error"),
    row(0x6F, 0x6F, H::Long, D::FromDevice, C::ApplicationError, "application error"),
    row(0x70, 0x70, H::None, D::FromDevice, C::ApplicationError, "application error"),
    row(0x71, 0x71, H::None, D::FromDevice, C::Alarm, "alarm"),
    row(0x72, 0x72, H::Long, D::FromDevice, C::FullFrame, "full frame"),
    row(0x73, 0x73, H::Long, D::FromDevice, C::CompactFrame, "compact frame"),
    row(0x74, 0x74, H::Short, D::FromDevice, C::Alarm, "alarm"),
    row(0x75, 0x75, H::Long, D::FromDevice, C::Alarm, "alarm"),
    row(0x76, 0x77, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x78, 0x78, H::None, D::FromDevice, C::FullFrame, "full frame"),
    row(0x79, 0x79, H::None, D::FromDevice, C::CompactFrame, "compact frame"),
    row(0x7A, 0x7A, H::Short, D::FromDevice, C::FullFrame, "full frame"),
    row(0x7B, 0x7B, H::Short, D::FromDevice, C::CompactFrame, "compact frame"),
    row(0x7C, 0x7C, H::Long, D::FromDevice, C::Cosem, "DLMS/COSEM with OBIS"),
    row(0x7D, 0x7D, H::Short, D::FromDevice, C::Cosem, "DLMS/COSEM with OBIS"),
    row(0x7E, 0x7E, H::Long, D::FromDevice, C::ObisTyped, "OBIS typed data"),
    row(0x7F, 0x7F, H::Short, D::FromDevice, C::ObisTyped, "OBIS typed data"),
    row(0x80, 0x80, H::Long, D::ToDevice, C::NoApplication, "transport layer without application layer"),
    row(0x81, 0x81, H::NotTransport, D::Both, C::NetworkLayer, "network layer data (EN 13757-5)"),
    row(0x82, 0x82, H::Long, D::ToDevice, C::NetworkManagement, "network management data"),
    row(0x83, 0x83, H::None, D::ToDevice, C::NetworkManagement, "network management data"),
    row(0x84, 0x84, H::Long, D::ToDevice, C::CompactFrameRequest, "transport layer, compact frame expected"),
    row(0x85, 0x85, H::Long, D::ToDevice, C::FormatFrameRequest, "transport layer, format frame expected"),
    row(0x86, 0x86, H::NotTransport, D::Both, C::Ell, "extended link layer V"),
    row(0x87, 0x87, H::Long, D::FromDevice, C::NetworkManagement, "network management data"),
    row(0x88, 0x88, H::Short, D::FromDevice, C::NetworkManagement, "network management data"),
    row(0x89, 0x89, H::None, D::FromDevice, C::NetworkManagement, "network management data"),
    row(0x8A, 0x8A, H::Short, D::FromDevice, C::NoApplication, "transport layer without application layer"),
    row(0x8B, 0x8B, H::Long, D::FromDevice, C::NoApplication, "transport layer without application layer"),
    row(0x8C, 0x8C, H::NotTransport, D::Both, C::Ell, "extended link layer I"),
    row(0x8D, 0x8D, H::NotTransport, D::Both, C::Ell, "extended link layer II"),
    row(0x8E, 0x8E, H::NotTransport, D::Both, C::Ell, "extended link layer III"),
    row(0x8F, 0x8F, H::NotTransport, D::Both, C::Ell, "extended link layer IV"),
    row(0x90, 0x90, H::NotTransport, D::Both, C::Afl, "authentication and fragmentation sublayer"),
    row(0x91, 0x9D, H::NotTransport, D::Both, C::Reserved, "reserved"),
    row(0x9E, 0x9E, H::Short, D::FromDevice, C::Tls, "TLS handshake and alert"),
    row(0x9F, 0x9F, H::Long, D::FromDevice, C::Tls, "TLS handshake and alert"),
    row(0xA0, 0xB7, H::NotTransport, D::Both, C::ManufacturerSpecific, "manufacturer specific"),
    row(0xB8, 0xB8, H::None, D::ToDevice, C::BaudRate, "set baud rate to 300 Bd"),
    row(0xB9, 0xB9, H::None, D::ToDevice, C::BaudRate, "set baud rate to 600 Bd"),
    row(0xBA, 0xBA, H::None, D::ToDevice, C::BaudRate, "set baud rate to 1200 Bd"),
    row(0xBB, 0xBB, H::None, D::ToDevice, C::BaudRate, "set baud rate to 2400 Bd"),
    row(0xBC, 0xBC, H::None, D::ToDevice, C::BaudRate, "set baud rate to 4800 Bd"),
    row(0xBD, 0xBD, H::None, D::ToDevice, C::BaudRate, "set baud rate to 9600 Bd"),
    row(0xBE, 0xBE, H::None, D::ToDevice, C::BaudRate, "set baud rate to 19200 Bd"),
    row(0xBF, 0xBF, H::None, D::ToDevice, C::BaudRate, "set baud rate to 38400 Bd"),
    row(0xC0, 0xC0, H::Long, D::ToDevice, C::ImageTransfer, "image transfer"),
    row(0xC1, 0xC1, H::Short, D::FromDevice, C::ImageTransfer, "image transfer"),
    row(0xC2, 0xC2, H::Long, D::FromDevice, C::ImageTransfer, "image transfer"),
    row(0xC3, 0xC3, H::Long, D::ToDevice, C::SecurityInformation, "security information transfer"),
    row(0xC4, 0xC4, H::Short, D::FromDevice, C::SecurityInformation, "security information transfer"),
    row(0xC5, 0xC5, H::Long, D::FromDevice, C::SecurityInformation, "security information transfer"),
    row(0xC6, 0xC6, H::Short, D::ToDevice, C::SecurityInformation, "security information transfer"),
    row(0xC7, 0xC7, H::Short, D::ToDevice, C::ImageTransfer, "image transfer"),
    row(0xC8, 0xFF, H::NotTransport, D::Both, C::Reserved, "reserved"),
];

/// The row of every code.
static INDEX: [u8; 256] = index(TABLE);

const fn index(table: &[CiRow]) -> [u8; 256] {
    let mut index = [0u8; 256];
    let mut rest: &mut [u8] = &mut index;
    let mut code = 0u16;
    let mut number = 0u8;
    let mut rows = table;
    while let [row, others @ ..] = rows {
        assert!(row.first as u16 == code, "the rows leave a gap or overlap");
        while code <= row.last as u16 {
            rest = match rest {
                [place, others @ ..] => {
                    *place = number;
                    others
                }
                [] => rest,
            };
            code = code.wrapping_add(1);
        }
        number = number.wrapping_add(1);
        rows = others;
    }
    assert!(code == 256, "codes are missing at the end");
    index
}

/// A CI field, any value.
///
/// ```
/// use mbus_app::ci::{CiField, Content, HeaderKind};
/// let row = CiField(0x7A).row();
/// assert_eq!((row.header, row.content), (HeaderKind::Short, Content::FullFrame));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CiField(pub u8);

impl CiField {
    /// Its line in the table.
    #[must_use]
    #[inline]
    pub fn row(self) -> &'static CiRow {
        static RESERVED: CiRow = row(0xC8, 0xFF, H::NotTransport, D::Both, C::Reserved, "reserved");
        INDEX.get(usize::from(self.0)).and_then(|row| TABLE.get(usize::from(*row))).unwrap_or(&RESERVED)
    }
    /// The transport header behind it.
    #[must_use]
    pub fn header(self) -> HeaderKind {
        self.row().header
    }
    /// What it announces.
    #[must_use]
    pub fn content(self) -> Content {
        self.row().content
    }
    /// The words of the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }
    /// True when on a wired bus `behind` octets follow and make this the obsolete fixed data structure:
    /// 73h with exactly 16 of them. An empty compact frame would have as many and says nothing.
    #[must_use]
    pub const fn is_fixed_data(self, behind: usize) -> bool {
        self.0 == 0x73 && behind == 16
    }
}

/// Two hex digits.
impl fmt::Display for CiField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::UpperHex for CiField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::UpperHex::fmt(&self.0, f)
    }
}
