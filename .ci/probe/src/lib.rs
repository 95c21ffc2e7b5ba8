//! One function per public entry point of the five crates, linked without a panic handler.
#![no_std]

mod adapters;
mod trust;

use core::hint::black_box;
use core::panic::PanicInfo;

unsafe extern "C" {
    fn a_panic_is_reachable(why: *const ()) -> !;
}

#[panic_handler]
fn panic(why: &PanicInfo<'_>) -> ! {
    // Where the reason is used the compiler does not make one of all functions that panic, so that they keep their names.
    unsafe { a_panic_is_reachable(core::ptr::from_ref(why).cast()) }
}

/// Calls everything with the same octets.
///
/// # Safety
/// `octets` points to `len` readable octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn probe_all(octets: *const u8, len: usize) -> usize {
    let input = if octets.is_null() { &[] } else { unsafe { core::slice::from_raw_parts(octets, len) } };
    let input = black_box(input);
    #[cfg(feature = "bad")]
    black_box(input[black_box(len) ^ 1]);
    chips(input);
    deframers(input);
    link(input);
    wireless_frames(input);
    wired_ends(input);
    wired_search(input);
    adapters::ports(input);
    wireless_access(input);
    wireless_relay(input);
    records(input);
    built_records(input);
    commands(input);
    telegrams_in_clear(input);
    frames_of_the_application(input);
    security(input);
    trust::senders(input);
    #[cfg(feature = "ciphers")]
    ciphers(input);
    cosem_carriers(input);
    cosem_opening(input);
    cosem_data(input);
    obis(input);
    0
}

fn chips(input: &[u8]) {
    use wmbus_phy::{FrameFormat, LineCode, classify, format_a, format_b};
    black_box(classify(input).state);
    let mut octets = [0; 290];
    let mut chips = [0; 580];
    for code in [LineCode::Nrz, LineCode::Manchester, LineCode::ThreeOfSix] {
        let code = black_box(code);
        for format in [FrameFormat::A, FrameFormat::B] {
            let format = black_box(format);
            let Ok(frame) = code.decode_frame_into(input, format, &mut octets) else { continue };
            black_box(code.encode_into(frame, &mut chips).is_ok());
            let stripped = match format {
                FrameFormat::A => format_a::strip_in_place(frame),
                FrameFormat::B => format_b::strip_in_place(frame),
            };
            black_box(stripped.is_ok());
        }
    }
    black_box(format_a::encode_into(input, &mut octets).is_ok());
    black_box(format_b::encode_into(input, &mut octets).is_ok());
}

fn deframers(input: &[u8]) {
    use wmbus_phy::mode::{self, Mode};
    use wmbus_phy::{
        ChipDeframer, ChipEvent, Chips, FrameFormat, OctetDeframer, OctetEvent, Search, Transmission,
    };
    let airs = black_box([mode::T1.from_meter, mode::C1.from_meter, mode::N2G.from_meter]);
    let Ok(search) = Search::new(&airs) else { return };
    let search = search.with_tolerance(input.len() as u8).with_preamble(input.len() as u8);
    let mut chips = Chips::with_len(input, black_box(input.len()));
    black_box(search.clone().find(&mut chips));
    let mut deframer = black_box(ChipDeframer::<584>::with_search(search));
    black_box(deframer.handle_chip(input.is_empty()).is_some());
    let mut chips = Chips::with_len(input, black_box(input.len()));
    while let Some(event) = deframer.handle_input(&mut chips) {
        if let ChipEvent::Frame { sync, octets, .. } = event {
            black_box(sync.format.strip_in_place(octets).is_ok());
        }
    }
    let format = black_box(FrameFormat::B);
    black_box(deframer.begin(&mode::C2.from_meter, format).is_ok());
    deframer.gap();
    black_box((deframer.poll_event().is_some(), deframer.taken(), deframer.is_receiving()));
    let mut deframer = black_box(OctetDeframer::<290>::new(&[FrameFormat::A, FrameFormat::B]));
    deframer.begin();
    let mut octets = input;
    while let Some(event) = deframer.handle_input(&mut octets) {
        if let OctetEvent::Frame { format, octets } = event {
            black_box(format.strip_in_place(octets).is_ok());
        }
    }
    deframer.gap();
    black_box((deframer.poll_event().is_some(), deframer.is_empty()));
    let mut out = [0; 700];
    let mode = core::str::from_utf8(input).ok().and_then(Mode::named).unwrap_or(&mode::R2);
    let transmission = Transmission::new(black_box(mode.from_meter), format, input);
    black_box((transmission.encode_into(&mut out).is_ok(), transmission.nanoseconds()));
    black_box(mode.from_meter.channels.frequency(input.len() as u8));
}

fn link(input: &[u8]) {
    let mut reader = mbus_link::octets::Reader::new(input);
    black_box(reader.u16_le().is_ok());
}

fn wireless_frames(input: &[u8]) {
    use mbus_link::time::{Duration, Instant};
    use mbus_link::wireless::{
        DuplicateFilter, DuplicateKey, Frame, LinkStatus, NominalInterval, SynchronousPredictor,
    };
    use mbus_link::{CommunicationControl, Ell, NetworkLayer, ell::EllV, lpwan::LpwanFrame};
    let mut buffer = [0; 256];
    let octet = input.len() as u8;
    let now = Instant::from_micros(input.len() as u64);
    if let Ok((frame, _)) = Frame::parse_prefix(input) {
        black_box(frame.to_builder().encode_into(&mut buffer).is_ok());
        black_box(frame.c_field().name());
    }
    black_box(Frame::parse_ignoring_length(input).is_ok());
    if let Ok((ell, rest)) = Ell::parse_prefix(input) {
        black_box((ell.encode_into(&mut buffer).is_ok(), rest));
    }
    black_box(EllV::parse(input).is_ok());
    black_box(NetworkLayer::parse(input).map(|layer| layer.guess_next()).is_ok());
    black_box(
        LpwanFrame::parse(input).and_then(|frame| frame.encode_into(&mut buffer).map(|o| o.len())).is_ok(),
    );
    let mut filter = black_box(DuplicateFilter::<4>::new(Duration::from_secs(30)));
    if let Ok(key) = DuplicateKey::of(input) {
        black_box(filter.check(now, key));
    }
    let control = CommunicationControl(octet);
    if let Some(nominal) = NominalInterval::from_secs(input.len() as u32) {
        let mut predictor = black_box(SynchronousPredictor::new(nominal, 100, Duration::ZERO));
        black_box((predictor.observe(now, control, octet), predictor.next_window(now)));
        let mut learning = black_box(SynchronousPredictor::learning(100, Duration::ZERO));
        black_box((learning.observe(now, control, octet), learning.next_window(now), learning.nominal()));
        black_box(learning.expects(now, control, octet));
        black_box(NominalInterval::estimate(nominal.before(octet), octet, 7));
    }
    let mut status = black_box(LinkStatus::new());
    status.observe(now, control, octet);
    black_box(status.silent_for(now));
}

fn wired_ends(input: &[u8]) {
    use mbus_link::time::Instant;
    use mbus_link::wired::{
        BaudRate, Command, DataClass, Deframer, Expected, Frame, LineTiming, Master, PrimaryAddress,
        Selection, Slave, SlaveSettings,
    };
    let now = Instant::from_micros(input.len() as u64);
    let line = black_box(LineTiming::new(2400));
    let address = black_box(PrimaryAddress(input.len() as u8));
    let mut deframer = black_box(<Deframer>::new(line));
    let mut rest = input;
    while deframer.handle_input(now, &mut rest).is_some() {}
    black_box((Command::parse(input).encode_into(&mut [0; 40]).is_ok(), deframer.poll_timeout()));
    let mut slave =
        black_box(Slave::new(SlaveSettings { address, rates: &BaudRate::TABLE, ..SlaveSettings::default() }));
    slave.handle_input(now, input);
    slave.handle_timeout(now);
    black_box((slave.respond(input).is_ok(), slave.acknowledge().is_ok(), slave.poll_timeout()));
    black_box(slave.poll_event().is_some());
    black_box(slave.poll_transmit(now));
    let mut master = black_box(Master::new(line));
    black_box((master.read(address, 3).is_ok(), master.cancel(), master.more().is_ok()));
    black_box((master.reset(address).is_ok(), master.request(address, DataClass::One).is_ok()));
    black_box((master.send(address, input).is_ok(), master.send_for_data(address, input).is_ok()));
    black_box((master.change_rate(address, BaudRate::TABLE[0]).is_ok(), master.status(address).is_ok()));
    if let Ok(selection) = Selection::parse(input) {
        black_box(master.select(&selection).is_ok());
    }
    black_box(Frame::parse(input).map(|frame| master.raw(&frame, Expected::Data)).is_ok());
    master.handle_input(now, input);
    master.handle_timeout(now);
    black_box((master.poll_timeout(), master.poll_event().is_some()));
    black_box(master.poll_transmit(now));
}

fn wired_search(input: &[u8]) {
    use mbus_link::time::Instant;
    use mbus_link::wired::search::least_frames;
    use mbus_link::wired::{LineTiming, Master, PrimaryAddress, PrimaryScan, Search, SearchSettings};
    let now = Instant::from_micros(input.len() as u64);
    let mut search = black_box(Search::new(Master::new(LineTiming::new(2400)), SearchSettings::DEFAULT));
    black_box(search.poll_transmit(now));
    search.handle_input(now, input);
    search.handle_timeout(now);
    black_box((search.poll_timeout(), search.progress(), search.report(), search.poll_event().is_some()));
    let address = black_box(PrimaryAddress(input.len() as u8));
    let mut scan = black_box(PrimaryScan::new(search.into_master(), address, PrimaryAddress::LAST));
    black_box(scan.poll_transmit(now));
    scan.handle_input(now, input);
    scan.handle_timeout(now);
    black_box((scan.poll_timeout(), scan.progress(), scan.cancel(), scan.poll_event().is_some()));
    let number = |octets: &[u8; 4]| mbus_link::IdentificationNumber::from_octets(*octets);
    let chunks = input.first_chunk::<4>().zip(input.last_chunk::<4>());
    if let Some((a, b)) = chunks {
        black_box(least_frames(&[number(a), number(b)]));
    }
}

fn wireless_access(input: &[u8]) {
    use mbus_link::time::{Duration, Instant};
    use mbus_link::wireless::Installation;
    use mbus_link::wireless::access_cycle::{AccessTiming, Credits, MeterAccess, OtherDevice};
    let (now, address) = (Instant::from_micros(input.len() as u64), mbus_link::Address::WILDCARD);
    let timing = black_box(AccessTiming::C2);
    let mut meter = black_box(MeterAccess::new(address, timing, input.len() as u8, Credits::default()));
    black_box((
        meter.handle_input(now, input).is_ok(),
        meter.send(input).is_ok(),
        meter.respond(input).is_ok(),
    ));
    black_box(meter.poll_transmit(now));
    meter.transmitted(now);
    black_box((meter.listening(), meter.poll_timeout(), meter.poll_event()));
    let mut gateway = black_box(OtherDevice::<3>::new(address, timing));
    let ticket = gateway.post(now, address, input);
    black_box((
        gateway.handle_input(now, input).is_ok(),
        gateway.confirm(address),
        gateway.access_now(now, address),
    ));
    black_box(gateway.poll_transmit(now));
    black_box((
        gateway.poll_timeout(),
        gateway.poll_event(),
        ticket.map(|ticket| gateway.withdraw(ticket)).is_ok(),
    ));
    if let Ok(mut installation) = Installation::start(now, input, timing, Duration::from_secs(30)) {
        black_box((installation.handle_input(now, input).is_ok(), installation.replace_frame(input).is_ok()));
        black_box(installation.poll_transmit(now));
        installation.transmitted(now);
        black_box((installation.poll_timeout(), installation.poll_event()));
    }
}

fn wireless_relay(input: &[u8]) {
    use mbus_link::relay::{DutyCycle, Repeater, RepeaterKind, set_hop};
    use mbus_link::time::Instant;
    use mbus_link::wireless::{StoredFrame, access_cycle::AccessTiming};
    let now = Instant::from_micros(input.len() as u64);
    let duty = black_box(DutyCycle::new(input.len() as u16, input.len() as u32, 40));
    let kind = black_box(RepeaterKind::Bidirectional);
    let mut repeater = Repeater::<3, _>::new(mbus_link::Address::WILDCARD, kind, AccessTiming::T2, duty);
    black_box(repeater.handle_input(now, input, input.len() as u32).is_ok());
    black_box(repeater.poll_transmit(now));
    black_box((repeater.poll_timeout(), repeater.poll_event()));
    if let Ok(mut frame) = StoredFrame::new(input) {
        black_box(set_hop(frame.octets_mut()).is_ok());
    }
}

fn records(input: &[u8]) {
    use mbus_app::record::{Direction, PlainTextOrder, RecordOptions, Records};
    for plain_text in [PlainTextOrder::Auto, PlainTextOrder::Standard, PlainTextOrder::Legacy] {
        let options =
            RecordOptions { direction: Direction::ToDevice, plain_text, legacy_tables: true, fillers: true };
        for record in Records::with_options(input, options).flatten() {
            black_box((record.storage(), record.tariff(), record.subunit(), record.function()));
            black_box((
                record.quantity().name(),
                record.unit().ucum(),
                record.value(),
                record.is_marked_invalid(),
            ));
            black_box((record.qualifiers().map(|q| q.name().len()).sum::<usize>(), record.record_error()));
            if let mbus_app::value::Value::Real(real) = record.value() {
                black_box(real.to_decimal());
            }
        }
    }
}

fn frames_of_the_application(input: &[u8]) {
    use mbus_app::frame::{BoundedFormats, CompactFrame, FormatFrame, FormatKey, FormatStore, compact};
    let mut buffer = [0; 256];
    if let Ok(fixed) = mbus_app::fixed::FixedData::parse(input) {
        black_box((
            fixed.value(0),
            fixed.value(1),
            fixed.medium_name(),
            fixed.encode_into(&mut buffer).is_ok(),
        ));
    }
    black_box(mbus_app::application_error::ApplicationError::parse(input).encode_into(&mut buffer).is_ok());
    black_box(mbus_app::alarm::Alarm::parse_prefix(input).is_ok());
    let mut formats = black_box(BoundedFormats::<4, 64>::new());
    let key = FormatKey::new(mbus_link::Address::WILDCARD, compact::signature(input));
    black_box(formats.learn(&key, input).is_ok());
    if let Ok(frame) = CompactFrame::parse(input) {
        black_box(frame.expand_with(&mut formats, &key, &mut buffer).is_ok());
        black_box(frame.expand_unproven_with(&mut formats, &key, &mut buffer).is_ok());
        black_box(frame.encode_into(&mut buffer).is_ok());
    }
    let text = core::str::from_utf8(input).unwrap_or_default();
    black_box(mbus_app::frame::import(&mut formats, text).learned);
    if let Ok((frame, _)) = FormatFrame::parse_prefix(input) {
        black_box(frame.encode_into(&mut buffer).is_ok());
    }
    black_box(compact::compact_into(input, &mut buffer).is_ok());
    black_box(compact::headers_into(input, &mut buffer).is_ok());
    if let Ok((tpl, _)) = mbus_app::tpl::Tpl::parse_prefix(input) {
        black_box(tpl.encode_into(&mut buffer).is_ok());
    }
    if let Ok(frame) = mbus_link::wired::Frame::parse(input) {
        black_box(frame.encode_into(&mut buffer).is_ok());
    }
}

/// What is done with a telegram that was read.
#[cfg(feature = "ciphers")]
fn opened(telegram: &mbus_app::Telegram<'_>) {
    use mbus_app::readout::{Pages, Readout};
    let mut formats = black_box(mbus_app::frame::BoundedFormats::<4, 64>::new());
    let mut out = [0; 256];
    black_box(mbus_app::frame::learn(telegram, &mut formats).is_ok());
    black_box(mbus_app::frame::expand(telegram, &mut formats, &mut out).is_ok());
    let mut pages = black_box(Pages::new());
    black_box((pages.accept(telegram).is_ok(), pages.finish().is_ok()));
    black_box(Readout::new([*telegram, *telegram]).flatten().count());
    black_box(telegram.readings().count());
}

/// Everything that runs a cipher.
#[cfg(feature = "ciphers")]
fn ciphers(input: &[u8]) {
    use mbus_app::{Input, Telegram};
    use oms_security::key::{Aes, Key, PreparedKey};
    use oms_security::legacy::DesKey;
    use oms_security::sealed::{SecurityContext, open, seal};
    let key = black_box(PreparedKey::<Aes>::new(&Key::new([7; 16])));
    let mut buffer = [0; 300];
    let mut sealed = [0; 300];
    for kind in [Input::Wired, Input::FormatA, Input::FormatB, Input::Stripped] {
        buffer.iter_mut().zip(input).for_each(|(place, octet)| *place = *octet);
        let Some(octets) = buffer.get_mut(..input.len()) else { return };
        let lax = Telegram::decode_lax(octets, kind, &key);
        black_box((lax.stopped, lax.telegram.meter(), lax.telegram.layers().count()));
        black_box(lax.telegram.records().flatten().map(|record| record.data().len()).sum::<usize>());
        if let Some(telegram) = mbus_app::telegram::builder::TelegramBuilder::of(&lax.telegram) {
            black_box((telegram.resealed_len().is_ok(), telegram.reseal_into(&key, &mut sealed).is_ok()));
        }
        opened(&lax.telegram);
        trust::judged(&lax.telegram);
    }
    trust::closed(input, &key);
    trust::sealed(input, &key);
    if let Some(octets) = buffer.get_mut(..input.len()) {
        black_box(Telegram::decode(octets, &key).is_ok());
        black_box(Telegram::decode_wired_payload(octets, None, &key).is_ok());
    }
    if let Ok((configuration, rest)) = oms_security::configuration::Configuration::parse_prefix(input) {
        let afl = oms_security::afl::Afl::parse_prefix(rest, None).ok().map(|(afl, _)| afl.into());
        let context = SecurityContext { configuration, afl, ..SecurityContext::default() };
        black_box(seal(&context, &mut buffer, input.len(), &key).is_ok());
        black_box(open(&context, &mut buffer, input.len(), &key).is_ok());
        black_box(open(&context, &mut buffer, input.len(), &Des(DesKey::new([7; 8]))).is_ok());
        other_modes(&context, input, &mut buffer, &key);
        broken_modes(&context, input.len(), &mut buffer, &key);
    }
    if let Ok((ell, _)) = mbus_link::Ell::parse_prefix(input) {
        let sender = mbus_link::Address::default();
        black_box(oms_security::ell_cipher::seal_in_place(&ell, sender, &mut buffer, &key).is_ok());
        black_box(oms_security::ell_cipher::open_in_place(&ell, sender, &mut buffer, &key).is_ok());
    }
}

/// Modes that are opened by types of their own.
#[cfg(feature = "ciphers")]
fn other_modes(
    context: &oms_security::sealed::SecurityContext,
    input: &[u8],
    buffer: &mut [u8],
    key: &oms_security::key::PreparedKey<oms_security::key::Aes>,
) {
    use oms_security::{mode8, mode9, mode13};
    let enciphered = input.len()..input.len().saturating_mul(2);
    let mode8 = mode8::Experimental { encryption: key, authentication: key, counter_block: [7; 16] };
    black_box(mode8.seal(context, buffer, enciphered.clone()).is_ok());
    black_box(mode8.open(context, buffer, enciphered).is_ok());
    let mode9 = mode9::Experimental::default();
    let (clear, plain) = input.split_at_checked(7).unwrap_or((input, &[]));
    black_box(mode9.seal_into(context, 7, clear, plain, key, buffer).is_ok());
    black_box(mode9.open_in_place(context, buffer, key).map(|opened| opened.deciphered.len()).is_ok());
    black_box(mode13::check(context, input, 7, input.len() == 9, key).is_ok());
    black_box(mode13::seal(context, input, 7, input.len() == 9, key).is_ok());
    black_box(mode13::configuration(mode13::Protocol(input.len() as u8), input.len() as u8));
    for record in mode13::Records::new(input).flatten() {
        black_box(record.encode_into(buffer).is_ok());
    }
}

/// The deprecated modes, as simulators seal them.
#[cfg(feature = "ciphers")]
fn broken_modes(
    context: &oms_security::sealed::SecurityContext,
    body: usize,
    buffer: &mut [u8],
    key: &oms_security::key::PreparedKey<oms_security::key::Aes>,
) {
    use oms_security::legacy::{DesCandidate, DesKey, seal_broken_aes, seal_broken_des};
    let des = black_box(DesKey::new([7; 8]));
    let with = DesCandidate { key: &des, day: [body as u8, 7] };
    black_box(seal_broken_des(context, buffer, body, with).is_ok());
    black_box(seal_broken_aes(context, buffer, body, key).is_ok());
}

/// A DES key for every message.
#[cfg(feature = "ciphers")]
struct Des(oms_security::legacy::DesKey);

#[cfg(feature = "ciphers")]
impl oms_security::key::KeyProvider for Des {
    type Cipher = oms_security::key::Aes;
    fn candidate(
        &self,
        _: &oms_security::key::KeyRequest,
        _: usize,
    ) -> Option<&oms_security::key::PreparedKey<oms_security::key::Aes>> {
        None
    }
    fn des_candidate(
        &self,
        _: &oms_security::key::KeyRequest,
        n: usize,
    ) -> Option<oms_security::legacy::DesCandidate<'_>> {
        (n == 0).then_some(oms_security::legacy::DesCandidate { key: &self.0, day: [7, 7] })
    }
}

fn security(input: &[u8]) {
    use mbus_link::time::{Duration, Instant};
    use oms_security::afl::{Afl, AflMessage};
    use oms_security::reassembly::{Channel, Fragments, Reassembler};
    black_box(mbus_app::peek(input).is_ok());
    black_box(mbus_app::Telegram::guess(input));
    let mut buffer = [0; 256];
    let mut store = black_box(Reassembler::<2, 256>::new(Duration::from_secs(1)));
    if let Ok((afl, rest)) = Afl::parse_prefix(input, None) {
        black_box(afl.encode_into(&mut buffer).is_ok());
        let now = Instant::from_micros(input.len() as u64);
        if let Ok(Some(message)) = store.push(now, Channel::Wired(1), true, &afl, rest) {
            black_box(message.octets.len());
        }
        if let Ok(fragments) = Fragments::new(AflMessage::from(afl), rest, input.len()) {
            let mut single = fragments.clone();
            black_box((fragments.count(), single.next_within(input.len()).is_ok()));
        }
    }
    if let Ok((configuration, _)) = oms_security::configuration::Configuration::parse_prefix(input) {
        black_box(configuration.encode_into(&mut buffer).is_ok());
    }
    for block in oms_security::security_information::Blocks::new(input).flatten() {
        black_box((block.encode_into(&mut buffer).is_ok(), block.status()));
    }
    let mut guard = black_box(oms_security::replay::ReplayGuard::<2>::new());
    if let Some(used) = core::str::from_utf8(input).ok().and_then(|line| line.parse().ok()) {
        black_box(guard.accept(&used).is_ok());
    }
}

fn cosem_carriers(input: &[u8]) {
    use mbus_app::cosem::carrier::{Fragment, LengthQuirk, Reassembler, WiredFrame};
    use mbus_app::cosem::{block::Block, hdlc, transport_apdu};
    let mut buffer = [0; 256];
    let mut out = [0; 256];
    let mut push = black_box(Reassembler::new(&mut buffer));
    if let Ok((frame, _)) = WiredFrame::parse_prefix(input, LengthQuirk::Wrapped) {
        black_box(push.push(frame.c, frame.a, frame.payload).is_ok());
    }
    black_box(push.push(0x53, 0xFF, input).is_ok());
    black_box(push.apdu().map(|apdu| apdu.len()));
    for fragment in Fragment::split(input, input.len() & 63, 1, 2) {
        black_box(fragment.encode_into(&mut out).is_ok());
    }
    let mut push = black_box(hdlc::Reassembler::new(&mut buffer));
    for frame in hdlc::Frames::new(input).flatten() {
        black_box((push.push(&frame).is_ok(), frame.encode_into(&mut out).is_ok()));
    }
    black_box((push.beginning().len(), push.apdu().map(|apdu| apdu.len())));
    black_box(Block::parse(input).and_then(|block| block.encode_into(&mut out).map(|o| o.len())).is_ok());
    black_box(transport_apdu(input).map(|found| found.apdu.len()));
}

fn cosem_opening(input: &[u8]) {
    use mbus_app::cosem::ciphering::{GeneralGlo, seal_into};
    use oms_security::glo::{GloKeys, Message, SecurityControl};
    use oms_security::key::Aes;
    let key = [input.len() as u8; 16];
    let keys = GloKeys { encryption: &key, authentication: Some(&key) };
    let mut buffer = [0; 256];
    let mut apdu = [0; 256];
    for (place, octet) in apdu.iter_mut().zip(input) {
        *place = *octet;
    }
    black_box(GeneralGlo::parse(&mut apdu).and_then(|e| e.open::<Aes>(keys)).is_ok());
    black_box(GeneralGlo::parse_beginning(&mut apdu).and_then(|e| e.decrypt_unverified::<Aes>(&key)).is_ok());
    let message = Message {
        security_control: SecurityControl(input.len() as u8),
        system_title: [7; 8],
        invocation_counter: input.len() as u32,
        plaintext: input,
    };
    black_box(seal_into::<Aes>(&message, keys, &mut buffer).is_ok());
}

fn cosem_data(input: &[u8]) {
    use mbus_app::cosem::{Clock, CosemUnit, Data, LogicalName, Notification, encode::Encoder};
    let mut out = [0; 256];
    if let Ok(data) = Data::parse(input) {
        black_box(data.encode_into(&mut out).is_ok());
        black_box((data.text(), data.clock().map(Clock::deviation)));
    }
    if let Ok(push) = Notification::parse(input) {
        for reading in push.readings().flatten() {
            black_box((reading.number(), reading.clock(), reading.unit.and_then(CosemUnit::symbol)));
        }
    }
    let mut encoder = black_box(Encoder::new(&mut out));
    encoder.notification(7, None);
    encoder.structure(input.len());
    encoder.name(LogicalName([1, 0, 1, 8, 0, 255]));
    encoder.data(&Data::Octets(input));
    encoder.scaler_unit(0, CosemUnit::WATT);
    black_box(encoder.finish().is_ok());
}

fn obis(input: &[u8]) {
    use mbus_app::record::Records;
    use mbus_link::DeviceType;
    use obis_map::{Context, MeterNumber, ObisCode, ServerId};
    let text = core::str::from_utf8(input).unwrap_or_default();
    let device_type = DeviceType(input.len() as u8);
    let context = black_box(Context::of_telegram(device_type, Records::new(input)));
    for record in Records::new(input).flatten() {
        black_box(context.lookup((&record).into()).is_ok());
    }
    if let Ok(code) = text.parse::<ObisCode>() {
        for template in context.records(code) {
            black_box(template.vib.nth(input.len()));
        }
    }
    let mut out = [0; 16];
    black_box(text.parse::<MeterNumber>().is_ok_and(|number| number.octets().is_ok()));
    if let Ok(id) = ServerId::parse(input) {
        black_box((id.encode_into(&mut out).is_ok(), id.meter_number()));
    }
}

fn commands(input: &[u8]) {
    use mbus_app::command::{ApplicationSelect, ClockCommand, DataCommand, ImageTransfer, Switch};
    use mbus_app::record::builder::{Content, Inline, RecordBuilder};
    use mbus_app::record::{Direction, RecordOptions, Records};
    let mut buffer = [0; 256];
    let options = RecordOptions { direction: Direction::ToDevice, ..RecordOptions::default() };
    for record in Records::with_options(input, options).flatten() {
        black_box((
            record.object_action(),
            Switch::of(&record).map(|switch| switch.record().encoded_len().is_ok()),
        ));
        let Some(command) = DataCommand::of(&record) else { continue };
        black_box(
            command.record().and_then(|record| record.encode_into(&mut buffer).map(|o| o.len())).is_ok(),
        );
    }
    black_box(
        ImageTransfer::parse(input).and_then(|image| image.encode_into(&mut buffer).map(|o| o.len())).is_ok(),
    );
    black_box(ApplicationSelect::parse(input).encode_into(&mut buffer).is_ok());
    if let Ok(clock) = ClockCommand::parse(input) {
        black_box((clock.encode_into(&mut buffer).is_ok(), clock.encode_short_into(&mut buffer).is_ok()));
    }
    if let Some(data) = Inline::new(input) {
        let record = RecordBuilder { content: Content::Inline(data), ..RecordBuilder::default() };
        black_box(record.encode_into(&mut buffer).is_ok());
    }
    let number = mbus_app::decimal::Decimal::new(input.len() as i128, input.len() as i16);
    let binary = RecordBuilder { content: Content::VariableBinary(number), ..RecordBuilder::default() };
    black_box(binary.encode_into(&mut buffer).is_ok());
}

fn telegrams_in_clear(input: &[u8]) {
    use mbus_app::body::Body;
    use mbus_app::ci::CiField;
    use mbus_app::telegram::builder::{NewFrame, TelegramBuilder};
    use mbus_app::tpl::Tpl;
    use mbus_link::{Address, CField, wired::PrimaryAddress};
    let mut buffer = [0; 300];
    let Ok((tpl, rest)) = Tpl::parse_prefix(input) else { return };
    let body = Body::parse(tpl.ci, rest).unwrap_or(Body::Octets(rest));
    black_box(body.encode_into(black_box(CiField(input.len() as u8)), &mut buffer).is_ok());
    let crcs = [None, Some(wmbus_phy::FrameFormat::A), Some(wmbus_phy::FrameFormat::B)];
    for crcs in crcs {
        let link =
            NewFrame::Wireless { c_field: CField::SND_NR, address: Address::WILDCARD, crcs: black_box(crcs) };
        let telegram = TelegramBuilder {
            ell: mbus_link::Ell::parse_prefix(input).map(|(ell, _)| ell).ok(),
            afl: oms_security::afl::Afl::parse_prefix(input, None).map(|(afl, _)| afl).ok(),
            ..TelegramBuilder::new(link, tpl, body)
        };
        black_box((telegram.encoded_len().is_ok(), telegram.encode_into(&mut buffer).is_ok()));
    }
    let wired = TelegramBuilder::wired(CField::SND_UD, PrimaryAddress(input.len() as u8), tpl, body);
    black_box(wired.encode_into(&mut buffer).is_ok());
}

fn built_records(input: &[u8]) {
    use mbus_app::decimal::Decimal;
    use mbus_app::profile::{
        IncrementMode, Point, Profile, ProfileBuilder, ProfileKind, SeriesBuilder, Spacing,
    };
    use mbus_app::readings::Readings;
    use mbus_app::record::builder::{
        Content, Element, NewDib, NewVib, RecordBuilder, RecordsBuilder, Register,
    };
    use mbus_app::record::{DataField, Records};
    let mut buffer = [0; 256];
    for record in Records::new(input).map_while(Result::ok) {
        let elements = [Element::from(&record)];
        black_box(RecordsBuilder { elements: &elements }.encode_into(&mut buffer).is_ok());
        let mut qualifiers = record.qualifiers();
        let qualifiers = [qualifiers.next(), qualifiers.next()];
        let [Some(first), Some(second)] = qualifiers else { continue };
        let wished = RecordBuilder {
            dib: NewDib::Register(Register::of(&record), Some(record.dib().data_field())),
            vib: NewVib::Of(record.quantity(), record.unit(), &[first, second]),
            content: Content::Value(record.value()),
            ..RecordBuilder::default()
        };
        black_box((wished.encoded_len().is_ok(), wished.encode_into(&mut buffer).is_ok()));
        let text = core::str::from_utf8(input).unwrap_or_default();
        let text =
            RecordBuilder { vib: NewVib::PlainText(text, &[first]), content: Content::Text(text), ..wished };
        black_box(text.encode_into(&mut buffer).is_ok());
        if let Ok(profile) = Profile::of(&record) {
            black_box((profile.len(), profile.rest(), profile.entries_in(Records::new(input)).count()));
        }
    }
    black_box(Readings::new(Records::new(input)).map(|reading| reading.storage).max());
    let number = Some(Decimal::new(input.len() as i128, input.len() as i16));
    let profile = ProfileBuilder {
        kind: black_box(ProfileKind::Inverse),
        mode: black_box(IncrementMode::Differences),
        spacing: Spacing::from_codes(input.len() as u8, input.len() as u8),
        element: DataField(input.len() as u8),
        exponent: input.len() as i16,
        base: number,
        values: &[number, None],
    };
    black_box(profile.encode_into(&mut buffer).is_ok());
    let mut readings = Readings::new(Records::new(input));
    let (Some(first), Some(second)) = (readings.next(), readings.next()) else { return };
    let (Some(day), Some(time)) = (first.time, second.time) else { return };
    black_box((readings.clone().on(day.date()).count(), readings.of(first.record.quantity(), day.date())));
    let points = [Point { time: day, value: number }, Point { time, value: number }];
    let series = SeriesBuilder {
        register: Register::of(&first.record),
        quantity: first.record.quantity(),
        unit: first.record.unit(),
        qualifiers: &[],
        kind: black_box(ProfileKind::Compact),
        mode: black_box(IncrementMode::Absolute),
        base: None,
        element: DataField(input.len() as u8),
        points: &points,
    };
    black_box((series.encoded_len().is_ok(), series.encode_into(&mut buffer).is_ok()));
}
