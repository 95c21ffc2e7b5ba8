//! What sends and judges: counters, secured telegrams, policies, diagnosis, security information.

use core::hint::black_box;

/// The counters of a sender, without a cipher.
pub(crate) fn senders(input: &[u8]) {
    use oms_security::replay::CounterUse;
    use oms_security::sender::{SenderState, Senders};
    let number = input.len() as u32;
    let Some(mut state) = core::str::from_utf8(input).ok().and_then(|line| line.parse::<SenderState>().ok())
    else {
        return;
    };
    state.export(number, number);
    if let Ok(used) = core::str::from_utf8(input).unwrap_or_default().parse::<CounterUse>() {
        black_box((state.raise_above(&used).is_ok(), used.count.identification()));
    }
    black_box((state.take_counter().is_ok(), state.take_this_counter(black_box(number)).is_ok()));
    black_box(state.take_session(number as u8, black_box(number)).is_ok());
    black_box((
        state.next_counter(),
        state.next_access_number(),
        state.use_access_number(number as u8).is_ok(),
    ));
    let count = *state.count();
    let mut senders = black_box(Senders::<2>::new());
    black_box(senders.add(state).map_err(|refusal| refusal.name().len()).is_ok());
    black_box(senders.of(&count).is_some());
    black_box(senders.export(number, number).count());
}

/// Judges a telegram by every kind of policy.
#[cfg(feature = "ciphers")]
pub(crate) fn judged(telegram: &mbus_app::Telegram<'_>) {
    use oms_security::key::{KeySelector, NoKeys};
    use oms_security::profile::{Policy, PolicyTable, Profile};
    use oms_security::replay::ReplayGuard;
    let mut guard = black_box(ReplayGuard::<2>::new());
    for policy in black_box([Policy::OPEN, Policy::KEYED, Policy::require(Profile::D)]) {
        let refusal = telegram.judge(&policy, &mut guard).map_err(|refusal| refusal.name().len());
        black_box(refusal.is_ok());
    }
    let rows = black_box([(KeySelector::default(), Policy::KEYED)]);
    let table = PolicyTable { keys: &NoKeys, rows: &rows };
    black_box((telegram.judge(&table, &mut guard).is_ok(), telegram.judge(&rows[..], &mut guard).is_ok()));
    black_box((telegram.observed(), telegram.counter()));
}

/// Why a telegram does not open, and what a block of security information holds.
#[cfg(feature = "ciphers")]
pub(crate) fn closed(input: &[u8], key: &oms_security::key::PreparedKey<oms_security::key::Aes>) {
    use mbus_app::Input;
    let mut scratch = [0; 300];
    for kind in black_box([Input::Wired, Input::FormatA, Input::FormatB, Input::Stripped]) {
        let found = mbus_app::diagnosis::diagnose(input, kind, key, Some(key), &mut scratch);
        if let Some(found) = found {
            let causes = found.causes().filter(|cause| cause.is_proven()).count();
            let parts = found.parts().map(|part| part.name.len()).sum::<usize>();
            black_box((found.check().name(), causes, parts));
        }
    }
    information(input, key);
    ring(input, key);
}

#[cfg(feature = "ciphers")]
fn information(input: &[u8], key: &oms_security::key::PreparedKey<oms_security::key::Aes>) {
    use oms_security::security_information::{
        Blocks, KeyActivation, KeyTransfer, SecuredBlock, SecuredData, Structure, changed_master_key,
        key_wrap,
    };
    use oms_security::sender::SenderState;
    let mut buffer = [0; 300];
    let meter = mbus_link::Address::default();
    for block in Blocks::new(input).flatten() {
        let opened = SecuredData::open(&block, meter, key);
        black_box(opened.map(|(data, used)| (data.message.len(), used.counter)).is_ok());
        if let Ok((data, _)) = opened {
            command(&data, block.key_purpose(), &mut buffer);
        }
        let content = block.content;
        buffer.iter_mut().zip(content).for_each(|(place, octet)| *place = *octet);
        let Some(wrapped) = buffer.get_mut(..content.len()) else { continue };
        if let Ok(transfer) = KeyTransfer::unwrap(key, wrapped) {
            black_box((transfer.purpose, transfer.wrap_into(key, &mut buffer).is_ok()));
        }
        buffer.iter_mut().zip(content).for_each(|(place, octet)| *place = *octet);
        let Some(wrapped) = buffer.get_mut(..content.len()) else { continue };
        if let Ok(activation) = KeyActivation::unwrap(key, wrapped) {
            black_box((activation.option, activation.wrap_into(key, &mut buffer).is_ok()));
        }
    }
    black_box(key_wrap::wrap_in_place(key.cipher(), &mut buffer, black_box(input.len())).is_ok());
    black_box(changed_master_key(key, input).octets());
    let Some(mut state) = core::str::from_utf8(input).ok().and_then(|line| line.parse::<SenderState>().ok())
    else {
        return;
    };
    for structure in black_box([Structure::CMAC_8, Structure::CMAC_16, Structure(input.len() as u8)]) {
        let block = SecuredBlock { structure, message: input, ..SecuredBlock::default() };
        black_box((block.encoded_len(), block.seal_into(key, &mut state, &mut buffer).is_ok()));
    }
}

/// A command that a MAC spoke for.
#[cfg(feature = "ciphers")]
fn command(
    data: &oms_security::security_information::SecuredData<'_>,
    used: oms_security::security_information::KeyPurpose,
    buffer: &mut [u8],
) {
    use mbus_app::command::SecuredCommand;
    let Ok(command) = SecuredCommand::of(data) else { return };
    black_box((command.purpose(), command.check_purpose(used).is_ok(), command.encoded_len().is_ok()));
    black_box((command.data_commands().flatten().flatten().count(), command.encode_into(buffer).is_ok()));
    let _ = core::fmt::write(&mut Nothing, format_args!("{command} {}", data.target_time));
}

/// Takes text and keeps none.
#[cfg(feature = "ciphers")]
struct Nothing;

#[cfg(feature = "ciphers")]
impl core::fmt::Write for Nothing {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        black_box(text);
        Ok(())
    }
}

/// The keys of a meter, from their transfer to their end.
#[cfg(feature = "ciphers")]
fn ring(input: &[u8], key: &oms_security::key::PreparedKey<oms_security::key::Aes>) {
    use oms_security::key::{KeyProvider, KeyRequest};
    use oms_security::mode::SecurityMode;
    use oms_security::security_information::{KeyActivation, KeyPurpose, KeyRing, KeyTransfer, TargetTime};
    let (octet, meter) = (input.len() as u8, mbus_link::Address::WILDCARD);
    let now = black_box(TargetTime::of_seconds(input.len() as i32));
    let mut ring = black_box(KeyRing::<_, 3>::new(meter));
    black_box(ring.install(KeyPurpose(octet), octet, key.clone()).is_ok());
    let mut buffer = [0; 32];
    buffer.iter_mut().zip(input).for_each(|(place, octet)| *place = *octet);
    if let Ok(transfer) = KeyTransfer::unwrap(key, &mut buffer) {
        black_box(ring.take(&transfer, key).map_err(|refusal| refusal.name().len()).is_ok());
    }
    buffer.iter_mut().zip(input).for_each(|(place, octet)| *place = *octet);
    if let Ok(order) = KeyActivation::unwrap(key, &mut buffer) {
        black_box(ring.activate(&order, now).map_err(|refusal| refusal.status()).is_ok());
    }
    black_box((ring.poll_timeout(), ring.handle_timeout(now).is_ok()));
    let request = KeyRequest { meter, mode: SecurityMode::NONE, key_id: octet, key_version: None };
    black_box((
        ring.candidate(&request, input.len()).is_some(),
        ring.ahead().candidate(&request, 1).is_some(),
    ));
    black_box((ring.version_in_force(KeyPurpose(octet)), ring.deactivate(KeyPurpose(octet), octet).is_ok()));
}

/// Whole telegrams to be sent, and their frames.
#[cfg(feature = "ciphers")]
pub(crate) fn sealed(input: &[u8], key: &oms_security::key::PreparedKey<oms_security::key::Aes>) {
    use mbus_app::body::Body;
    use mbus_app::ci::CiField;
    use mbus_app::telegram::builder::{CounterPlace, NewFrame, Padding, Protection, TelegramBuilder};
    use mbus_app::tpl::{Header, Tpl};
    use mbus_link::wired::PrimaryAddress;
    use mbus_link::{Address, CField, Ell};
    use oms_security::configuration::Configuration;
    use oms_security::mode13::Protocol;
    use oms_security::{count::Count, profile::Profile, sender::SenderState};
    use wmbus_phy::FrameFormat;
    let octet = input.len() as u8;
    let meter = Address::WILDCARD;
    let count = Count { meter, to_meter: octet > 7, key_id: octet, key_version: octet };
    let mut state = SenderState::new(black_box(count), 1);
    state.export(black_box(9), black_box(9));
    let ell = Ell::parse_prefix(input).map(|(ell, _)| ell).ok();
    let radio = |crcs| NewFrame::Wireless { c_field: CField::SND_NR, address: meter, crcs };
    let frames_of = [
        NewFrame::Wired { c_field: CField::SND_UD, address: PrimaryAddress(octet) },
        NewFrame::SingleCharacter,
        radio(None),
        radio(Some(FrameFormat::A)),
        radio(Some(FrameFormat::B)),
    ];
    let configuration = Configuration { field: input.len() as u16, ..Configuration::default() };
    let header = Header { access_number: octet, status: octet, configuration };
    let tpl = Tpl::of(black_box(CiField(octet)), meter, header);
    let body = Body::parse(tpl.ci, input).unwrap_or(Body::Octets(input));
    let (mut message, mut frame) = ([0; 600], [0; 400]);
    for of in black_box(frames_of) {
        for profile in black_box([Profile::None, Profile::A, Profile::B, Profile::C, Profile::D]) {
            let protection = Protection {
                profile,
                content_index: octet,
                padding: black_box(Padding::Counted),
                counter: black_box(CounterPlace::Transport),
                tell_key_version: octet > 3,
                clear: input.get(black_box(7)..).unwrap_or_default(),
                protocol: Protocol(octet),
                in_session: octet > 4,
                fragmented: black_box(octet > 5),
            };
            let telegram = TelegramBuilder { ell, ..TelegramBuilder::new(of, tpl, black_box(body)) };
            black_box((telegram.message_len(&protection).is_ok(), telegram.direction(), telegram.meter()));
            if let Ok(sealed) = telegram.clear_into(&protection, &mut message) {
                frames(&sealed, octet, key, &mut state, &mut frame);
            }
            if let Ok(sealed) = telegram.seal_into(&protection, key, &mut state, &mut message) {
                frames(&sealed, octet, key, &mut state, &mut frame);
            }
        }
    }
}

#[cfg(feature = "ciphers")]
fn frames(
    sealed: &mbus_app::telegram::builder::SealedTelegram<'_>,
    octet: u8,
    key: &oms_security::key::PreparedKey<oms_security::key::Aes>,
    state: &mut oms_security::sender::SenderState,
    out: &mut [u8],
) {
    let limit = usize::from(octet);
    black_box(sealed.frame_into(out).map(|frame| frame.len()).is_ok());
    black_box(sealed.frame_enciphered_into(key, state, limit as u32, out).is_ok());
    let Ok(mut frames) = sealed.frames(limit) else { return };
    black_box(frames.next_into(limit, out).is_ok());
    black_box(frames.next_enciphered_into(limit, key, state, limit as u32, out).is_ok());
    black_box((sealed.message().len(), sealed.afl()));
}
