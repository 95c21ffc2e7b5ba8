//! One entry point per feature, for the size table of `run`.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The only symbol that the linker keeps.
///
/// # Safety
/// `octets` points to `len` octets that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn entry(octets: *mut u8, len: usize) -> usize {
    run(unsafe { core::slice::from_raw_parts_mut(octets, len) })
}

#[cfg(feature = "empty")]
fn run(octets: &mut [u8]) -> usize {
    octets.len()
}

/// All that a record says, used.
#[cfg(feature = "values")]
fn use_up(records: mbus_app::record::Records<'_>) -> usize {
    use core::hint::black_box;
    let mut count = 0;
    for record in records {
        let Ok(record) = record else { break };
        black_box(&record.value());
        black_box((record.quantity(), record.unit(), record.function()));
        black_box((record.storage(), record.tariff(), record.subunit()));
        count += 1;
    }
    count
}

/// Data records to interpreted values.
#[cfg(feature = "records")]
fn run(octets: &mut [u8]) -> usize {
    use_up(mbus_app::record::Records::new(octets))
}

/// A wired frame, its transport header and its records: the layers put together by hand.
#[cfg(feature = "wired")]
fn run(octets: &mut [u8]) -> usize {
    let Ok(frame) = mbus_link::wired::Frame::parse(octets) else { return 0 };
    let Ok((tpl, body)) = mbus_app::tpl::Tpl::parse_prefix(frame.payload()) else { return 0 };
    core::hint::black_box(&tpl);
    use_up(mbus_app::record::Records::new(body))
}

/// The one call for wired telegrams, without keys.
#[cfg(feature = "wired_telegram")]
fn run(octets: &mut [u8]) -> usize {
    use oms_security::key::NoKeys;
    mbus_app::Telegram::decode_wired(octets, &NoKeys).map_or(0, |telegram| use_up(telegram.records()))
}

/// The one call for wireless telegrams of format A, without keys.
#[cfg(feature = "wireless_telegram")]
fn run(octets: &mut [u8]) -> usize {
    use oms_security::key::NoKeys;
    mbus_app::Telegram::decode_format_a(octets, &NoKeys).map_or(0, |telegram| use_up(telegram.records()))
}

/// The same with a key: security modes 5, 7 and 10, AFL, extended link layer, and a software AES.
#[cfg(feature = "mode5")]
fn run(octets: &mut [u8]) -> usize {
    use oms_security::key::{Aes, Key, PreparedKey};
    let Some((key, telegram)) = octets.split_first_chunk_mut::<16>() else { return 0 };
    let key = PreparedKey::<Aes>::new(&Key::new(*key));
    mbus_app::Telegram::decode_format_a(telegram, &key).map_or(0, |telegram| use_up(telegram.records()))
}

/// Address, layers and security mode, without key.
#[cfg(feature = "peek")]
fn run(octets: &mut [u8]) -> usize {
    core::hint::black_box(mbus_app::peek(octets)).map_or(0, |_| 1)
}

/// A record of given quantity and value, written by a meter.
#[cfg(feature = "build")]
fn run(octets: &mut [u8]) -> usize {
    use mbus_app::decimal::Decimal;
    use mbus_app::record::builder::{NewVib, RecordBuilder, Register};
    use mbus_app::value::Value;
    use mbus_app::vif::{Quantity, Unit};
    let value = Value::Number(Decimal::new(octets.len() as i128, -3));
    let vib = NewVib::Of(Quantity::Volume, Unit::CubicMetre, &[]);
    let record = RecordBuilder::new(Register::default(), vib, value);
    record.encode_into(octets).map_or(0, |octets| octets.len())
}

/// CRCs checked and removed.
#[cfg(feature = "format_a")]
fn run(octets: &mut [u8]) -> usize {
    wmbus_phy::format_a::strip_in_place(octets).map_or(0, |frame| frame.frame.len())
}

/// Another parser, the same work.
#[cfg(feature = "peer_wired")]
fn run(octets: &mut [u8]) -> usize {
    use m_bus_parser::{WiredFrame, mbus_data::MbusData};
    let Ok(data) = MbusData::<WiredFrame>::try_from(&*octets) else { return 0 };
    data.data_records.map_or(0, |records| records.flatten().map(core::hint::black_box).count())
}

/// Another parser, the same work.
#[cfg(feature = "peer_wireless")]
fn run(octets: &mut [u8]) -> usize {
    use m_bus_parser::{WirelessFrame, mbus_data::MbusData};
    let Ok(data) = MbusData::<WirelessFrame>::try_from(&*octets) else { return 0 };
    data.data_records.map_or(0, |records| records.flatten().map(core::hint::black_box).count())
}
