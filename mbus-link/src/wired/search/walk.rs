//! The depth-first walk through the values of all fields below a mask.
//!
//! ```text
//! mask answered by several -> the next field is fixed: its values in turn -> .. -> one level up
//! ```
//!
//! Invariants: one small record for each of the [`FIELDS`] fields; fields that the mask had fixed from the start stay so.
//! A field below which fewer than two slaves were found, although several had answered, is gone through again, a digit in
//! the end with Ah to Eh as well: no number of a meter should hold them, but some do.

use crate::wired::master::Fault;
use crate::{DeviceType, IdentificationNumber, ManufacturerId, Version};

use super::SearchSettings;
use super::known::Known;
use super::mask::{FIELDS, Field, Mask, Value};

/// Fields that are digits of the identification number.
const DIGITS: usize = 8;

/// How often a field is gone through that has to hold two slaves: on a line that has lost nothing so far, and on another.
const PASSES: (u8, u8) = (2, 4);

/// One field under way.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The next value to try.
    next: u16,
    /// Slaves found below, unresolved ones as two.
    found: u32,
    pass: u8,
    /// Digits: Ah to Eh are tried as well.
    is_hexadecimal: bool,
    /// No known value tells them apart, so that the next field was tried.
    was_left_free: bool,
    /// What the several who answered sounded like.
    fault: Fault,
}

const TOP: Level =
    Level { next: 0, found: 0, pass: 0, is_hexadecimal: false, was_left_free: false, fault: Fault::Surplus };

/// Where the walk went.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// To the mask, which is to be asked.
    Ask,
    /// Up: all who have the mask keep together.
    Unresolved(Fault),
    Over,
}

#[derive(Clone, Debug)]
pub(super) struct Walk {
    mask: Mask,
    /// From the start.
    given: Mask,
    levels: [Level; FIELDS],
    depth: usize,
}

impl Walk {
    pub(super) const ALL: Self = Self { mask: Mask::ALL, given: Mask::ALL, levels: [TOP; FIELDS], depth: 0 };

    /// The walk below the mask of this number, which is the first to be asked.
    pub(super) const fn below(number: IdentificationNumber) -> Self {
        let mask = Mask::of(number);
        Self { mask, given: mask, ..Self::ALL }
    }
    pub(super) const fn mask(&self) -> &Mask {
        &self.mask
    }
    pub(super) const fn is_at_start(&self) -> bool {
        self.depth == 0
    }
    pub(super) const fn all_digits_are_fixed(&self) -> bool {
        self.depth >= DIGITS
    }
    /// The field under way is gone through for the first time.
    pub(super) fn is_first_pass(&self) -> bool {
        self.top().is_none_or(|level| level.pass == 0)
    }
    /// Slaves were found at the mask.
    pub(super) fn count(&mut self, slaves: u32) {
        if let Some(level) = self.top_mut() {
            level.found = level.found.saturating_add(slaves);
        }
    }
    fn top(&self) -> Option<&Level> {
        self.depth.checked_sub(1).and_then(|top| self.levels.get(top))
    }
    fn top_mut(&mut self) -> Option<&mut Level> {
        self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top))
    }
    /// What the several who answered above the mask sounded like.
    pub(super) fn fault_above(&self) -> Option<Fault> {
        self.top().map(|level| level.fault)
    }
    /// One field more is to be fixed; false when all are.
    pub(super) fn descend(&mut self, fault: Fault) -> bool {
        while let Some(level) = self.levels.get_mut(self.depth) {
            *level = Level { fault, ..TOP };
            let field = Field::at(self.depth);
            self.depth = self.depth.saturating_add(1);
            if !field.is_some_and(|field| self.given.fixes(field)) {
                return true;
            }
        }
        false
    }
    /// Goes to the next mask. `loses`: the line has lost something, so that who was not found was perhaps not heard.
    pub(super) fn next(&mut self, settings: &SearchSettings, known: &Known, loses: bool) -> Step {
        let passes = if loses { PASSES.1 } else { PASSES.0 };
        loop {
            let top = self.depth.checked_sub(1);
            let (Some(field), Some(level)) = (top.and_then(Field::at), self.top().copied()) else {
                return Step::Over;
            };
            if !self.given.fixes(field) {
                let value = value(settings, known, field, &level);
                self.mask.set(field, value);
                if value.is_some() {
                    self.change(Level { next: level.next.saturating_add(1), ..level });
                    return Step::Ask;
                }
                let is_digit = matches!(field, Field::Digit(_) | Field::FabricationDigit(_));
                if is_digit && level.found < 2 && level.pass.saturating_add(1) < passes {
                    self.change(Level { next: 0, pass: level.pass.saturating_add(1), ..level });
                    continue;
                }
                let is_contradiction = if loses { level.found == 0 } else { level.found < 2 };
                if is_digit && is_contradiction && !level.is_hexadecimal {
                    self.change(Level { is_hexadecimal: true, ..level });
                    continue;
                }
                if !is_digit && level.found < 2 && !level.was_left_free {
                    self.change(Level { next: u16::MAX, was_left_free: true, ..level });
                    if self.descend(level.fault) {
                        continue;
                    }
                }
                if level.found == 0 {
                    self.depth = self.depth.saturating_sub(1);
                    self.count(2);
                    return Step::Unresolved(level.fault);
                }
            }
            self.depth = self.depth.saturating_sub(1);
            self.count(level.found);
        }
    }
    fn change(&mut self, level: Level) {
        if let Some(slot) = self.top_mut() {
            *slot = level;
        }
    }
    /// How much of all numbers lies behind, in parts of a thousand.
    pub(super) fn searched(&self) -> u16 {
        let (mut done, mut share) = (0u32, 1_000_000u32);
        for level in self.levels.iter().take(self.depth.min(4)) {
            share /= 10;
            // The value under way is not done.
            let values = u32::from(level.next).saturating_sub(1).min(9);
            done = done.saturating_add(values.saturating_mul(share));
        }
        u16::try_from(done / 1000).unwrap_or(1000).min(1000)
    }
}

/// The next value of a field.
fn value(settings: &SearchSettings, known: &Known, field: Field, level: &Level) -> Option<Value> {
    let n = level.next;
    match field {
        Field::Digit(_) | Field::FabricationDigit(_) => {
            let values = if level.is_hexadecimal { 15 } else { 10 };
            u8::try_from(n).ok().filter(|n| *n < values).map(Value::Digit)
        }
        Field::Manufacturer => {
            let learned = known.iter().map(|meter| meter.manufacturer);
            let learned = learned.filter(|value| *value != ManufacturerId::WILDCARD);
            nth(settings.manufacturers, learned, n).map(Value::Manufacturer)
        }
        Field::Version => {
            let learned = known.iter().map(|meter| meter.version);
            nth(settings.versions, learned.filter(|value| *value != Version::WILDCARD), n).map(Value::Version)
        }
        Field::DeviceType => {
            let learned = known.iter().map(|meter| meter.device_type);
            let learned = learned.filter(|value| *value != DeviceType::WILDCARD);
            nth(settings.device_types, learned, n).map(Value::DeviceType)
        }
    }
}

/// The value number `n` of those given and those learned, each once.
fn nth<T: Copy + PartialEq>(given: &[T], learned: impl Iterator<Item = T> + Clone, n: u16) -> Option<T> {
    let earlier = learned.clone();
    let new = learned.enumerate().filter(|(at, value)| {
        !given.contains(value) && earlier.clone().take(*at).all(|other| other != *value)
    });
    given.iter().copied().chain(new.map(|(_, value)| value)).nth(usize::from(n))
}
