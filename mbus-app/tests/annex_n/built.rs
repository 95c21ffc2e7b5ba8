//! The same frames from the other end: built from plain fields, octet for octet as printed.

use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::builder::{NewFrame, Padding, Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, CField, CommunicationControl, Ell, wired, wireless};
use oms_security::configuration::Configuration;
use oms_security::count::Count;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::Profile;
use oms_security::security_information::{Blocks, KeyPurpose, SecuredBlock, Status};
use oms_security::sender::SenderState;
use wmbus_phy::{FrameFormat, format_a};

use super::hex;
use super::printed::PRINTED;

/// The key of N.2.1 and N.7, that of N.8, and that of all others.
const KEY_A: &str = "0102030405060708090A0B0C0D0E0F11";
const KEY_CLOCK: &str = "82B0551191F51D66EFCDAB8967452301";
const KEY: &str = "000102030405060708090A0B0C0D0E0F";
/// The key for breakers (N.12).
const KEY_BREAKER: &str = "08154711081547110815471108154711";

/// Manufacturer, number, version, device type: as the link layer has them.
fn address(text: &str) -> Address {
    Address::from_link_octets(hex(text).try_into().unwrap())
}
/// The number first: as the transport header has them.
fn named(text: &str) -> Address {
    Address::from_transport_octets(hex(text).try_into().unwrap())
}
/// CC, access number and receiver of an extended link layer.
fn ell(control: u8, access_number: u8, receiver: Option<&str>) -> Option<Ell> {
    let control = CommunicationControl(control);
    Some(Ell { control, access_number, receiver: receiver.map(address), session: None })
}
fn key(text: &str) -> PreparedKey<Aes> {
    PreparedKey::new(&text.parse::<Key>().unwrap())
}
/// A frame, and the extended link layer in it.
type Link = (NewFrame, Option<Ell>);

fn radio(c_field: CField, sender: &str, ell: Option<Ell>) -> Link {
    (NewFrame::Wireless { c_field, address: address(sender), crcs: Some(FrameFormat::A) }, ell)
}
fn bus(c_field: CField, address: u8) -> Link {
    (NewFrame::Wired { c_field, address: PrimaryAddress(address) }, None)
}
/// A telegram with access number, status and body.
fn told<'a>(
    (frame, ell): Link,
    ci: u8,
    meter: Address,
    access_number: u8,
    status: u8,
    body: &'a [u8],
) -> TelegramBuilder<'a> {
    let header = Header { access_number, status, ..Header::default() };
    let tpl = Tpl::of(CiField(ci), meter, header);
    TelegramBuilder { ell, ..TelegramBuilder::new(frame, tpl, Body::Octets(body)) }
}
/// The same with bits of the configuration field that are the sender's choice.
fn with_flags(telegram: TelegramBuilder<'_>, field: u16) -> TelegramBuilder<'_> {
    let configuration = Configuration { field, ..Configuration::default() };
    let tpl = telegram.tpl.unwrap();
    let header = tpl.header.map(|header| Header { configuration, ..header });
    TelegramBuilder { tpl: Some(Tpl { header, ..tpl }), ..telegram }
}

/// Builds a telegram without security, by both ways there are.
fn clear(telegram: &TelegramBuilder<'_>) -> Vec<Vec<u8>> {
    let built = build(telegram, &Protection::of(Profile::None), KEY, 0, &[]);
    assert_eq!(built, [telegram.encode_into(&mut [0; 300]).unwrap()]);
    built
}
/// Seals a telegram as a profile says and nothing special.
fn seal(telegram: &TelegramBuilder<'_>, profile: Profile, key: &str, counter: u32) -> Vec<Vec<u8>> {
    build(telegram, &Protection::of(profile), key, counter, &[])
}
/// Seals a telegram with the first counter given, and cuts it where the annex does.
fn build(
    telegram: &TelegramBuilder<'_>,
    protection: &Protection<'_>,
    key_text: &str,
    counter: u32,
    cuts: &[usize],
) -> Vec<Vec<u8>> {
    let to_meter = telegram.direction() == mbus_app::record::Direction::ToDevice;
    let meter = telegram.meter().unwrap();
    let mut state = SenderState::new(Count { meter, to_meter, key_id: 0, key_version: 0 }, counter);
    state.export(1, 0);
    let mut buffer = vec![0; telegram.message_len(protection).unwrap()];
    let sealed = match protection.profile {
        Profile::None => telegram.clear_into(protection, &mut buffer).unwrap(),
        _ => telegram.seal_into(protection, &key(key_text), &mut state, &mut buffer).unwrap(),
    };
    let mut frames = sealed.frames(255).unwrap();
    let mut cuts = cuts.iter();
    let mut built = Vec::new();
    let mut out = [0; 300];
    while let Some(frame) = frames.next_into(cuts.next().copied().unwrap_or(255), &mut out).unwrap() {
        built.push(frame.to_vec());
    }
    built
}

/// Compares with the frames whose sections begin so, and says which they were.
fn expect(section: &str, built: &[Vec<u8>], seen: &mut Vec<&'static str>) {
    let printed: Vec<_> = PRINTED.iter().filter(|printed| printed.section.starts_with(section)).collect();
    assert_eq!(printed.len(), built.len(), "{section}");
    for (printed, built) in printed.into_iter().zip(built) {
        assert_eq!(*built, hex(printed.frame), "{}", printed.section);
        seen.push(printed.section);
    }
}

const GAS: &str = "9315785634123303";
const ADAPTER: &str = "2448443322110337";
const GATEWAY: &str = "3A63665544330A31";
const GAS_RECORDS: &str = "0C1427048502046D32371F1502FD170000";
const HISTORY: &str = "0C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010420078310010540030180086190064240003410002FD170000";

fn gas_meter(seen: &mut Vec<&'static str>) {
    let records = hex(GAS_RECORDS);
    let body = &records[..];
    let meter = address(GAS);
    let a = told(radio(CField::SND_NR, GAS, None), 0x7A, meter, 42, 0, body);
    // Synchronous.
    expect("N.2.1", &seal(&with_flags(a, 0x2000), Profile::A, KEY_A, 0), seen);
    expect("N.2.2", &clear(&told(bus(CField::RSP_UD, 0xFD), 0x72, meter, 42, 0, body)), seen);

    let link = radio(CField::SND_NR, GAS, ell(0x20, 0x75, None));
    let telegram = told(link, 0x7A, meter, 0x75, 0, body);
    expect("N.2.3", &seal(&telegram, Profile::B, KEY, 2739), seen);
    expect("N.2.6", &seal(&telegram, Profile::D, KEY, 2739), seen);

    let link = radio(CField(0x7B), GATEWAY, ell(0x84, 0x75, Some(ADAPTER)));
    expect("N.2.4 gateway", &clear(&told(link, 0x80, meter, 0x75, 0x17, &[])), seen);
    let link = radio(CField::RSP_UD, ADAPTER, ell(0x80, 0x75, Some(GATEWAY)));
    let relayed = told(link, 0x72, meter, 0x75, 0, body);
    expect("N.2.4 gas", &seal(&relayed, Profile::B, KEY, 2739), seen);
    let on_the_bus = told(bus(CField::RSP_UD, 3), 0x72, meter, 0x75, 0, &records[..12]);
    expect("N.2.5", &seal(&on_the_bus, Profile::B, KEY, 2739), seen);
}

fn fragments(seen: &mut Vec<&'static str>) {
    let records = hex(HISTORY);
    let link = |sender| radio(CField::RSP_UD, sender, ell(0x80, 0x11, Some(GATEWAY)));
    let (b, d) = ("496A785634120107", "A73D785634120107");
    let by_radio = |sender| told(link(sender), 0x7A, address(sender), 5, 0, &records);
    let wired = told(bus(CField::RSP_UD, 3), 0x72, named("7856341293441007"), 5, 0, &records);
    for (telegram, profile, counter, cuts, sections) in [
        (by_radio(b), Profile::B, 2739, [26, 33, 33], ["N.3.3 fragment", "N.3.4 fragment", "N.3.5 fragment"]),
        (
            wired,
            Profile::A,
            0,
            [33, 33, 33],
            ["N.4.3 wired fragment", "N.4.4 wired fragment", "N.4.5 wired fragment"],
        ),
        (by_radio(d), Profile::D, 2739, [29, 33, 33], ["N.5.3 fragment", "N.5.4 fragment", "N.5.5 fragment"]),
    ] {
        let protection = Protection { fragmented: true, ..Protection::of(profile) };
        let frames = build(&telegram, &protection, KEY, counter, &cuts);
        assert_eq!(frames.len(), sections.len());
        for (section, frame) in sections.into_iter().zip(&frames) {
            expect(section, core::slice::from_ref(frame), seen);
        }
    }
}

/// The requests between the fragments: on the wired bus short frames, by radio an extended link layer and, in the
/// first one, the meter's address.
fn requests(seen: &mut Vec<&'static str>) {
    for (section, meter) in [("N.3", "496A785634120107"), ("N.5", "A73D785634120107")] {
        let link = radio(CField(0x7B), GATEWAY, ell(0x84, 0x11, None));
        let first = told(link, 0x80, address(meter), 5, 0x17, &[]);
        expect(&format!("{section}.3 REQ"), &clear(&first), seen);
        for (number, c_field, access_number) in [(4, 0x5B, 0x12), (5, 0x7B, 0x13)] {
            let ell = ell(0x84, access_number, Some(meter)).unwrap().to_octets();
            let frame =
                wireless::FrameBuilder { c_field: CField(c_field), address: address(GATEWAY), payload: &ell };
            let (mut stripped, mut out) = ([0; 64], [0; 64]);
            let stripped = frame.encode_into(&mut stripped).unwrap();
            let octets = format_a::encode_into(stripped, &mut out).unwrap().to_vec();
            expect(&format!("{section}.{number} REQ"), &[octets], seen);
        }
    }
    for (number, fcb) in [(3, true), (4, false), (5, true)] {
        let c_field = CField::REQ_UD2.with_fcb(fcb);
        let frame = wired::Frame::Short { c_field, address: PrimaryAddress(0xFD) };
        let octets = frame.encode_into(&mut [0; 5]).unwrap().to_vec();
        expect(&format!("N.4.{number} wired REQ"), &[octets], seen);
    }
}

trait ToOctets {
    fn to_octets(&self) -> Vec<u8>;
}
impl ToOctets for Ell {
    fn to_octets(&self) -> Vec<u8> {
        self.encode_into(&mut [0; 17]).unwrap().to_vec()
    }
}

fn heat_cost_allocator(seen: &mut Vec<&'static str>) {
    let adapter = "9344443322115537";
    let meter = named("8877665593445508");
    let link = radio(CField::ACC_NR, adapter, ell(0x20, 0x75, None));
    expect("N.6.2", &clear(&told(link, 0x8B, meter, 0xFF, 4, &[])), seen);
    let (records, trailer) = (hex("0B6E341200426CFE044B6E563402"), hex("0CFD1078563412"));
    let link = radio(CField::SND_NR, adapter, ell(0x00, 0x75, None));
    let partly = told(link, 0x72, meter, 0, 4, &records);
    let protection = Protection { clear: &trailer, ..Protection::of(Profile::A) };
    expect("N.6.3", &build(&partly, &protection, KEY, 0, &[]), seen);
    let trailer = hex("0CFD10785634120C7844332211");
    let protection = Protection { clear: &trailer, ..protection };
    let on_the_bus = told(bus(CField::RSP_UD, 0xFD), 0x72, meter, 0, 4, &records);
    expect("N.6.4", &build(&on_the_bus, &protection, KEY, 0, &[]), seen);
}

fn installation_clock_and_selection(seen: &mut Vec<&'static str>) {
    let identity = hex(
        "0DFD0C0434474B420AFD0D05010AFD0E01010AFD0F00010DFD1021383736353433323130303030303030303030303034373039343635343332314544",
    );
    let link = radio(CField::SND_IR, GAS, ell(0x80, 0x45, None));
    let install = told(link, 0x7A, address(GAS), 1, 0, &identity);
    // Static content.
    expect("N.7 SND-IR", &seal(&with_flags(install, 0x0008), Profile::A, KEY_A, 0), seen);
    let from = |c_field, sender, control, access| radio(c_field, sender, ell(control, access, None));
    let link = from(CField::CNF_IR, GATEWAY, 0x84, 0x45);
    expect("N.7 CNF-IR", &clear(&told(link, 0x80, address(GAS), 1, 0x19, &[])), seen);

    let (valve, gateway) = (named("4422759293440007"), "2423563412900831");
    let clock = hex("013201000000000000002F2F2F2F");
    let adjust = told(from(CField::SND_UD, gateway, 0x84, 0x51), 0x6C, valve, 0x7D, 0, &clock);
    expect("N.8.2 SND-UD", &seal(&adjust, Profile::A, KEY_CLOCK, 0), seen);
    let link = from(CField::ACK, "2423026188432907", 0x80, 0x51);
    expect("N.8.2 ACK", &clear(&told(link, 0x8B, valve, 0x7D, 2, &[])), seen);

    let (allocator, records) = ("6850785634128F08", hex("036E393000426C3F1C436EA05B00"));
    let link = from(CField::RSP_UD, allocator, 0x80, 0x15);
    let selected = told(link, 0x7A, address(allocator), 2, 0, &records);
    expect("N.9 RSP-UD selected", &seal(&selected, Profile::A, KEY, 0), seen);
    let error = told(link, 0x6E, address(allocator), 2, 2, &[1]);
    expect("N.9 RSP-UD application", &clear(&error), seen);
}

fn access_on_demand_and_reset(seen: &mut Vec<&'static str>) {
    let (meter, gateway) = ("B05C114715081137", "3A63785634120231");
    for (section, c_field, sender, control, access, ci, header, access_number, status) in [
        ("N.10 ACC-DMD", CField::ACC_DMD, meter, 0xA0, 0x51, 0x8B, "16685438386B1907", 0x51, 0x00),
        ("N.10 ACK", CField::ACK, gateway, 0x80, 0x51, 0x80, "16685438386B1907", 0x51, 0x17),
        ("N.11", CField::SND_NKE, "3A63998877660C31", 0x84, 0x32, 0x80, "443322119344100A", 0x03, 0x20),
    ] {
        let link = radio(c_field, sender, ell(control, access, None));
        expect(section, &clear(&told(link, ci, named(header), access_number, status, &[])), seen);
    }
}

fn breaker(seen: &mut Vec<&'static str>) {
    let (switch, gateway) = ("3A63785634125520", "3A63214365870831");
    let meter = address(switch);
    let link = radio(CField::SND_NR, switch, ell(0xA4, 0xE5, None));
    let state = told(link, 0x7A, meter, 0x75, 0, &[0x01, 0xFD, 0x1F, 0x01]);
    expect("N.12.1", &seal(&state, Profile::B, KEY, 2739), seen);

    let count = Count { meter, to_meter: true, key_id: KeyPurpose::BREAKER.0, key_version: 0 };
    let mut breaker_key = SenderState::new(count, 15);
    breaker_key.export(1, 0);
    let command = SecuredBlock { message: &[0x01, 0xFD, 0x1F, 0x00], ..SecuredBlock::default() };
    let mut buffer = [0; 64];
    let command = command.seal_into(&key(KEY_BREAKER), &mut breaker_key, &mut buffer).unwrap().to_vec();
    let link = radio(CField::SND_UD2, gateway, ell(0x84, 0x23, None));
    let open = told(link, 0xC3, meter, 0x51, 0x20, &command);
    expect("N.12.2", &seal(&open, Profile::B, KEY, 2800), seen);

    let block = Blocks::new(&command).next().unwrap().unwrap();
    let done = block.done().encode_into(&mut [0; 64]).unwrap().to_vec();
    let link = radio(CField::RSP_UD, switch, ell(0x84, 0x23, None));
    let success = told(link, 0xC4, meter, 0x51, 0, &done);
    expect("N.12.3", &seal(&success, Profile::B, KEY, 2801), seen);

    let unknown = block.answered(&[Status::KEY_UNKNOWN.0]).encode_into(&mut [0; 64]).unwrap().to_vec();
    let failure = told(link, 0xC4, meter, 0x51, 0x02, &unknown);
    let protection = Protection { padding: Padding::Counted, ..Protection::of(Profile::B) };
    expect("N.12.4", &build(&failure, &protection, KEY, 2801, &[]), seen);
}

fn profile_of_the_day(seen: &mut Vec<&'static str>) {
    let sender = "A73D785634120102";
    let records = hex(
        "0E026099010000000E823C513000000000CD016DE20330CE0103951900000000CD01831330410801030507090806040200000000000000000000000103050709080604020000000000000000000000010305070908CE01833C050300000000CD0183BC1330410800000000000000000000010305070908060402000000000000000000000001030507090806040200000000000000C101740302FD971D0000",
    );
    let link = radio(CField::SND_NR, sender, ell(0x20, 0x0A, None));
    let telegram = told(link, 0x7A, address(sender), 0x0A, 0, &records);
    expect("N.13", &seal(&telegram, Profile::B, KEY, 2739), seen);
}

#[test]
fn every_frame_is_built_octet_for_octet() {
    let mut seen = Vec::new();
    gas_meter(&mut seen);
    fragments(&mut seen);
    requests(&mut seen);
    heat_cost_allocator(&mut seen);
    installation_clock_and_selection(&mut seen);
    access_on_demand_and_reset(&mut seen);
    breaker(&mut seen);
    profile_of_the_day(&mut seen);
    let missing: Vec<_> = PRINTED.iter().filter(|printed| !seen.contains(&printed.section)).collect();
    assert_eq!(missing.iter().map(|printed| printed.section).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(seen.len(), 42);
}
