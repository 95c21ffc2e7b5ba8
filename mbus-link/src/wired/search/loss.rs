//! How much the line loses, by the exchanges in which exactly one slave has to answer.
//!
//! Invariants: whole numbers, in parts of a million; a line of which nothing was heard yet is not taken for a good one.

/// The whole, in these parts.
pub(super) const WHOLE: u64 = 1_000_000;
/// So many answers without a loss, three for each meter, prove a good line: of lines that lose one exchange in fifty,
/// one in four hundred is taken for one.
const PROOF: u32 = 300;

#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    kept: u32,
    lost: u32,
}

impl Loss {
    pub(super) const NONE: Self = Self { kept: 0, lost: 0 };

    /// The one that had to answer has answered.
    pub(super) const fn keep(&mut self) {
        self.kept = self.kept.saturating_add(1);
    }
    /// It has not, or not at first.
    pub(super) const fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }
    pub(super) const fn lost(&self) -> u32 {
        self.lost
    }
    pub(super) const fn exchanges(&self) -> u32 {
        self.kept.saturating_add(self.lost)
    }
    /// The line was tried long enough, and has lost nothing.
    pub(super) const fn is_none(&self) -> bool {
        self.lost == 0 && self.kept >= PROOF
    }
    /// How many exchanges fail: a slave that is asked once keeps silent with this probability.
    pub(super) fn of_exchanges(&self) -> u64 {
        let exchanges = u64::from(self.exchanges()).saturating_add(if self.lost == 0 { 10 } else { 2 });
        u64::from(self.lost)
            .saturating_add(1)
            .saturating_mul(WHOLE)
            .checked_div(exchanges)
            .unwrap_or(WHOLE)
            .min(WHOLE)
    }
    /// A slave stays hidden behind another in a selection and a request of data with this probability: three frames
    /// have to arrive, for equal acknowledgements at the same time are heard as one.
    pub(super) fn of_hidden(&self) -> u64 {
        self.of_exchanges().saturating_mul(3).wrapping_div(2).min(WHOLE.saturating_mul(9).wrapping_div(10))
    }
}

/// This part of the other.
pub(super) const fn part(a: u64, of: u64) -> u64 {
    a.saturating_mul(of).wrapping_div(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_to_prove_itself_and_one_loss_counts() {
        let mut loss = Loss::NONE;
        assert_eq!((loss.is_none(), loss.of_exchanges()), (false, 100_000));
        (0..299).for_each(|_| loss.keep());
        assert!(!loss.is_none());
        loss.keep();
        assert_eq!((loss.is_none(), loss.exchanges()), (true, 300));
        loss.lose();
        assert!(!loss.is_none());
        assert_eq!((loss.lost(), loss.of_exchanges(), loss.of_hidden()), (1, 6_600, 9_900));
        (0..1000).for_each(|_| loss.lose());
        assert_eq!(loss.of_hidden(), 900_000);
        assert_eq!(part(500_000, 1_000), 500);
    }
}
