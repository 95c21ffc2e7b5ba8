//! A bounded first-in first-out queue, for the events and frames of the state machines.
//!
//! Invariants: never more than `N` elements; what does not fit is handed back and counted.

#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue<T, const N: usize> {
    slots: [Option<T>; N],
    lost: u32,
}

impl<T: Copy, const N: usize> Queue<T, N> {
    pub(crate) const fn new() -> Self {
        Self { slots: [None; N], lost: 0 }
    }
    /// Appends `element`; false, and one more lost, when there is no room.
    pub(crate) fn push(&mut self, element: T) -> bool {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(element);
            true
        } else {
            self.lost = self.lost.saturating_add(1);
            false
        }
    }
    /// Takes the oldest element.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let first = self.slots.first_mut()?.take()?;
        self.slots.rotate_left(1);
        Some(first)
    }
    /// True when no element waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.first().is_none_or(Option::is_none)
    }
    /// Counts an element that was taken out and is of no use any more.
    pub(crate) const fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }
    /// Elements that found no room so far.
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_first_out_and_never_more_than_n() {
        let mut queue = Queue::<u8, 2>::new();
        assert_eq!(queue.pop(), None);
        assert!(queue.push(1) && queue.push(2) && !queue.push(3));
        assert_eq!((queue.pop(), queue.lost()), (Some(1), 1));
        assert!(queue.push(4));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(2), Some(4), None));
        assert!(!Queue::<u8, 0>::new().push(1));
    }
}
