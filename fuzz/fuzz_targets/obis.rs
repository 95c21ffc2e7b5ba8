//! OBIS codes and meter identifications as text and octets, look-ups both ways.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_app::record::Records;
use mbus_link::DeviceType;
use obis_map::{Context, Medium, MeterNumber, ObisCode, ServerId, SystemTitle, Tag};

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    if let Ok(code) = ObisCode::from_short(&text, Medium::ELECTRICITY) {
        assert_eq!(code.to_string().parse(), Ok(code));
        assert_eq!(ObisCode::from_text(&code.to_string()), Some(code));
        let _ = code.description();
    }
    if let Some(code) = ObisCode::from_text(&text) {
        assert_eq!(text.parse(), Ok(code));
    }
    if let Ok(number) = text.parse::<MeterNumber>() {
        assert_eq!(number.to_string().parse(), Ok(number));
    }
    if let Ok(id) = ServerId::parse(octets) {
        let mut out = vec![0; octets.len()];
        assert_eq!(id.encode_into(&mut out).expect("as long as before"), octets);
        let _ = (id.to_string(), id.meter_number());
    }
    if let Some(title) = octets.first_chunk() {
        let _ = SystemTitle(*title).meter_number(Medium::OTHER, None).map(|number| number.to_string());
    }
    let Some((device_type, records)) = octets.split_first() else { return };
    let context = Context::of_telegram(DeviceType(*device_type), Records::new(records));
    for record in Records::new(records).flatten() {
        let _ = Tag::of((&record).into()).count();
        let Ok(mapping) = context.lookup((&record).into()) else { continue };
        for template in context.records(mapping.code) {
            let vib = template.vib.nth(0).expect("a pattern has one");
            let again = context.lookup(template.key(&vib)).expect("it maps back");
            assert!(again.code == mapping.code || again.also == Some(mapping.code));
        }
    }
});
