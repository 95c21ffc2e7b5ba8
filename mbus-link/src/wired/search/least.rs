//! The least frames that a search with wildcards needs, to judge one that was made.

use crate::IdentificationNumber;

/// The least frames that find slaves with these identification numbers, digit by digit from the left, when nothing is
/// lost and every collision is heard at once: one selection of all, ten for each prefix that several have, and one
/// request for each slave. The numbers are to differ; the order does not matter. The time grows with the square of their
/// number.
///
/// ```
/// use mbus_link::wired::search::least_frames;
/// let number = |text: &str| text.parse().unwrap();
/// assert_eq!(least_frames(&[]), 1);
/// assert_eq!(least_frames(&[number("12345678")]), 2);
/// assert_eq!(least_frames(&[number("12345678"), number("21345678")]), 1 + 10 + 2);
/// ```
#[must_use]
pub fn least_frames(numbers: &[IdentificationNumber]) -> u32 {
    let mut frames = 1u32;
    for (n, number) in numbers.iter().enumerate() {
        frames = frames.saturating_add(1);
        let (before, behind) = numbers.split_at_checked(n).unwrap_or_default();
        let behind = behind.get(1..).unwrap_or_default();
        // A prefix counts with the first of the numbers that have it.
        let seen = longest_prefix(number, before);
        let shared = longest_prefix(number, behind);
        let counted = shared.map_or(0, |digits| digits.min(7).saturating_add(1));
        let before = seen.map_or(0, |digits| digits.min(7).saturating_add(1));
        frames = frames.saturating_add(counted.saturating_sub(before).saturating_mul(10));
    }
    frames
}

/// The most digits that `number` has in common with one of the others from the left.
fn longest_prefix(number: &IdentificationNumber, others: &[IdentificationNumber]) -> Option<u32> {
    let common = |other: &IdentificationNumber| {
        let digits = number.digits().into_iter().zip(other.digits());
        digits.take_while(|(a, b)| a == b).fold(0u32, |n, _| n.saturating_add(1))
    };
    others.iter().map(common).max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// By counting the nodes of the tree.
    fn counted(numbers: &[IdentificationNumber]) -> u32 {
        let mut nodes = 0;
        for depth in 0..8 {
            let mut prefixes: Vec<_> = numbers.iter().map(|n| n.digits()[..depth].to_vec()).collect();
            prefixes.sort();
            nodes += prefixes.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count() as u32;
        }
        1 + 10 * nodes + numbers.len() as u32
    }

    #[test]
    fn as_many_as_the_tree_has_nodes() {
        let mut x = 1u32;
        for len in [0, 1, 2, 3, 10, 100] {
            for spread in [100_000_000, 10_000, 1000] {
                let mut numbers: Vec<u32> = (0..len)
                    .map(|_| {
                        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                        (x >> 4) % spread
                    })
                    .collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers.sort_by_key(|n| n.wrapping_mul(2_654_435_761));
                let numbers: Vec<_> =
                    numbers.iter().map(|n| IdentificationNumber::from_number(*n).unwrap()).collect();
                assert_eq!(least_frames(&numbers), counted(&numbers));
            }
        }
    }
}
