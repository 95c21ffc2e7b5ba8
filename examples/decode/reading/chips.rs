//! Chips from the air, from behind the sync word or with preamble and sync word, either way up: the frame in them.

use super::problem;
use crate::decode::input::{Coding, Crc, Item};
use crate::decode::model::Problem;
use wmbus_phy::mode::{C1, F2, Mode, N2G, R2, S2, T1};
use wmbus_phy::sync::Polarity;
use wmbus_phy::{AirInterface, ChipDeframer, ChipEvent, Chips, Error, ErrorKind, FrameFormat, LineCode};

/// A frame with its CRCs.
pub(super) struct Found {
    pub(super) octets: Vec<u8>,
    pub(super) crc: Crc,
    /// What is worth knowing about how it was found.
    pub(super) notes: Vec<String>,
}

/// What to listen to, and the sync word that went before the first chip when the chips begin behind one.
struct Guess {
    airs: Vec<AirInterface>,
    behind: (AirInterface, FrameFormat),
}

/// The octets that could be read of a frame, why no more, and the code.
type Broken = (usize, Error, LineCode);

/// The first frame in the chips.
pub(super) fn frame(item: &Item) -> Result<Found, Problem> {
    let mut broken: Option<Broken> = None;
    for guess in guesses(item) {
        let mut of_this = None;
        if let Some(found) = listen(&guess, item, &mut of_this) {
            return Ok(found);
        }
        // The likeliest guess that came to read octets at all is the one to tell about.
        if broken.is_none_or(|(octets, ..)| octets == 0) {
            broken = of_this.or(broken);
        }
    }
    let none = ErrorKind::Truncated { needed: 1, available: 0 }.at(0);
    let (_, error, code) = broken.unwrap_or((0, none, LineCode::Nrz));
    Err(problem::chips(error, code))
}

/// The first frame when the chips are what was guessed; else the one that came farthest is kept in `broken`.
fn listen(guess: &Guess, item: &Item, broken: &mut Option<Broken>) -> Option<Found> {
    let mut deframer = <ChipDeframer>::new(&guess.airs).ok()?;
    let (air, format) = guess.behind;
    deframer.begin(&air, format).ok()?;
    let mut found: Option<Found> = None;
    let mut more = 0;
    let mut chips = Chips::new(&item.octets);
    loop {
        let event = match deframer.handle_input(&mut chips) {
            Some(event) => event,
            None => {
                deframer.gap();
                match deframer.poll_event() {
                    Some(event) => event,
                    None => break,
                }
            }
        };
        match event {
            ChipEvent::Frame { sync, chip, octets } => {
                let crc = match sync.format {
                    FrameFormat::A => Crc::A,
                    FrameFormat::B => Crc::B,
                };
                if !matches!(item.crc, Crc::Auto | Crc::None) && item.crc != crc {
                    continue;
                }
                if found.is_some() {
                    more += 1;
                    continue;
                }
                let mut notes = Vec::new();
                if sync.polarity == Polarity::Inverted {
                    notes.push("the chips are upside down".to_owned());
                }
                if chip > 0 {
                    notes.push(format!(
                        "mode {}, frame format {} from chip {chip} on",
                        sync.family, sync.format
                    ));
                }
                found = Some(Found { octets: octets.to_vec(), crc, notes });
            }
            ChipEvent::Broken { sync, chip, octets, error } => {
                if broken.as_ref().is_none_or(|(most, ..)| octets.len() > *most) {
                    *broken = Some((octets.len(), counted_from_the_start(error, chip), sync.code));
                }
            }
        }
    }
    if let (Some(found), 1..) = (&mut found, more) {
        found
            .notes
            .push(format!("{more} more frames follow in these chips: give them on lines of their own"));
    }
    found
}

/// The error of a symbol with its place in all chips, not in those behind the sync word.
fn counted_from_the_start(error: Error, behind: u64) -> Error {
    match error.kind {
        ErrorKind::InvalidSymbol { chip, symbol, chips } => {
            let chip = chip + usize::try_from(behind).unwrap_or(usize::MAX);
            ErrorKind::InvalidSymbol { chip, symbol, chips }.at(chip / 8)
        }
        _ => error,
    }
}

/// What the named mode and code leave open, the likeliest first.
fn guesses(item: &Item) -> Vec<Guess> {
    let named = item.mode.as_deref().and_then(|mode| mode.chars().next());
    let letter = named.map(|letter| letter.to_ascii_uppercase());
    let may_be = |mode: &Mode, letters: &str| match (item.coding, letter) {
        (Some(coding), _) if code(coding) != mode.from_meter.code => false,
        // A code says more than the letter: in mode T the other device sends in that of mode S.
        (Some(Coding::ThreeOfSix | Coding::Manchester), _) | (_, None) => true,
        (_, Some(letter)) => letters.contains(letter),
    };
    let (a, b) = (FrameFormat::A, FrameFormat::B);
    let [t, c, s, f] = [T1, C1, S2, F2].map(|mode| mode.from_meter);
    let mut guesses = Vec::new();
    if may_be(&T1, "T") {
        guesses.push(Guess { airs: vec![t], behind: (t, a) });
    }
    if may_be(&C1, "C") {
        // Behind the word that modes T and C share, or behind all of it.
        guesses.extend([(t, a), (c, a), (c, b)].map(|behind| Guess { airs: vec![c], behind }));
    }
    if may_be(&R2, "SRT") {
        guesses.push(Guess { airs: vec![s], behind: (s, a) });
    }
    if may_be(&N2G, "NF") {
        guesses.extend([a, b].map(|format| Guess { airs: vec![f, N2G.from_meter], behind: (f, format) }));
    }
    guesses
}

const fn code(coding: Coding) -> LineCode {
    match coding {
        Coding::Nrz => LineCode::Nrz,
        Coding::Manchester => LineCode::Manchester,
        Coding::ThreeOfSix => LineCode::ThreeOfSix,
    }
}
