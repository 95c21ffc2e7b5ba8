//! Writes VIFEs and the text of a text unit.

use mbus_link::octets::Writer;

use super::Unbuildable;
use crate::record::vib::{MAX_VIFE, Qualifier};
use crate::record::{Direction, ObjectAction};

/// The VIFEs to write: what qualifies the value, then what is to be done with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    pub(super) qualifiers: &'a [Qualifier<'a>],
    pub(super) action: Option<ObjectAction>,
    pub(super) direction: Direction,
}

impl Chain<'_> {
    pub(super) const fn is_empty(&self) -> bool {
        self.qualifiers.is_empty() && self.action.is_none()
    }
}

/// Writes VIFEs behind a VIF (or a true VIF in an extension table) of `head` octets, whose extension bit
/// the caller has set when there are any.
pub(super) fn put_qualifiers(
    head: usize,
    Chain { qualifiers, action, direction }: Chain<'_>,
    writer: &mut Writer<'_>,
) -> Result<(), Unbuildable> {
    let mut left = MAX_VIFE.saturating_add(1).saturating_sub(head);
    let mut put = |octet: u8, last: bool| {
        left = left.checked_sub(1).ok_or(Unbuildable::BadQualifiers)?;
        writer.put_u8(if last { octet & 0x7F } else { octet | 0x80 });
        Ok(())
    };
    let mut rest = qualifiers.iter();
    while let Some(qualifier) = rest.next() {
        let last = rest.as_slice().is_empty() && action.is_none();
        match *qualifier {
            Qualifier::Orthogonal(0x3F) => return Err(Unbuildable::Unverified("the OBIS declaration")),
            Qualifier::Orthogonal(code) if is_plain_vife(code, direction) => put(code, last)?,
            Qualifier::Action(code @ 0..=0x0F) if direction == Direction::ToDevice && last => {
                put(code, last)?
            }
            Qualifier::Combinable(code @ 0..=0x7F) => {
                put(0x7C, false)?;
                put(code, last)?;
            }
            Qualifier::Manufacturer([0x7F | 0xFF, others @ ..]) if last => {
                put(0x7F, others.is_empty())?;
                let mut others = others.iter();
                while let Some(octet) = others.next() {
                    put(*octet, others.as_slice().is_empty())?;
                }
            }
            _ => return Err(Unbuildable::BadQualifiers),
        }
    }
    match action {
        None => Ok(()),
        Some(ObjectAction(code @ 0..=0x0F)) if direction == Direction::ToDevice => put(code, true),
        Some(_) => Err(Unbuildable::BadQualifiers),
    }
}

/// Codes that stand for themselves: 7Ch and 7Fh do not, 00h to 0Fh to a device are actions.
const fn is_plain_vife(code: u8, direction: Direction) -> bool {
    match code {
        0x00..=0x0F => matches!(direction, Direction::FromDevice),
        0x7C | 0x7F.. => false,
        _ => true,
    }
}

pub(super) fn put_unit_text(text: &str, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
    let letters = text.chars().count();
    match u8::try_from(letters) {
        Ok(letters @ 1..=64) => writer.put_u8(letters),
        _ => return Err(Unbuildable::TooLong),
    }
    put_reversed(text, writer)
}

/// Text in ISO 8859-1, last letter first.
pub(super) fn put_reversed(text: &str, writer: &mut Writer<'_>) -> Result<(), Unbuildable> {
    text.chars().rev().try_for_each(|letter| {
        writer.put_u8(u8::try_from(u32::from(letter)).map_err(|_| Unbuildable::NotLatin1)?);
        Ok(())
    })
}
