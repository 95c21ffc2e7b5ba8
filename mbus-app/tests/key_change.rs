//! A change of the master key from end to end, in virtual time: the gateway wraps, the meter unwraps, both derive MK', the
//! meter activates it at its time, and the first telegram under MK' arrives. And everything that can go wrong on the way.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::Telegram;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::telegram::builder::{NewFrame, Padding, Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::{Address, CField, CommunicationControl, Ell};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, PreparedKey};
use oms_security::mode::SecurityMode;
use oms_security::profile::{Policy, Profile};
use oms_security::replay::ReplayGuard;
use oms_security::security_information::{
    Block, Blocks, Function, KeyActivation, KeyPurpose, KeyRing, KeyRingError, KeyTransfer, Status,
    Structure, TargetTime, changed_master_key,
};
use oms_security::sender::SenderState;
use wmbus_phy::FrameFormat;

const OLD: [u8; 16] = [0x11; 16];
const WRAPPER: [u8; 16] = [0x77; 16];
/// The random octets from which both sides derive MK'. How they travel is not published: here in key structure 1, in the
/// place of the key.
const Z1: [u8; 16] = *b"\x5A\x01\x9C\x33\xE0\x47\xB2\x88\x10\xFD\x6E\xC4\x72\x0B\x95\xAA";

type Ring = KeyRing<Aes, 8>;

fn prepared(octets: [u8; 16]) -> PreparedKey<Aes> {
    PreparedKey::new(&Key::new(octets))
}
fn meter_address() -> Address {
    Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03])
}
fn at(seconds: i32) -> TargetTime {
    TargetTime::of_seconds(seconds)
}

/// One end: its keys, its counters, and what it has heard.
struct Party {
    ring: Ring,
    to_meter: bool,
    counters: [u32; 4],
    guard: ReplayGuard<8>,
}

impl Party {
    fn new(to_meter: bool) -> Self {
        let mut ring = Ring::new(meter_address());
        ring.install(KeyPurpose::MASTER, 1, prepared(OLD)).unwrap();
        ring.install(KeyPurpose::WRAPPER_10, 1, prepared(WRAPPER)).unwrap();
        Self { ring, to_meter, counters: [1; 4], guard: ReplayGuard::new() }
    }
    fn key(&self, purpose: KeyPurpose, version: u8) -> &PreparedKey<Aes> {
        let key_version = Some(version);
        let request =
            KeyRequest { meter: meter_address(), mode: SecurityMode::NONE, key_id: purpose.0, key_version };
        self.ring.candidate(&request, 0).unwrap()
    }
    /// A frame of profile B with these blocks, under a key that is named by its version.
    fn send(&mut self, blocks: &[Block<'_>], key: &PreparedKey<Aes>, key_version: u8) -> Vec<u8> {
        let to_meter = self.to_meter;
        let count = Count { meter: meter_address(), to_meter, key_id: 0, key_version };
        let counter = &mut self.counters[usize::from(key_version)];
        let mut state = SenderState::new(count, *counter);
        let _kept = state.export(1, 0);
        *counter += 1;
        let (ci, c_field, sender) = if to_meter {
            (0xC3, CField::SND_UD, "AMT".parse().unwrap())
        } else {
            (0xC5, CField::RSP_UD, meter_address().manufacturer)
        };
        let sender = Address { manufacturer: sender, ..meter_address() };
        let ell = Ell { control: CommunicationControl(0x84), access_number: 1, ..Ell::default() };
        let protection =
            Protection { padding: Padding::Counted, tell_key_version: true, ..Protection::of(Profile::B) };
        let header = Header { access_number: 7, ..Header::default() };
        let telegram = TelegramBuilder {
            ell: Some(ell),
            ..TelegramBuilder::new(
                NewFrame::Wireless { c_field, address: sender, crcs: Some(FrameFormat::A) },
                Tpl::of(CiField(ci), meter_address(), header),
                Body::Blocks(blocks),
            )
        };
        let (mut message, mut frame) = ([0; 300], [0; 400]);
        let sealed = telegram.seal_into(&protection, key, &mut state, &mut message).unwrap();
        sealed.frame_into(&mut frame).unwrap().to_vec()
    }
    fn send_under(&mut self, blocks: &[Block<'_>], version: u8) -> Vec<u8> {
        let key = self.key(KeyPurpose::MASTER, version).clone();
        self.send(blocks, &key, version)
    }
}

/// Opens a frame and judges it: its blocks, or why not.
fn receive<P: KeyProvider>(
    frame: &[u8],
    keys: &P,
    guard: &mut ReplayGuard<8>,
    then: impl FnOnce(&[Block<'_>]),
) -> Result<(), &'static str> {
    let mut octets = frame.to_vec();
    let telegram = Telegram::decode_format_a(&mut octets, keys).map_err(|error| error.kind.name())?;
    let fresh = telegram.judge(&Policy::require(Profile::B), guard).map_err(|refusal| refusal.name())?;
    assert!(telegram.is_authenticated());
    if fresh == Some(oms_security::replay::Freshness::Repetition) {
        return Err("repetition");
    }
    let Body::SecurityInformation(octets) = Body::of(&telegram).unwrap() else { panic!("no blocks") };
    let blocks: Vec<Block<'_>> = Blocks::new(octets).map(Result::unwrap).collect();
    then(&blocks);
    Ok(())
}

/// The meter: obeys blocks of keys, and answers each of them with a status.
struct Meter(Party);

impl Meter {
    fn hear(&mut self, frame: &[u8], now: TargetTime) -> Result<Status, &'static str> {
        let Party { ring, guard, .. } = &mut self.0;
        let mut orders = Vec::new();
        let view = &*ring;
        receive(frame, view, guard, |blocks| {
            orders = blocks
                .iter()
                .map(|b| (b.function, b.structure, b.structure_header, b.content.to_vec()))
                .collect();
        })?;
        let [(function, structure, [id, version], content)] = &mut orders[..] else { panic!("one block") };
        let request = KeyRequest {
            meter: meter_address(),
            mode: SecurityMode::NONE,
            key_id: *id,
            key_version: Some(*version),
        };
        let Some(wrapper) = self.0.ring.candidate(&request, 0).cloned() else {
            return Ok(Status::KEY_UNKNOWN);
        };
        Ok(match (*function, *structure) {
            (Function::TRANSFER, Structure::KEY_STRUCTURE_1) => {
                match KeyTransfer::unwrap(&wrapper, content) {
                    Err(error) => {
                        assert_eq!(error.kind.name(), "wrap");
                        Status::KEY_UNKNOWN
                    }
                    Ok(transfer) => self.take(transfer, &wrapper),
                }
            }
            (Function::COMBINED, Structure::KEY_STRUCTURE_3) => {
                let order = KeyActivation::unwrap(&wrapper, content).unwrap();
                self.0.ring.activate(&order, now).unwrap_or_else(|refusal| refusal.status().unwrap())
            }
            _ => Status::FUNCTION_UNKNOWN,
        })
    }
    fn take(&mut self, transfer: KeyTransfer, wrapper: &PreparedKey<Aes>) -> Status {
        let transfer = derived(&self.0.ring, transfer);
        match self.0.ring.take(&transfer, wrapper) {
            Ok(()) => Status::OK,
            Err(refusal) => refusal.status().unwrap(),
        }
    }
}

/// A new master key is derived from the one in force and what was brought; others are what was brought.
fn derived(ring: &Ring, transfer: KeyTransfer) -> KeyTransfer {
    if transfer.purpose != KeyPurpose::MASTER {
        return transfer;
    }
    let request = KeyRequest {
        meter: meter_address(),
        mode: SecurityMode::NONE,
        key_id: KeyPurpose::MASTER.0,
        key_version: None,
    };
    let key = changed_master_key(ring.candidate(&request, 0).unwrap(), transfer.key.octets());
    KeyTransfer { key, ..transfer }
}

fn transfer(purpose: KeyPurpose, version: u8) -> KeyTransfer {
    KeyTransfer { key: Key::new(Z1), target_time: TargetTime::NOW, purpose, version }
}
fn change(on: u8, off: u8, target_time: TargetTime) -> KeyActivation {
    KeyActivation {
        target_time,
        activate: (KeyPurpose::MASTER, on),
        deactivate: (KeyPurpose::MASTER, off),
        option: 0,
    }
}
fn transfer_block<'a>(content: &'a mut [u8], wrapper: &PreparedKey<Aes>, new: &KeyTransfer) -> Block<'a> {
    let content = new.wrap_into(wrapper, content).unwrap();
    let structure_header = [KeyPurpose::WRAPPER_10.0, 1];
    let function = Function::TRANSFER;
    Block { id: 1, function, recipient: 0, structure: Structure::KEY_STRUCTURE_1, structure_header, content }
}
fn change_block<'a>(content: &'a mut [u8], wrapper: &PreparedKey<Aes>, order: &KeyActivation) -> Block<'a> {
    let content = order.wrap_into(wrapper, content).unwrap();
    let structure_header = [KeyPurpose::WRAPPER_10.0, 1];
    let function = Function::COMBINED;
    Block { id: 2, function, recipient: 0, structure: Structure::KEY_STRUCTURE_3, structure_header, content }
}

#[test]
fn the_whole_change() {
    let (mut gateway, mut meter) = (Party::new(true), Meter(Party::new(false)));
    let (mut content, wrapper) = ([0; 32], prepared(WRAPPER));

    // Second 0: an activation of a key that nobody brought.
    let early = gateway.send_under(&[change_block(&mut content, &wrapper, &change(2, 1, at(0)))], 1);
    assert_eq!(meter.hear(&early, at(0)), Ok(Status::KEY_UNKNOWN));

    // Second 10: brought under a key that is not the meter's wrapper.
    let wrong = prepared([0x78; 16]);
    let frame =
        gateway.send_under(&[transfer_block(&mut content, &wrong, &transfer(KeyPurpose::MASTER, 2))], 1);
    assert_eq!(meter.hear(&frame, at(10)), Ok(Status::KEY_UNKNOWN));
    assert!(!format!("{:?}", meter.0.ring).contains("Waiting"), "nothing was taken");

    // Second 20: brought, and kept by both sides; the answer comes under the old key.
    let new = transfer(KeyPurpose::MASTER, 2);
    let brought = gateway.send_under(&[transfer_block(&mut content, &wrapper, &new)], 1);
    assert_eq!(meter.hear(&brought, at(20)), Ok(Status::OK));
    gateway.ring.take(&derived(&gateway.ring, new), &wrapper).unwrap();
    let asked = transfer_block(&mut content, &wrapper, &transfer(KeyPurpose::MASTER, 2));
    let answer = meter.0.send_under(&[asked.answered(&[Status::OK.0])], 1);
    receive(&answer, &gateway.ring, &mut gateway.guard, |blocks| {
        assert_eq!((blocks[0].id, blocks[0].status()), (1, Some(Status::OK)));
    })
    .unwrap();

    // Second 25: the transfer once more, as it was sent, and again as a new telegram.
    assert_eq!(meter.hear(&brought, at(25)), Err("repetition"));
    let again =
        gateway.send_under(&[transfer_block(&mut content, &wrapper, &transfer(KeyPurpose::MASTER, 2))], 1);
    assert_eq!(meter.hear(&again, at(25)), Ok(Status::KEY_UNKNOWN));
    assert_eq!(meter.hear(&brought, at(26)), Err("replay"));
    assert_eq!(meter.hear(&early, at(26)), Err("replay"));

    // Second 30: MK' waits, so nothing opens with it yet, on neither side.
    let next = changed_master_key(&prepared(OLD), &Z1);
    let next = PreparedKey::<Aes>::new(&next);
    let list = Block::request(3, Function::LIST_ALL, Structure::STATUS_0, [0; 2]);
    let ahead_of_time = gateway.send(&[list], &next, 2);
    assert_eq!(meter.hear(&ahead_of_time, at(30)), Err("key_missing"));

    // Second 40: to be activated in second 100.
    let order = change(2, 1, at(100));
    let ordered = gateway.send_under(&[change_block(&mut content, &wrapper, &order)], 1);
    assert_eq!(meter.hear(&ordered, at(40)), Ok(Status::SCHEDULED));
    assert_eq!(meter.0.ring.poll_timeout(), Some(at(100)));
    assert_eq!(meter.0.ring.handle_timeout(at(99)), Ok(None));
    let still_old = gateway.send_under(&[list], 1);
    assert_eq!(
        meter.hear(&still_old, at(99)),
        Ok(Status::KEY_UNKNOWN),
        "no key list in this meter, but heard"
    );
    let ahead_of_time = gateway.send(&[list], &next, 2);
    assert_eq!(meter.hear(&ahead_of_time, at(99)), Err("key_missing"));

    // Second 100: done. The meter's next telegram is under MK'; the gateway, which has no answer yet, finds it among the
    // keys that wait, and follows.
    assert_eq!(meter.0.ring.handle_timeout(at(100)), Ok(Some(order)));
    let done = Block { id: 2, ..change_block(&mut content, &wrapper, &order) };
    let first = meter.0.send_under(&[done.answered(&[Status::OK.0])], 2);
    let refused = receive(&first, &gateway.ring, &mut gateway.guard, |_| panic!("not in force"));
    assert_eq!(refused, Err("key_missing"));
    let mut status = None;
    receive(&first, &gateway.ring.ahead(), &mut gateway.guard, |blocks| status = blocks[0].status()).unwrap();
    assert_eq!(status, Some(Status::OK));
    assert_eq!(gateway.ring.activate(&change(2, 1, TargetTime::NOW), at(101)), Ok(Status::OK));
    let down = gateway.send_under(&[list], 2);
    assert_eq!(meter.hear(&down, at(110)), Ok(Status::KEY_UNKNOWN));

    // Second 120: no way back. What was sealed under MK opens no more, and an order to go back is refused, also one of the
    // right key and wrapper.
    let old = prepared(OLD);
    for frame in [gateway.send(&[list], &old, 1), brought, ordered, still_old] {
        assert_eq!(meter.hear(&frame, at(120)), Err("key_missing"));
    }
    let back = gateway.send_under(&[change_block(&mut content, &wrapper, &change(1, 2, at(0)))], 2);
    assert_eq!(meter.hear(&back, at(120)), Ok(Status::KEY_UNKNOWN));
    let older =
        gateway.send_under(&[transfer_block(&mut content, &wrapper, &transfer(KeyPurpose::MASTER, 1))], 2);
    assert_eq!(meter.hear(&older, at(120)), Ok(Status::KEY_UNKNOWN));
    assert_eq!(meter.0.ring.version_in_force(KeyPurpose::MASTER), Some(2));
    assert_eq!(meter.0.ring.deactivate(KeyPurpose::MASTER, 2), Err(KeyRingError::LastMasterKey));
}

/// MK' of two sides that began with different keys is not one key, and not the old key: what a wrong start looks like.
#[test]
fn different_master_keys_give_different_successors() {
    let mark = |key: &Key| *key.octets();
    let right = mark(&changed_master_key(&prepared(OLD), &Z1));
    assert_eq!(right, mark(&changed_master_key(&prepared(OLD), &Z1)));
    assert_ne!(right, mark(&changed_master_key(&prepared([0x12; 16]), &Z1)));
    for bit in 0..128 {
        let mut z1 = Z1;
        z1[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(right, mark(&changed_master_key(&prepared(OLD), &z1)), "bit {bit}");
    }
    assert_ne!(right, OLD);
}

/// A key for one kind of command is replaced in the same way, without a derivation.
#[test]
fn a_key_for_breakers_is_replaced() {
    let (mut gateway, mut meter) = (Party::new(true), Meter(Party::new(false)));
    let (mut content, wrapper) = ([0; 32], prepared(WRAPPER));
    meter.0.ring.install(KeyPurpose::BREAKER, 1, prepared([0x20; 16])).unwrap();
    let new = transfer(KeyPurpose::BREAKER, 2);
    let frame = gateway.send_under(&[transfer_block(&mut content, &wrapper, &new)], 1);
    assert_eq!(meter.hear(&frame, at(0)), Ok(Status::OK));
    let order = KeyActivation {
        activate: (KeyPurpose::BREAKER, 2),
        deactivate: (KeyPurpose::BREAKER, 1),
        ..change(0, 0, TargetTime::NOW)
    };
    let frame = gateway.send_under(&[change_block(&mut content, &wrapper, &order)], 1);
    assert_eq!(meter.hear(&frame, at(1)), Ok(Status::OK));
    let mark = |key: &PreparedKey<Aes>| *oms_security::kdf::cmac(key, &[]);
    assert_eq!(mark(meter.0.key(KeyPurpose::BREAKER, 2)), mark(&prepared(Z1)));
    assert_eq!(meter.0.ring.version_in_force(KeyPurpose::MASTER), Some(1), "the master key is as it was");
    // A time that the meter cannot compare.
    let frame = gateway.send_under(
        &[change_block(&mut content, &wrapper, &KeyActivation { target_time: TargetTime::INVALID, ..order })],
        1,
    );
    assert_eq!(meter.hear(&frame, at(2)), Ok(Status::KEY_UNKNOWN), "version 1 is gone");
    let frame = gateway.send_under(
        &[transfer_block(
            &mut content,
            &wrapper,
            &KeyTransfer { target_time: TargetTime::INVALID, ..transfer(KeyPurpose::BREAKER, 3) },
        )],
        1,
    );
    assert_eq!(meter.hear(&frame, at(3)), Ok(Status::TARGET_TIME));
}
