//! One function per public entry point of the five crates, linked without a panic handler.
#![no_std]

use core::hint::black_box;
use core::panic::PanicInfo;

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    unsafe { a_panic_is_reachable() }
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
    link(input);
    wireless_frames(input);
    wireless_access(input);
    wireless_relay(input);
    0
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
        black_box(NominalInterval::estimate(nominal.before(octet), octet, 7));
    }
    let mut status = black_box(LinkStatus::new());
    status.observe(now, control, octet);
    black_box(status.silent_for(now));
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
