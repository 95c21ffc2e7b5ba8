//! What is asked again behind the walk through all prefixes, when the line loses frames or has not proved that it does
//! not: masks which no known meter has, where silence is to be expected, and masks which one has, where it is to be
//! heard alone.
//!
//! ```text
//! leaves   each prefix that several known meters have, with each digit behind it    covers all numbers once
//! pairs    two digits at any places, all else free                                  a hundredth of all for each frame
//! ```
//!
//! The leaves are the same masks as in the walk. Pairs take the place of more rounds of them where many meters are
//! known: a mask of two digits that none of 250 has covers ten times as many numbers as a leaf. How many meters are to
//! be expected in a mask is estimated as if the digits did not depend on each other; prefixes that meters share by
//! four digits or more, as numbers from one lot do, are therefore never left to the pairs.
//!
//! Invariants: no mask that two known meters have is asked; at most [`PASSES`] passes; the same meters and losses give
//! the same masks.

use crate::IdentificationNumber;

use super::known::{self, ANY, DIGITS, Holders, Known};
use super::loss::{Loss, WHOLE, part};

/// However bad the line is.
const PASSES: u8 = 16;
/// On a line that has lost nothing, but was not tried often enough to be called good.
const PASSES_WITHOUT_LOSS: u8 = 3;
/// With fewer meters the leaves are as quick.
const MANY: usize = 100;
/// A prefix of so many digits is a lot.
const LOT: u8 = 4;
/// The pairs, the best first: those that one known meter has, or those that none has, and with what probability a missing
/// meter is to have them, from and below. With a known one a second frame is needed, to ask for data.
const PAIRS: [(Holders, u64, u64); 4] = [
    (Holders::None, WHOLE / 250, WHOLE),
    (Holders::One, WHOLE / 125, WHOLE),
    (Holders::None, WHOLE / 500, WHOLE / 250),
    (Holders::One, WHOLE / 250, WHOLE / 125),
];
/// As many passes are owed to a meter that is alone: another may hide behind it, and there is nothing else to tell.
const PASSES_FOR_ONE: u8 = 3;

/// One mask to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) number: IdentificationNumber,
    /// One known meter has it.
    pub(super) is_held: bool,
}

impl Check {
    const fn of(number: u32, is_held: bool) -> Self {
        Self { number: IdentificationNumber::from_octets(number.to_le_bytes()), is_held }
    }
}

#[derive(Clone, Copy, Debug)]
enum Pass {
    Walk,
    Leaves(Leaves),
    Pairs(Pairs),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Checks {
    pass: Pass,
    passes: u8,
    /// Passes through all leaves.
    all: u8,
    /// Passes through the leaves of lots, those through all included.
    lots: u8,
    /// The part of missing meters that the pairs have left missing.
    left: u64,
    /// Of [`PAIRS`], those done or under way.
    pairs: usize,
}

impl Checks {
    pub(super) const NEW: Self = Self { pass: Pass::Walk, passes: 0, all: 0, lots: 0, left: WHOLE, pairs: 0 };

    /// Passes begun so far.
    pub(super) const fn passes(&self) -> u8 {
        self.passes
    }
    /// The next mask; `None` when no more than `allowed` meters, in millionths, are expected to be missing.
    pub(super) fn next(&mut self, known: &Known, loss: &Loss, allowed: u64) -> Option<Check> {
        loop {
            match &mut self.pass {
                Pass::Walk => {}
                Pass::Leaves(leaves) => {
                    let check = leaves.next(known);
                    let (meter, is_of_all) = (leaves.meter, leaves.shortest == 0);
                    if is_of_all && check.is_some() && self.missing_amid(meter, known, loss) <= allowed {
                        // The lots were not gone through.
                        self.lots = self.lots.saturating_sub(1);
                    } else if check.is_some() {
                        return check;
                    }
                }
                Pass::Pairs(pairs) => {
                    let next = pairs.next(known);
                    if let Some((check, expected)) = next.filter(|_| self.missing(known, loss) > allowed) {
                        let unheard = if check.is_held { loss.of_hidden() } else { loss.of_exchanges() };
                        let heard = part(expected, WHOLE.saturating_sub(unheard));
                        self.left = self.left.saturating_sub(part(self.left, heard));
                        return Some(check);
                    }
                }
            }
            self.pass = self.plan(known, loss, allowed)?;
        }
    }
    fn plan(&mut self, known: &Known, loss: &Loss, allowed: u64) -> Option<Pass> {
        let is_enough = self.passes >= PASSES || known.len() == 0 || known.is_short() || allowed >= WHOLE;
        if is_enough || loss.lost() == 0 && (loss.is_none() || self.passes >= PASSES_WITHOUT_LOSS) {
            return None;
        }
        let pairs = PAIRS.get(self.pairs).filter(|_| self.all > 0 && known.len() >= MANY);
        let is_owed = known.len() == 1 && self.passes < PASSES_FOR_ONE;
        let pass = if !is_owed && self.missing(known, loss) <= allowed {
            if self.missing_in_lots(known, loss) <= allowed {
                return None;
            }
            self.lots = self.lots.saturating_add(1);
            Pass::Leaves(Leaves::from(LOT))
        } else if let Some((holders, from, below)) = pairs {
            self.pairs = self.pairs.saturating_add(1);
            Pass::Pairs(Pairs { holders: *holders, from: *from, below: *below, places: (0, 1), digits: 0 })
        } else {
            (self.all, self.lots) = (self.all.saturating_add(1), self.lots.saturating_add(1));
            Pass::Leaves(Leaves::from(0))
        };
        self.passes = self.passes.saturating_add(1);
        Some(pass)
    }
    /// Meters that are expected to be missing, in millionths.
    fn missing(&self, known: &Known, loss: &Loss) -> u64 {
        part(missed(known.len(), known, self.all, loss), self.left)
    }
    /// The same while a pass through all leaves is at the prefixes of this meter. The first is gone through to its end.
    fn missing_amid(&self, meter: usize, known: &Known, loss: &Loss) -> u64 {
        let after = self.missing(known, loss);
        let before = part(missed(known.len(), known, self.all.saturating_sub(1), loss), self.left);
        let done = u64::try_from(meter).unwrap_or(0).saturating_mul(WHOLE);
        let done = done.checked_div(u64::try_from(known.len()).unwrap_or(u64::MAX)).unwrap_or(0);
        if self.all > 1 && known.len() > 1 {
            before.saturating_sub(part(before.saturating_sub(after), done))
        } else {
            u64::MAX
        }
    }
    fn missing_in_lots(&self, known: &Known, loss: &Loss) -> u64 {
        missed(known.in_lots(LOT), known, self.lots, loss)
    }
}

/// Of `meters` found, so many were missed in the walk and all passes, in millionths: those that kept silent, and those
/// that hid behind another: as many at first, or a third where many are known, since fewer of them share a leaf.
fn missed(meters: usize, known: &Known, passes: u8, loss: &Loss) -> u64 {
    let meters = u64::try_from(meters).unwrap_or(u64::MAX);
    let silent = meters.saturating_mul(loss.of_exchanges());
    let hidden = if known.len() >= MANY { silent.wrapping_div(3) } else { silent };
    let left = |missed, of| (0..passes).fold(missed, |missed, _| part(missed, of));
    left(silent, loss.of_exchanges()).saturating_add(left(hidden, loss.of_hidden()))
}

/// The cursor over the leaves.
#[derive(Clone, Copy, Debug)]
struct Leaves {
    shortest: u8,
    /// The known meter whose prefixes are gone through, the length of the prefix and the digit behind.
    meter: usize,
    len: u8,
    digit: u8,
}

impl Leaves {
    const fn from(shortest: u8) -> Self {
        Self { shortest, meter: 0, len: shortest, digit: 0 }
    }
    fn next(&mut self, known: &Known) -> Option<Check> {
        // One meter alone: all numbers are its leaf.
        if known.len() == 1 && self.meter == 0 && self.shortest == 0 {
            self.meter = 1;
            return Some(Check::of(ANY, true));
        }
        loop {
            let number = known.number(self.meter)?;
            if self.len >= DIGITS {
                (self.meter, self.len, self.digit) = (self.meter.saturating_add(1), self.shortest, 0);
            } else if self.digit > 9 || self.digit == 0 && !known.is_first_of_several(self.meter, self.len) {
                (self.len, self.digit) = (self.len.saturating_add(1), 0);
            } else {
                let leaf = known::with_digit(known::beginning(number, self.len), self.len, self.digit);
                let is_whole = self.len.saturating_add(1) == DIGITS;
                self.digit = self.digit.saturating_add(1);
                match known.holders(leaf) {
                    Holders::None => return Some(Check::of(leaf, false)),
                    Holders::One if !is_whole => return Some(Check::of(leaf, true)),
                    Holders::One | Holders::Several => {}
                }
            }
        }
    }
}

/// The cursor over the pairs.
#[derive(Clone, Copy, Debug)]
struct Pairs {
    holders: Holders,
    /// Pairs that a missing meter has with a probability between these.
    from: u64,
    below: u64,
    places: (u8, u8),
    digits: u8,
}

impl Pairs {
    /// The next pair, and the probability that a missing meter has it.
    fn next(&mut self, known: &Known) -> Option<(Check, u64)> {
        let meters = u64::try_from(known.len()).unwrap_or(u64::MAX);
        loop {
            let (first, second) = self.places;
            if second >= DIGITS {
                return None;
            }
            let (a, b) = (self.digits.wrapping_div(10), self.digits.wrapping_rem(10));
            self.digits = self.digits.saturating_add(1);
            if self.digits > 99 {
                self.digits = 0;
                self.places = match (first.saturating_add(1), second.saturating_add(1)) {
                    (_, next) if next < DIGITS => (first, next),
                    (next, _) => (next, next.saturating_add(1)),
                };
            }
            let both = known.with_digit(first, a).saturating_mul(known.with_digit(second, b));
            let expected = both.saturating_mul(WHOLE).checked_div(meters.saturating_mul(meters)).unwrap_or(0);
            let pair = known::with_digit(known::with_digit(ANY, first, a), second, b);
            if (self.from..self.below).contains(&expected) && known.holders(pair) == self.holders {
                return Some((Check::of(pair, self.holders == Holders::One), expected));
            }
        }
    }
}
