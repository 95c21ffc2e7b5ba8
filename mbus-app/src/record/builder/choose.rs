//! Finds the VIF for a quantity in a unit: the rows of the parser, read backwards.
//!
//! Invariant: among the rows that say exactly what is wished, one with the exponent of the number wins
//! (trailing zeros tell the resolution of a register), then the shortest record, then the nearest exponent,
//! then the order of the tables.

use super::data::Data;
use super::vifes::Chain;
use super::{Content, Unbuildable};
use crate::record::DataField;
use crate::record::meaning::Meaning;
use crate::value::Value;
use crate::vif::{Quantity, Row, Unit, fb, fd, fd_fd, primary};

/// The tables and what stands before their codes.
static TABLES: [(&[u8], &[Row]); 4] =
    [(&[], &primary::PRIMARY), (&[0xFD], &fd::FD), (&[0xFB], &fb::FB), (&[0xFD, 0xFD], &fd_fd::FD_FD)];

/// What is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) line: Line<'a>,
    pub(super) chain: Chain<'a>,
}

/// Which lines of the tables will do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Line<'a> {
    Any(Quantity, Unit),
    This(&'a Row),
}

/// VIF, true VIF included, and the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    octets: [u8; 3],
    pub(super) len: usize,
    pub(super) data: Data<'a>,
}

impl Choice<'_> {
    pub(super) fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

impl Wish<'_> {
    pub(super) fn choose<'a>(
        &self,
        field: Option<DataField>,
        content: &Content<'a>,
    ) -> Result<Choice<'a>, Unbuildable> {
        let quantity = match self.line {
            Line::Any(quantity, _) => quantity,
            Line::This(row) => row.quantity,
        };
        match quantity {
            Quantity::Reserved
            | Quantity::PlainTextUnit
            | Quantity::Extension1Pointer
            | Quantity::Extension2Pointer
            | Quantity::ExtensionPointer => return Err(Unbuildable::NoVif),
            // VIFEs behind VIF FFh are the manufacturer's and no qualifiers.
            Quantity::ManufacturerSpecific if !self.chain.is_empty() => {
                return Err(Unbuildable::BadQualifiers);
            }
            _ => {}
        }
        let mut best: Result<(Choice<'a>, (bool, usize, u16)), Unbuildable> = Err(Unbuildable::NoVif);
        for (head, rows) in TABLES {
            for row in rows.iter().filter(|row| row.quantity == quantity) {
                let meaning = Meaning::of(row).qualified(self.chain.qualifiers.iter().copied());
                let is_wished = match self.line {
                    Line::Any(_, unit) => meaning.unit == unit,
                    Line::This(wished) => row == wished,
                };
                if !is_wished {
                    continue;
                }
                let found = Data::of(&meaning, field, content).map(|data| {
                    let shift = exponent(content).map_or(0, |exponent| exponent.abs_diff(meaning.exponent()));
                    (
                        self.choice(head, row.code, data),
                        (shift != 0, head.len().saturating_add(data.len()), shift),
                    )
                });
                best = match (best, found) {
                    (Ok(best), Ok(found)) => Ok(if found.1 < best.1 { found } else { best }),
                    (Ok(best), Err(_)) => Ok(best),
                    (Err(Unbuildable::NoVif), found) => found,
                    (Err(reason), found) => found.map_err(|_| reason),
                };
            }
        }
        best.map(|(choice, _)| choice)
    }
    fn choice<'a>(&self, head: &[u8], code: u8, data: Data<'a>) -> Choice<'a> {
        let code = if self.chain.is_empty() { code } else { code | 0x80 };
        let (octets, len) = match *head {
            [] => ([code, 0, 0], 1),
            [a] => ([a, code, 0], 2),
            [a, b, ..] => ([a, b, code], 3),
        };
        Choice { octets, len, data }
    }
}

fn exponent(content: &Content<'_>) -> Option<i16> {
    match content {
        Content::Value(Value::Number(number)) | Content::VariableBinary(number) => Some(number.exponent),
        Content::Value(Value::Real(real)) => Some(real.exponent),
        _ => None,
    }
}
