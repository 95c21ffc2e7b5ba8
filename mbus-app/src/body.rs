//! What stands behind a transport header: the kinds of body that a CI announces, read and written.
//!
//! Invariants: a body is written behind a CI that announces its kind and behind no other; what is known by name only
//! is carried as octets ([`Body::Opaque`]). A body that is nothing but fillers is the same as an empty one for
//! records only.

use mbus_link::octets::Writer;
use mbus_link::wired::Selection;
use oms_security::sealed::Found;
use oms_security::security_information::{Block, Blocks};

use crate::alarm::Alarm;
use crate::application_error::ApplicationError;
use crate::ci::{CiField, Content};
use crate::command::{ApplicationSelect, ClockCommand, ImageTransfer};
use crate::fixed::{self, FixedData};
use crate::frame::{CompactFrame, FormatFrame};
use crate::record::builder::{Element, RecordsBuilder};
use crate::telegram::{BodyState, Telegram};
use crate::{Error, ErrorKind};

/// DIF 2Fh.
const FILLER: u8 = 0x2F;
/// In front of what CBC modes encipher.
const CHECK: [u8; 2] = [FILLER; 2];

/// A body; also its builder.
///
/// ```
/// use mbus_app::body::Body;
/// use mbus_app::ci::CiField;
/// use mbus_app::application_error::ErrorCode;
/// // OMS Vol. 2 Annex N, N.9: the meter does not know the CI.
/// let Body::ApplicationError(error) = Body::parse(CiField(0x6E), &[0x01])? else { panic!() };
/// assert_eq!(error.code, ErrorCode::CI_NOT_IMPLEMENTED);
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Body<'a> {
    /// Nothing: the CI says it all (synchronise action, baud rate, requests).
    #[default]
    None,
    /// Records to be written. Reading gives [`Body::Records`].
    Elements(&'a [Element<'a>]),
    /// Records as they are on the wire, for [`crate::record::Records`].
    Records(&'a [u8]),
    /// Application reset or select, or the application that is selected.
    ApplicationSelect(ApplicationSelect<'a>),
    /// Selection of a slave.
    Selection(Selection<'a>),
    /// Clock synchronisation, with reserved octets and command verification.
    Clock(ClockCommand<'a>),
    /// Data without their headers.
    CompactFrame(CompactFrame<'a>),
    /// Headers without their data.
    FormatFrame(FormatFrame<'a>),
    /// The obsolete structure with two counters.
    FixedData(FixedData),
    /// An alarm.
    Alarm(Alarm),
    /// Why the device did not do it.
    ApplicationError(ApplicationError<'a>),
    /// Firmware and other images.
    ImageTransfer(ImageTransfer<'a>),
    /// Blocks of security information to be written. Reading gives [`Body::SecurityInformation`].
    Blocks(&'a [Block<'a>]),
    /// Blocks of security information as they are on the wire, for [`Blocks`]: keys, states, and secured application data
    /// with a [`crate::command::SecuredCommand`] inside. What follows an end mark is not part of it.
    SecurityInformation(&'a [u8]),
    /// A protocol that is known here by name ([`CiField::name`]): network management, DLMS/COSEM, SML, TLS, the
    /// manufacturer's own. Check octets and padding of the security mode are not part of it.
    Opaque(&'a [u8]),
    /// Octets exactly as they are to stand behind the header, behind any CI: a body that was sealed before, a
    /// fragment, an experiment.
    Octets(&'a [u8]),
}

impl<'a> Body<'a> {
    /// The body of a CI, in clear, without check octets and padding. The fixed data structure is not among the
    /// outcomes, since CI 73h alone does not tell it from a compact frame: see [`Body::of`].
    ///
    /// # Errors
    /// Those of the kinds: [`ErrorKind::Truncated`], [`ErrorKind::NoSuchMoment`], [`ErrorKind::ReservedLvar`],
    /// [`ErrorKind::FormatSignature`], [`ErrorKind::FormatEmpty`]; [`ErrorKind::TrailingOctets`] for octets, fillers
    /// aside, behind a body of fixed length; `block_too_short` and `truncated` of the security layer for blocks.
    pub fn parse(ci: CiField, octets: &'a [u8]) -> Result<Self, Error> {
        Ok(match ci.content() {
            Content::FullFrame | Content::Command => Self::Records(octets),
            Content::ApplicationSelect | Content::SelectedApplication => {
                Self::ApplicationSelect(ApplicationSelect::parse(octets))
            }
            Content::Selection => Self::Selection(Selection::parse(octets).map_err(Error::from_link)?),
            // The layout of a relative synchronisation is not published.
            Content::ClockSynchronisation if ci.0 == 0x6D => Self::Opaque(octets),
            Content::ClockSynchronisation => Self::Clock(ClockCommand::parse(octets)?),
            Content::CompactFrame => Self::CompactFrame(CompactFrame::parse(octets)?),
            Content::FormatFrame => {
                let (frame, rest) = FormatFrame::parse_prefix(octets)?;
                at_end(rest, octets.len())?;
                Self::FormatFrame(frame)
            }
            Content::Alarm => {
                let (alarm, rest) = Alarm::parse_prefix(octets)?;
                at_end(rest, octets.len())?;
                Self::Alarm(alarm)
            }
            Content::ApplicationError => Self::ApplicationError(ApplicationError::parse(octets)),
            Content::ImageTransfer => Self::ImageTransfer(ImageTransfer::parse(octets)?),
            Content::SecurityInformation => Self::SecurityInformation(whole_blocks(octets)?),
            content if is_empty(content) => {
                at_end(octets, octets.len())?;
                Self::None
            }
            _ => Self::Opaque(octets),
        })
    }
    /// The body of a telegram that was read: check octets are taken off, and from application errors and selected
    /// applications the fillers up to the end of the last block. Empty for a body that was not opened.
    ///
    /// # Errors
    /// As [`Body::parse`], counted from the first octet of the telegram.
    pub fn of(telegram: &Telegram<'a>) -> Result<Self, Error> {
        let Some(tpl) = telegram.tpl() else { return Ok(Self::None) };
        if let Some(fixed) = telegram.fixed_data() {
            return Ok(Self::FixedData(fixed));
        }
        let body = telegram.body();
        if telegram.state() == BodyState::Closed {
            return Ok(Self::None);
        }
        let is_cbc = tpl.header.is_some_and(|header| header.configuration.encrypted_blocks().is_some())
            && matches!(telegram.state(), BodyState::Opened(opening)
                if opening.found == Found::ClearUnannounced || opening.enciphered > 0);
        let (mut inner, mut at) = (body, telegram.body_offset());
        if is_cbc && !matches!(tpl.ci.content(), Content::FullFrame | Content::Command) {
            if let Some(behind) = body.strip_prefix(&CHECK) {
                (inner, at) = (behind, at.saturating_add(CHECK.len()));
            }
            let is_padded = tpl.header.is_some_and(|header| header.configuration.is_padded());
            if !is_padded && is_filled(tpl.ci.content()) {
                inner = without_fillers(inner);
            }
        }
        Self::parse(tpl.ci, inner).map_err(|error| error.shifted(at))
    }

    /// True when a CI announces this kind of body.
    #[must_use]
    pub fn fits(&self, ci: CiField) -> bool {
        let content = ci.content();
        match self {
            Self::None => is_empty(content),
            Self::Elements(_) | Self::Records(_) => matches!(content, Content::FullFrame | Content::Command),
            Self::ApplicationSelect(_) => {
                matches!(content, Content::ApplicationSelect | Content::SelectedApplication)
            }
            Self::Selection(_) => content == Content::Selection,
            Self::Clock(_) => content == Content::ClockSynchronisation,
            Self::CompactFrame(_) => content == Content::CompactFrame,
            Self::FormatFrame(_) => content == Content::FormatFrame,
            Self::FixedData(_) => ci.is_fixed_data(fixed::LEN),
            Self::Alarm(_) => content == Content::Alarm,
            Self::ApplicationError(_) => content == Content::ApplicationError,
            Self::ImageTransfer(_) => content == Content::ImageTransfer,
            Self::Blocks(_) | Self::SecurityInformation(_) => content == Content::SecurityInformation,
            Self::Opaque(_) => is_opaque(ci),
            Self::Octets(_) => true,
        }
    }

    /// Octets of the body.
    ///
    /// # Errors
    /// [`ErrorKind::CannotBuild`] for records that have no form on the wire.
    pub fn encoded_len(&self) -> Result<usize, Error> {
        Ok(match self {
            Self::None => 0,
            Self::Elements(elements) => RecordsBuilder { elements }.encoded_len()?,
            Self::Blocks(blocks) => {
                blocks.iter().fold(0usize, |len, block| len.saturating_add(block.encoded_len()))
            }
            Self::Records(octets)
            | Self::SecurityInformation(octets)
            | Self::Opaque(octets)
            | Self::Octets(octets) => octets.len(),
            Self::ApplicationSelect(select) => select.encoded_len(),
            Self::Selection(selection) => selection.encoded_len(),
            Self::Clock(_) => ClockCommand::LEN,
            Self::CompactFrame(frame) => frame.encoded_len(),
            Self::FormatFrame(frame) => frame.encoded_len(),
            Self::FixedData(_) => fixed::LEN,
            Self::Alarm(_) => Alarm::LEN,
            Self::ApplicationError(error) => error.encoded_len(),
            Self::ImageTransfer(image) => image.encoded_len(),
        })
    }
    /// Writes the body that stands behind `ci` to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BodyMismatch`] when the CI announces another kind; [`ErrorKind::NotPublished`] for what the
    /// standard's published parts leave open; [`ErrorKind::CannotBuild`]; [`ErrorKind::NoSuchMoment`];
    /// [`ErrorKind::TooLong`]; [`ErrorKind::BufferTooSmall`].
    pub fn encode_into<'b>(&self, ci: CiField, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        if ci.0 == 0x6D && !matches!(self, Self::Octets(_)) {
            return Err(ErrorKind::NotPublished { what: "relative clock synchronisation" }.at(0));
        }
        if !self.fits(ci) {
            return Err(ErrorKind::BodyMismatch { ci: ci.0 }.at(0));
        }
        let (needed, available) = (self.encoded_len()?, buffer.len());
        let buffer =
            buffer.get_mut(..needed).ok_or(ErrorKind::BufferTooSmall { needed, available }.at(available))?;
        match self {
            Self::Elements(elements) => RecordsBuilder { elements }.encode_into(buffer),
            Self::ApplicationSelect(select) => select.encode_into(buffer),
            Self::Selection(selection) => selection.encode_into(buffer).map_err(Error::from_link),
            Self::Clock(command) => command.encode_into(buffer),
            Self::CompactFrame(frame) => frame.encode_into(buffer),
            Self::FormatFrame(frame) => frame.encode_into(buffer),
            Self::FixedData(fixed) => fixed.encode_into(buffer),
            Self::Alarm(alarm) => alarm.encode_into(buffer),
            Self::ApplicationError(error) => error.encode_into(buffer),
            Self::ImageTransfer(image) => image.encode_into(buffer),
            Self::None => put(&[], buffer),
            Self::Blocks(blocks) => put_blocks(blocks, buffer),
            Self::Records(octets)
            | Self::SecurityInformation(octets)
            | Self::Opaque(octets)
            | Self::Octets(octets) => put(octets, buffer),
        }
    }
    /// The body behind `ci` in a vector.
    ///
    /// # Errors
    /// As [`Body::encode_into`], but for the buffer.
    #[cfg(feature = "alloc")]
    pub fn to_vec(&self, ci: CiField) -> Result<alloc::vec::Vec<u8>, Error> {
        let mut octets = alloc::vec![0; self.encoded_len()?];
        self.encode_into(ci, &mut octets)?;
        Ok(octets)
    }
}

fn put<'b>(octets: &[u8], buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    let mut writer = Writer::new(buffer);
    writer.put(octets);
    Ok(writer.finish()?)
}

fn put_blocks<'b>(blocks: &[Block<'_>], buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
    let mut at = 0usize;
    for block in blocks {
        let place = buffer.get_mut(at..).unwrap_or_default();
        let written = block.encode_into(place).map_err(Error::from_security)?.len();
        at = at.saturating_add(written);
    }
    Ok(buffer)
}

/// The octets of all blocks, when each of them is whole.
fn whole_blocks(octets: &[u8]) -> Result<&[u8], Error> {
    let mut blocks = Blocks::new(octets);
    if let Some(error) = blocks.find_map(Result::err) {
        return Err(Error::from_security(error));
    }
    let used = octets.len().saturating_sub(blocks.rest().len());
    Ok(octets.get(..used).unwrap_or_default())
}

/// Nothing stands behind such a CI.
const fn is_empty(content: Content) -> bool {
    matches!(
        content,
        Content::SelectedApplicationRequest
            | Content::SynchroniseAction
            | Content::CompactFrameRequest
            | Content::FormatFrameRequest
            | Content::NoApplication
            | Content::BaudRate
    )
}

/// Protocols that are carried by name.
fn is_opaque(ci: CiField) -> bool {
    matches!(
        ci.content(),
        Content::DlmsCarrier
            | Content::Tls
            | Content::Cosem
            | Content::ObisTyped
            | Content::NetworkManagement
            | Content::ManufacturerSpecific
            | Content::Reserved
    ) || ci.0 == 0x6D
}

/// Bodies of no fixed length that fillers may follow.
const fn is_filled(content: Content) -> bool {
    matches!(content, Content::ApplicationSelect | Content::SelectedApplication | Content::ApplicationError)
}

fn without_fillers(octets: &[u8]) -> &[u8] {
    let used = octets.iter().rposition(|octet| *octet != FILLER).map_or(0, |last| last.saturating_add(1));
    octets.get(..used).unwrap_or_default()
}

/// An error unless only fillers are left of `len` octets.
fn at_end(rest: &[u8], len: usize) -> Result<(), Error> {
    if rest.iter().all(|octet| *octet == FILLER) {
        return Ok(());
    }
    let octets = rest.len();
    Err(ErrorKind::TrailingOctets { octets }.at(len.saturating_sub(octets)))
}
