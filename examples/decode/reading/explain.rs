//! Every octet of a decoded telegram with its meaning.

use super::ci_text;
use crate::decode::anatomy::{Header, Walk};
use crate::decode::model::Span;
use mbus_app::ci::{Content, HeaderKind};
use mbus_app::record::{Record, RecordKind, RecordOptions, Records};
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
            _ if tpl.header.is_none() => Header::None,
            HeaderKind::Long => Header::Long,
            _ => Header::Short,
        };
        let status = tpl.header.map_or(String::new(), |header| Status(header.status).to_string());
        let mode = tpl.header.map_or(String::new(), |header| format!("mode {}", header.configuration.mode()));
        let length = telegram.body_offset().saturating_sub(telegram.tpl_offset() + 1);
        walk.transport(header, length, ci_text(tpl.ci.0), &status, &mode);
        body(&mut walk, telegram);
    }
    if input == Input::Wired {
        walk.wired_end();
    }
    walk.finish()
}

fn body(walk: &mut Walk, telegram: &Telegram<'_>) {
    if telegram.state() == BodyState::Closed {
        return;
    }
    let start = walk.position();
    if !matches!(telegram.content(), Some(Content::FullFrame | Content::Command)) {
        walk.layer("application layer");
        walk.take(telegram.body().len(), "data", "");
        return;
    }
    let options =
        RecordOptions { direction: telegram.direction(), fillers: true, ..RecordOptions::default() };
    let records = Records::with_options(telegram.body(), options);
    for record in records.map_while(Result::ok) {
        walk.layer("application layer");
        walk.take_until(start + record.offset(), "filler", "");
        self::record(walk, &record);
    }
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
