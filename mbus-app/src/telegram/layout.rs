//! Reading the layers of a telegram, one after the other, in the caller's buffer.
//!
//! Invariants: what was read before an error stays; offsets count from the first octet of the buffer; the buffer is
//! given back when all is found, so a layout keeps places and no slices.

use mbus_link::wired;
use mbus_link::wireless;
use mbus_link::{Address, CField, Ell, NetworkLayer};
use oms_security::afl::{self, Afl, AflMessage};
use oms_security::ell_cipher::{self, EllOpening};
use oms_security::key::{KeyProvider, MAX_CANDIDATES};
use oms_security::mode::{SecurityMode, Support};
use oms_security::mode13::{self, HandedOn};
use oms_security::sealed::{self, Found, Opening, SecurityContext};

use super::{Input, direction};
use crate::ci::{CiField, Content};
use crate::record::Records;
use crate::tpl::Tpl;
use crate::value::{Invalid, Value};
use crate::{Error, ErrorKind, Layer};

/// Where the layers of a telegram lie: what reading finds out before the buffer is given back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// A wired frame that was checked.
    pub(super) wired: Option<WiredFound>,
    /// Octets of the frame, from its first to its last.
    pub(super) frame_len: usize,
    /// Where the first CI stands, and where the octets behind it end.
    pub(super) payload: (usize, usize),
    pub(super) address: Option<Address>,
    pub(super) c_field: Option<CField>,
    pub(super) ell: Option<Ell>,
    pub(super) ell_opening: Option<EllOpening>,
    /// Where the octets of a network layer lie.
    pub(super) network_layer: Option<(usize, usize)>,
    pub(super) afl: Option<Afl>,
    pub(super) tpl: Option<Tpl>,
    pub(super) tpl_at: usize,
    pub(super) body: (usize, usize),
    pub(super) opening: Option<Opening>,
    pub(super) handed_on: Option<HandedOn>,
    pub(super) reserved_mode: bool,
    /// The number of the key that was asked for.
    pub(super) key_id: u8,
}

/// A wired frame that was checked once and need not be checked again.
#[derive(Clone, Copy, Debug)]
pub(super) struct WiredFound {
    pub(super) c_field: Option<CField>,
    pub(super) address: wired::PrimaryAddress,
    pub(super) payload: (usize, usize),
}

impl WiredFound {
    pub(super) fn frame(self, octets: &[u8]) -> wired::Frame<'_> {
        let Self { c_field, address, payload: (from, to) } = self;
        match (c_field, octets.get(from..to)) {
            (Some(c_field), Some(payload @ [_, ..])) => wired::Frame::Long { c_field, address, payload },
            (Some(c_field), _) => wired::Frame::Short { c_field, address },
            (None, _) => wired::Frame::SingleCharacter,
        }
    }
}

/// Removes link CRCs; on failure gives the octets back as they were.
pub(super) fn strip(buffer: &mut [u8], input: Input) -> Result<&mut [u8], (Error, &[u8])> {
    let verified = match input {
        Input::FormatA => wmbus_phy::RawFormatA::parse(buffer).and_then(|frame| frame.verify()),
        _ => wmbus_phy::RawFormatB::parse(buffer).and_then(|frame| frame.verify()),
    };
    if let Err(error) = verified {
        return Err((Error::from_phy(error), buffer));
    }
    let stripped = match input {
        Input::FormatA => wmbus_phy::format_a::strip_in_place(buffer).map(|frame| frame.frame.len()),
        _ => wmbus_phy::format_b::strip_in_place(buffer).map(|frame| frame.frame.len()),
    };
    match stripped {
        Ok(len) => Ok(buffer.get_mut(..len).unwrap_or_default()),
        Err(error) => Err((Error::from_phy(error), buffer)),
    }
}

impl Layout {
    /// Reads all layers; what was read before an error stays.
    pub(super) fn read<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        is_wired: bool,
        keys: &P,
    ) -> Result<(), Error> {
        if is_wired {
            self.read_wired(octets)?
        } else {
            self.read_wireless(octets)?
        }
        self.read_payload(octets, is_wired, keys)
    }
    /// Reads the layers behind that of the link.
    pub(super) fn read_payload<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        is_wired: bool,
        keys: &P,
    ) -> Result<(), Error> {
        let (at, end) = self.payload;
        if at >= end {
            return Ok(());
        }
        // Nobody knows the layout of ELL V, so nobody can read what is behind it: that is no fault of the telegram.
        if !is_wired && octets.get(at) == Some(&Ell::CI_V) {
            return Ok(());
        }
        let at = self.read_ell(octets, at, end, keys)?;
        let at = self.read_network_layer(octets, at, end);
        let at = self.read_afl(octets, at, end)?;
        self.read_tpl(octets, at, end, is_wired)?;
        self.open(octets, end, is_wired, self.afl.map(AflMessage::from), keys)
    }
    fn read_wired(&mut self, octets: &[u8]) -> Result<(), Error> {
        let (frame, surplus) = match wired::Frame::parse_prefix(octets) {
            Ok(parts) => parts,
            // Says of a wrapped length field what it is.
            Err(error) => return Err(Error::from_link(wired::Frame::parse(octets).err().unwrap_or(error))),
        };
        self.frame_len = octets.len().saturating_sub(surplus.len());
        self.c_field = frame.c_field();
        let end = self.frame_len.saturating_sub(2);
        self.payload = (end.saturating_sub(frame.payload().len()), end);
        if frame.payload().is_empty() {
            self.payload = (0, 0);
        }
        let address = frame.address().unwrap_or_default();
        self.wired = Some(WiredFound { c_field: frame.c_field(), address, payload: self.payload });
        Ok(())
    }
    fn read_wireless(&mut self, octets: &[u8]) -> Result<(), Error> {
        let (frame, surplus) = wireless::Frame::parse_prefix(octets).map_err(Error::from_link)?;
        self.frame_len = octets.len().saturating_sub(surplus.len());
        self.c_field = Some(frame.c_field());
        self.address = Some(frame.address());
        self.payload = (wireless::frame::HEADER_LEN, self.frame_len);
        Ok(())
    }
    fn read_ell<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        at: usize,
        end: usize,
        keys: &P,
    ) -> Result<usize, Error> {
        let in_ell = |error: Error| error.shifted(at).in_layer(Layer::Ell);
        let Some(payload) = octets.get_mut(at..end) else { return Ok(at) };
        let Some(sender) = self.address else { return Ok(at) };
        let (ell, _) = Ell::parse_optional(payload).map_err(|error| in_ell(Error::from_link(error)))?;
        let Some(ell) = ell else { return Ok(at) };
        self.ell = Some(ell);
        let opening = ell_cipher::open_in_place(&ell, sender, payload, keys)
            .map_err(|error| in_ell(Error::from_security(error)))?;
        self.ell_opening = Some(opening);
        Ok(at.saturating_add(ell.encoded_len()))
    }
    fn read_network_layer(&mut self, octets: &[u8], at: usize, end: usize) -> usize {
        let payload = octets.get(at..end).unwrap_or_default();
        let Ok(network) = NetworkLayer::parse(payload) else { return at };
        match network.guess_next() {
            Some((_, next)) => {
                let next_at = end.saturating_sub(next.len());
                self.network_layer = Some((at.saturating_add(1), next_at));
                next_at
            }
            None => at,
        }
    }
    fn read_afl(&mut self, octets: &[u8], at: usize, end: usize) -> Result<usize, Error> {
        let payload = octets.get(at..end).unwrap_or_default();
        if payload.first() != Some(&afl::CI) {
            return Ok(at);
        }
        let (afl, message) = Afl::parse_prefix(payload, None)
            .map_err(|error| Error::from_security(error).shifted(at).in_layer(Layer::Afl))?;
        self.afl = Some(afl);
        if afl.fragment_id != 0 || afl.more_fragments {
            self.body = (end.saturating_sub(message.len()), end);
            let kind = ErrorKind::Fragment { number: afl.fragment_id, more: afl.more_fragments };
            return Err(kind.at(at).in_layer(Layer::Afl));
        }
        Ok(end.saturating_sub(message.len()))
    }
    pub(super) fn read_tpl(
        &mut self,
        octets: &[u8],
        at: usize,
        end: usize,
        is_wired: bool,
    ) -> Result<(), Error> {
        let payload = octets.get(at..end).unwrap_or_default();
        self.tpl_at = at;
        let Some((&ci, behind)) = payload.split_first() else { return Ok(()) };
        let ci = CiField(ci);
        if Ell::is_ell(ci.0) || ci.0 == afl::CI {
            return Err(ErrorKind::LayerOutOfOrder { ci: ci.0 }.at(at).in_layer(Layer::Transport));
        }
        let (tpl, body) = if is_wired && ci.is_fixed_data(behind.len()) {
            (Tpl { ci, address: None, header: None }, behind)
        } else {
            Tpl::parse_prefix(payload).map_err(|error| error.shifted(at))?
        };
        self.tpl = Some(tpl);
        self.body = (end.saturating_sub(body.len()), end);
        Ok(())
    }
    pub(super) fn open<P: KeyProvider + ?Sized>(
        &mut self,
        octets: &mut [u8],
        end: usize,
        is_wired: bool,
        afl: Option<AflMessage>,
        keys: &P,
    ) -> Result<(), Error> {
        let Some(tpl) = self.tpl else { return Ok(()) };
        let header = tpl.header.unwrap_or_default();
        let mode = header.configuration.mode();
        let direction = direction(tpl.ci.row().direction, self.c_field).into();
        let context = SecurityContext {
            meter: tpl.address.or(self.address).unwrap_or_default(),
            access_number: header.access_number,
            direction,
            configuration: header.configuration,
            afl,
        };
        let request = context.request();
        self.key_id = request.key_id;
        // Most telegrams of the wired bus: nothing to open, nothing to check.
        if mode == SecurityMode::NONE && afl.is_none() {
            return Ok(());
        }
        let at = self.tpl_at;
        let Some(message) = octets.get_mut(at..end) else { return Ok(()) };
        let in_message = |error| Error::from_security(error).shifted(at);
        let body = self.body.0.saturating_sub(at);
        afl.unwrap_or_default().check_length(message.len()).map_err(in_message)?;
        // A MAC around a message without a header is checked as well.
        if tpl.header.is_none() && afl.is_none_or(|afl| afl.mac.is_none()) {
            return Ok(());
        }
        // Meters that fill the field with something else are older than the AFL.
        if is_wired && afl.is_none() && mode.row().support == Support::Reserved {
            self.reserved_mode = true;
            return Ok(());
        }
        if mode == SecurityMode::TLS {
            let in_session = keys.in_tls_session(&request);
            let handed_on = mode13::check(&context, message, body, in_session, keys).map_err(in_message)?;
            self.handed_on = Some(handed_on);
            return Ok(());
        }
        let opening =
            sealed::open_plausible(&context, message, body, keys, &|body| is_plausible(tpl.ci, body))
                .map_err(in_message)?;
        self.body.1 = end.saturating_sub(opening.trailer);
        if opening.found == Found::ClearUnannounced
            && !is_plausible(tpl.ci, octets.get(self.body.0..self.body.1).unwrap_or_default())
        {
            // One cipher text in 65 536 begins with the check octets: what cannot be read as records is one.
            let tried = (0..MAX_CANDIDATES).take_while(|n| keys.candidate(&request, *n).is_some()).count();
            let kind = ErrorKind::Security(match tried {
                0 => oms_security::ErrorKind::KeyMissing,
                tried => oms_security::ErrorKind::CheckOctets { tried },
            });
            return Err(Error { layer: Layer::Security, kind, offset: self.body.0 });
        }
        if opening.found != Found::Clear || opening.authenticated {
            self.opening = Some(opening);
        }
        Ok(())
    }
}

/// True when the body can be read to its end as what the CI announces, and no value is impossible.
fn is_plausible(ci: CiField, body: &[u8]) -> bool {
    match ci.content() {
        Content::FullFrame | Content::Command => Records::new(body).all(|record| match record {
            Ok(record) => !matches!(
                record.value(),
                Value::Invalid(Invalid::ErrorDigits | Invalid::NoSuchMoment | Invalid::WrongDataField)
            ),
            Err(_) => false,
        }),
        _ => true,
    }
}
