//! Every octet of a decoded telegram with its meaning.

use super::ci_text;
use crate::decode::anatomy::{Header as TransportHeader, Walk};
use crate::decode::model::Span;
use mbus_app::application_error::ErrorCode;
use mbus_app::body::Body;
use mbus_app::ci::{Content, HeaderKind};
use mbus_app::command::Selection;
use mbus_app::record::{Header, Record, RecordKind, RecordOptions, Records};
use mbus_app::telegram::{BodyState, Input, Telegram};
use mbus_app::tpl::Status;

/// The spans of the frame; together they cover it.
pub(super) fn spans(telegram: &Telegram<'_>, input: Input) -> Vec<Span> {
    let whole = telegram.octets().len() - telegram.surplus().len();
    let mut walk = Walk::new(telegram.octets().get(..whole).unwrap_or_default().to_vec());
    if input == Input::Wired {
        if !walk.wired() {
            return walk.finish();
        }
    } else {
        walk.wireless();
    }
    walk.lower_layers(telegram.ell_opening().is_some());
    if let Some(octets) = telegram.network_layer() {
        walk.layer("network layer");
        walk.take(octets.len() + 1, "CI and header", "not published");
    }
    if let Some(tpl) = telegram.tpl() {
        let header = match tpl.ci.header() {
            _ if tpl.header.is_none() => TransportHeader::None,
            HeaderKind::Long => TransportHeader::Long,
            _ => TransportHeader::Short,
        };
        let status = tpl.header.map_or(String::new(), |header| Status(header.status).to_string());
        let mode = tpl.header.map_or(String::new(), |header| format!("mode {}", header.configuration.mode()));
        let length = telegram.body_offset().saturating_sub(telegram.tpl_offset() + 1);
        walk.transport(header, length, ci_text(tpl.ci.0), &status, &mode);
        body(&mut walk, telegram, usize::from(input == Input::Wired) * WIRED_END);
    }
    if input == Input::Wired {
        walk.wired_end();
    }
    walk.finish()
}

/// What stands behind the transport header; `end` octets of the frame belong to the link layer again.
fn body(walk: &mut Walk, telegram: &Telegram<'_>, end: usize) {
    let Some(content) = telegram.content() else { return };
    walk.layer("application layer");
    if telegram.state() == BodyState::Closed {
        return walk.take_until(end, "not opened", "enciphered, or not what it should be");
    }
    match content {
        Content::FullFrame | Content::Command => {
            let options = RecordOptions { direction: telegram.direction(), ..RecordOptions::default() };
            records(walk, telegram.body(), options, end);
        }
        Content::CompactFrame if telegram.fixed_data().is_some() => fixed_data(walk),
        Content::CompactFrame => {
            check_octets(walk);
            walk.read::<2>("format signature", number);
            walk.read::<2>("full-frame CRC", number);
            walk.take_until(end, "data", "of all records, without their headers");
        }
        Content::FormatFrame => format_frame(walk),
        Content::ApplicationError => {
            check_octets(walk);
            let code = walk.rest().first().copied().map(ErrorCode).unwrap_or_default();
            walk.take(1, "error code", code.name());
        }
        Content::Alarm => {
            check_octets(walk);
            walk.take(1, "alarm", "bits of the manufacturer");
        }
        Content::ApplicationSelect | Content::SelectedApplication => {
            check_octets(walk);
            if let Ok(Body::ApplicationSelect(select)) = Body::of(telegram) {
                walk.take(1, "application", super::application(select));
            }
        }
        Content::Selection => {
            let text = |selection: Selection<'_>| selection.address.to_string();
            walk.take(8, "selection", Selection::parse(telegram.body()).map_or_else(|_| String::new(), text));
            records(walk, telegram.body().get(8..).unwrap_or_default(), RecordOptions::default(), end);
        }
        Content::ClockSynchronisation => {
            check_octets(walk);
            walk.take_until(end, "clock", super::clock(telegram.body()));
        }
        Content::SecurityInformation => super::information::walk(walk, telegram, end),
        Content::ManufacturerSpecific => walk.take_until(end, "data", "the manufacturer's"),
        Content::Cosem | Content::DlmsCarrier => walk.take_until(end, "data", "DLMS/COSEM"),
        Content::ObisTyped => walk.take_until(end, "data", "SML"),
        _ => {}
    }
    walk.take_until(end, "data", "not explained here");
}

/// Octets of the checksum and the stop octet of the wired bus.
const WIRED_END: usize = 2;

/// A number as the words about compact frames print it.
fn number(octets: [u8; 2]) -> String {
    format!("{:04X}", u16::from_le_bytes(octets))
}

/// In front of what is no record: 2F2F of a deciphered body.
fn check_octets(walk: &mut Walk) {
    if walk.rest().starts_with(&[0x2F, 0x2F]) {
        walk.take(2, "check octets", "2F2F: deciphered with the right key");
    }
}

fn fixed_data(walk: &mut Walk) {
    walk.read::<4>("identification", |id| mbus_link::IdentificationNumber::from_octets(id).to_string());
    walk.take(1, "access number", "");
    walk.take(1, "status", "of the fixed data structure");
    walk.take(2, "units", "and the medium in the upper bits");
    walk.take(4, "counter 1", "");
    walk.take(4, "counter 2", "");
}

fn format_frame(walk: &mut Walk) {
    check_octets(walk);
    walk.read::<1>("length", |[length]| format!("{length} octets follow"));
    walk.read::<2>("format signature", number);
    while !matches!(walk.peek(), None | Some(0x0F | 0x1F | 0x2F)) {
        let octets = walk.rest().to_vec();
        let Ok((header, _)) = Header::parse_prefix(&octets, &RecordOptions::default()) else { return };
        walk.take(header.dib().octets().len(), "DIB", header.dib().data_field().name());
        walk.take(header.vib().octets().len(), "VIB", header.vib().row().quantity.name());
    }
}

fn records(walk: &mut Walk, octets: &[u8], options: RecordOptions, end: usize) {
    let records = Records::with_options(octets, RecordOptions { fillers: true, ..options });
    for record in records.map_while(Result::ok) {
        self::record(walk, &record);
    }
    let padding = octets.iter().rev().take_while(|octet| **octet == 0).count();
    if walk.rest().len() == padding + end {
        return walk.take(padding, "padding", "zeros to the end");
    }
    walk.take_until(end, "not read", "no records from here on");
}

fn record(walk: &mut Walk, record: &Record<'_>) {
    match record.kind() {
        RecordKind::Filler => return walk.take(1, "filler", ""),
        RecordKind::Manufacturer { .. } => {
            walk.take(1, "DIF", "manufacturer specific data to the end");
            return walk.take(record.data().len(), "data", "");
        }
        RecordKind::GlobalReadout => return walk.take(1, "DIF", "all data are asked for"),
        _ => {}
    }
    let dib = record.dib();
    walk.take(1, "DIF", format!("{}, {}", record.function(), dib.data_field().name()));
    let place =
        format!("storage {}, tariff {}, subunit {}", record.storage(), record.tariff(), record.subunit());
    walk.take(dib.difes().len(), "DIFE", place);
    let qualifiers = record.vib().vifes().len();
    walk.take(record.vib().octets().len() - qualifiers, "VIF", record.quantity().name());
    let words: Vec<&str> = record.qualifiers().map(|qualifier| qualifier.name()).collect();
    walk.take(qualifiers, "VIFE", words.join(", "));
    let unit = record.ucum().to_string();
    let space = if unit.is_empty() { "" } else { " " };
    walk.take(record.data().len(), "data", format!("{}{space}{unit}", record.value()));
}
