//! Opens secured telegrams whose length, CRCs, MAC and tag are right: the mutator opens a telegram, changes it in
//! clear and seals it again, so that what it changes is reached.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use mbus_app::body::Body;
use mbus_app::ci::{CiDirection, CiField};
use mbus_app::command::SecuredCommand;
use mbus_app::telegram::builder::{Padding, Protection, TelegramBuilder};
use mbus_app::telegram::{BodyState, Link};
use mbus_app::tpl::{Header, Tpl};
use mbus_app::{Input, Telegram};
use mbus_link::time::{Duration, Instant};
use mbus_link::{Address, CField, Ell};
use oms_security::afl::{Afl, AflMessage};
use oms_security::count::Count;
use oms_security::ell_cipher;
use oms_security::key::{Aes, Key, KeyProvider, KeyRequest, PreparedKey};
use oms_security::legacy::{DesCandidate, DesKey};
use oms_security::profile::Profile;
use oms_security::reassembly::{Channel, Fragments, Reassembler};
use oms_security::sealed::{Direction, SecurityContext, open, seal};
use oms_security::security_information::{
    Block, Blocks, KeyPurpose, Protocol, SecuredBlock, SecuredData, Structure,
};
use oms_security::sender::SenderState;
use oms_security::{kdf, mode8, mode9, mode13};

struct Keys(PreparedKey<Aes>, DesKey);

impl Keys {
    fn new() -> Self {
        Self(PreparedKey::new(&Key::new([0x2F; 16])), DesKey::new([0x2F; 8]))
    }
}

impl KeyProvider for Keys {
    type Cipher = Aes;
    fn candidate(&self, _: &KeyRequest, n: usize) -> Option<&PreparedKey<Aes>> {
        (n == 0).then_some(&self.0)
    }
    fn des_candidate(&self, _: &KeyRequest, n: usize) -> Option<DesCandidate<'_>> {
        (n == 0).then_some(DesCandidate { key: &self.1, day: [0xB5, 0x3B] })
    }
}

/// Where the layers of a stripped frame lie.
struct Layers {
    sender: Address,
    ell: Option<Ell>,
    afl: Option<(usize, Afl)>,
    tpl_at: usize,
    tpl: Tpl,
    body: usize,
}

fn layers(frame: &[u8]) -> Option<Layers> {
    let sender = Address::from_link_octets(frame.get(2..10)?.try_into().ok()?);
    let mut at = 10;
    let ell = Ell::parse_optional(frame.get(at..)?).ok()?.0;
    at += ell.map_or(0, |ell| ell.encoded_len());
    let mut afl = None;
    if frame.get(at) == Some(&0x90) {
        let (parsed, rest) = Afl::parse_prefix(&frame[at..], None).ok()?;
        afl = Some((at, parsed));
        at = frame.len() - rest.len();
    }
    let (tpl, body) = Tpl::parse_prefix(frame.get(at..)?).ok()?;
    Some(Layers { sender, ell, afl, tpl_at: at, tpl, body: frame.len() - body.len() })
}

fn context(found: &Layers, direction: Direction) -> Option<SecurityContext> {
    let header = found.tpl.header?;
    Some(SecurityContext {
        meter: found.tpl.address.unwrap_or(found.sender),
        access_number: header.access_number,
        direction,
        configuration: header.configuration,
        afl: found.afl.map(|(_, afl)| AflMessage::from(afl)),
    })
}

/// Makes the MACs inside blocks of security information right.
fn repair_blocks(body: &mut [u8], key: &PreparedKey<Aes>) {
    let mut at = if body.starts_with(&[0x2F, 0x2F]) { 2 } else { 0 };
    let sent = body.to_vec();
    for block in Blocks::new(&sent[at..]).map_while(Result::ok) {
        at += block.encoded_len();
        let mac = match block.structure {
            Structure::CMAC_8 => 8,
            Structure::CMAC_16 => 16,
            _ => continue,
        };
        let Some(covered) = block.content.len().checked_sub(mac) else { continue };
        body[at - mac..at].copy_from_slice(&kdf::cmac(key, &[&block.content[..covered]])[..mac]);
    }
}

/// What security information says: the commands behind good MACs come back as they were read.
fn information(telegram: &Telegram<'_>, keys: &Keys) {
    let Ok(Body::SecurityInformation(octets)) = Body::of(telegram) else { return };
    let ci = telegram.tpl().unwrap().ci;
    let blocks: Vec<Block<'_>> = Blocks::new(octets).map(Result::unwrap).collect();
    let mut again = vec![0; octets.len()];
    assert_eq!(Body::Blocks(&blocks).encode_into(ci, &mut again).unwrap(), octets);
    for block in blocks {
        let Ok((data, used)) = SecuredData::open(&block, Address::default(), keys) else { continue };
        assert_eq!((used.counter, used.count.direction), (data.key_counter, None));
        let Ok(command) = SecuredCommand::of(&data) else { continue };
        let words = command.to_string();
        assert!(words.len() < 100 + 400 * data.message.len(), "{words}");
        assert!(command.data_commands().count() <= data.message.len());
        let purpose = command.purpose();
        assert_eq!(
            command.check_purpose(block.key_purpose()).is_err(),
            purpose.is_some_and(|p| p != block.key_purpose())
        );
        let Ok(len) = command.encoded_len() else { continue };
        let mut message = vec![0; len];
        let message = command.encode_into(&mut message).unwrap();
        assert!(matches!(command, SecuredCommand::Clock(_)) || message == data.message);
        assert_eq!(SecuredCommand::parse(data.protocol, message), Ok(command));
    }
}

/// Makes L, MAC, tag and payload CRC right: seals what is in clear.
fn repair(frame: &mut [u8], keys: &Keys) -> Option<()> {
    *frame.first_mut()? = u8::try_from(frame.len() - 1).ok()?;
    let found = layers(frame)?;
    let direction = match found.tpl.ci.row().direction {
        CiDirection::ToDevice => Direction::ToMeter,
        _ => Direction::FromMeter,
    };
    if let Some(context) = context(&found, direction) {
        if context.configuration.mode().0 == 5 || context.configuration.mode().0 == 7 {
            frame.get_mut(found.body..found.body + 2)?.copy_from_slice(&[0x2F, 0x2F]);
        }
        if (0xC3..=0xC6).contains(&found.tpl.ci.0) {
            repair_blocks(frame.get_mut(found.body..)?, &keys.0);
        }
        let body = found.body - found.tpl_at;
        let mac = seal(&context, &mut frame[found.tpl_at..], body, &keys.0).ok()?;
        if let (Some((at, afl)), Some(mac)) = (found.afl, mac) {
            Afl { mac: Some(mac), ..afl }.encode_into(&mut frame[at..found.tpl_at]).ok()?;
        }
    }
    if let Some(ell) = found.ell {
        ell_cipher::seal_in_place(&ell, found.sender, &mut frame[10..], &keys.0).ok()?;
    }
    Some(())
}

/// A telegram with a secured command, of any octets, from or to the meter.
fn with_command(data: &[u8], seed: u32, keys: &Keys) -> Option<Vec<u8>> {
    let [octet, kind, ..] = seed.to_le_bytes();
    let to_meter = octet & 0x10 != 0;
    let meter = Address::from_link_octets([0x93, 0x15, 0x78, 0x56, 0x34, 0x12, 0x33, 0x03]);
    let state = |key_id| {
        let mut state = SenderState::new(Count { meter, to_meter, key_id, key_version: 0 }, seed);
        let _kept = state.export(1, 0);
        state
    };
    let block = SecuredBlock {
        protocol: Protocol([1, 4, 6, kind][usize::from(kind % 4)]),
        structure: if octet & 0x20 == 0 { Structure::CMAC_8 } else { Structure::CMAC_16 },
        message: data.get(..data.len().min(60))?,
        ..SecuredBlock::default()
    };
    let mut body = vec![0; block.encoded_len()];
    block.seal_into(&keys.0, &mut state(KeyPurpose::TABLE[usize::from(octet) % 20].0.0), &mut body).ok()?;
    let (ci, c_field) = if to_meter { (0xC3, CField::SND_UD) } else { (0xC5, CField::RSP_UD) };
    let profile = if octet & 0x40 == 0 { Profile::B } else { Profile::D };
    let tpl = Tpl::of(CiField(ci), meter, Header::default());
    let telegram = TelegramBuilder::wireless(c_field, meter, tpl, Body::Octets(&body));
    let padding = if profile == Profile::B { Padding::Counted } else { Padding::Fillers };
    let protection = Protection { padding, ..Protection::of(profile) };
    let mut message = vec![0; telegram.message_len(&protection).ok()?];
    let sealed = telegram.seal_into(&protection, &keys.0, &mut state(0), &mut message).ok()?;
    sealed.frame_into(&mut [0; 300]).ok().map(|frame| frame.to_vec())
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let keys = Keys::new();
    // In clear, if it opens.
    let mut clear = data[..size].to_vec();
    if Telegram::decode_stripped(&mut clear, &keys).is_ok() && clear.len() == size {
        data[..size].copy_from_slice(&clear);
    }
    let size = fuzzer_mutate(data, size, max_size);
    if seed % 16 == 1 {
        if let Some(frame) =
            with_command(&data[..size], seed >> 4, &keys).filter(|frame| frame.len() <= max_size)
        {
            data[..frame.len()].copy_from_slice(&frame);
            return frame.len();
        }
    }
    if seed % 8 != 0 {
        let mut sealed = data[..size].to_vec();
        if repair(&mut sealed, &keys).is_some() {
            data[..size].copy_from_slice(&sealed);
        }
    }
    size
});

/// Decodes, and holds what must hold of every answer.
fn decode(frame: &[u8], input: Input, keys: &Keys) -> bool {
    let mut octets = frame.to_vec();
    let lax = Telegram::decode_lax(&mut octets, input, keys);
    let telegram = lax.telegram;
    let authenticated = telegram.is_authenticated();
    if let Some(error) = lax.stopped {
        assert!(error.offset <= frame.len(), "an error behind the octets");
        assert!(!matches!(telegram.state(), BodyState::Opened(_)) || !telegram.body().is_empty());
    }
    if let BodyState::Opened(opening) = telegram.state() {
        assert!(opening.enciphered <= telegram.body().len());
        assert!(opening.counter.is_none() || opening.authenticated);
    }
    let _ = telegram.tls_records().count();
    information(&telegram, keys);
    let closed = lax.stopped.is_some() && telegram.ell_opening().is_none();
    if closed && input == Input::Stripped {
        assert_eq!(octets, frame, "a refusal changed the octets");
    }
    authenticated
}

/// Cuts the message, puts it together again, and wants the same.
fn fragments(message: &[u8], afl: AflMessage, room: usize) {
    // Reserved bits of FCL are a frame's own and not the message's: fragments that are cut have none.
    let afl = AflMessage { message_length: u16::try_from(message.len()).ok(), reserved: 0, ..afl };
    let Ok(mut cut) = Fragments::new(afl, message, message.len().max(1)) else { return };
    let mut store = Reassembler::<2, 400>::new(Duration::from_secs(1));
    while let Ok(Some((part, octets))) = cut.next_within(room) {
        assert!(part.encoded_len() + octets.len() <= room);
        match store.push(Instant::ZERO, Channel::Wired(1), true, &part, octets) {
            Ok(Some(whole)) => assert_eq!((&*whole.octets, whole.afl), (message, afl)),
            Ok(None) => assert!(cut.remaining() > 0),
            Err(_) => return,
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let keys = Keys::new();
    for input in [Input::Wired, Input::FormatA, Input::FormatB] {
        decode(data, input, &keys);
    }
    if let Some((length, _)) = data.split_first() {
        if usize::from(*length) + 1 == data.len() {
            let mut air = [0; 400];
            if let Ok(air) = wmbus_phy::format_a::encode_into(data, &mut air) {
                assert_eq!(decode(air, Input::FormatA, &keys), decode(data, Input::Stripped, &keys));
            }
        }
    }
    let authenticated = decode(data, Input::Stripped, &keys);
    let Some(found) = layers(data) else { return };
    if authenticated {
        let any = data.iter().map(|octet| usize::from(*octet)).sum::<usize>();
        // One flipped bit of the message, and it is authentic no more; L says where it ends.
        let end = usize::from(data[0]) + 1;
        let bit = found.tpl_at * 8 + any % (end.saturating_sub(found.tpl_at).max(1) * 8);
        let mut flipped = data.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!decode(&flipped, Input::Stripped, &keys), "bit {bit}");
    }
    let mut message = data[found.tpl_at..].to_vec();
    let body = found.body - found.tpl_at;
    let sent = message.clone();
    for direction in [Direction::FromMeter, Direction::ToMeter] {
        let Some(context) = context(&found, direction) else { continue };
        if open(&context, &mut message, body, &keys).is_err() {
            assert_eq!(message, sent, "a failed opening changed the message");
        }
        message.copy_from_slice(&sent);
        let _ = seal(&context, &mut message, body, &keys.0);
        message.copy_from_slice(&sent);
        let mode8 = mode8::Experimental {
            encryption: &keys.0,
            authentication: &keys.0,
            counter_block: [data.len() as u8; 16],
        };
        if mode8.open(&context, &mut message, body..sent.len()).is_err() {
            assert_eq!(message, sent);
        }
        message.copy_from_slice(&sent);
        let mode9 = mode9::Experimental::default();
        if mode9.open_in_place(&context, &mut message[body..], &keys).is_err() {
            assert_eq!(message, sent);
        }
        message.copy_from_slice(&sent);
        let _ = mode13::check(&context, &message, body, data.len() % 2 == 0, &keys);
        fragments(&sent, context.afl.unwrap_or_default(), usize::from(data[0]));
    }
    // Several octets handed in as fragments, two senders at once.
    let mut store = Reassembler::<2, 400>::new(Duration::from_secs(1));
    for (n, part) in data.chunks(23).enumerate() {
        if let Ok((afl, octets)) = Afl::parse_prefix(part, None) {
            let now = Instant::from_micros(u64::from(part[0]) << (n % 20));
            let _ = store.push(now, Channel::Wired((n % 3) as u8), n % 2 == 0, &afl, octets);
            assert!(store.pending() <= 2);
        }
    }
    if let Some(Link::Wireless(frame)) =
        Telegram::decode_lax(&mut data.to_vec(), Input::Stripped, &keys).telegram.link()
    {
        assert_eq!(frame.address(), found.sender);
    }
});
