//! A bounded first-in first-out queue, for the events and frames of the state machines.
//!
//! Invariants: never more than `N` elements; what finds no room, or makes room for what matters more, is counted.

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
    /// True when one more element has room.
    pub(crate) fn has_room(&self) -> bool {
        self.slots.last().is_some_and(Option::is_none)
    }
    /// Takes the oldest element.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.take(0)
    }
    /// Appends `element` whatever waits: without room the one of the least worth goes, of several the oldest.
    pub(crate) fn insist(&mut self, element: T, worth: fn(&T) -> u8) {
        if self.slots.iter().all(Option::is_some) {
            let waiting = self.slots.iter().flatten().map(worth).enumerate();
            if let Some((least, _)) = waiting.min_by_key(|(_, worth)| *worth) {
                self.take(least);
                self.lose();
            }
        }
        self.push(element);
    }
    /// Takes the oldest element that is meant out of the row.
    pub(crate) fn remove(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        let place = self.slots.iter().flatten().position(is_meant)?;
        self.take(place)
    }
    /// Takes the element at this place; the younger ones move up.
    fn take(&mut self, place: usize) -> Option<T> {
        let rest = self.slots.get_mut(place..)?;
        let element = rest.first_mut()?.take();
        rest.rotate_left(1);
        element
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
        assert!(queue.has_room() && queue.push(1) && queue.push(2) && !queue.has_room() && !queue.push(3));
        assert_eq!((queue.pop(), queue.lost()), (Some(1), 1));
        assert!(queue.push(4));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(2), Some(4), None));
        assert!(!Queue::<u8, 0>::new().push(1) && !Queue::<u8, 0>::new().has_room());
    }

    #[test]
    fn what_matters_more_makes_room_and_what_is_meant_is_taken_out() {
        let mut queue = Queue::<u8, 3>::new();
        for element in [20, 10, 11, 21, 22, 23] {
            queue.insist(element, |element| element / 10);
        }
        assert_eq!(queue.lost(), 3);
        assert_eq!(queue.remove(|element| *element == 22), Some(22));
        assert_eq!(queue.remove(|element| *element == 22), None);
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(21), Some(23), None));
        let mut none = Queue::<u8, 0>::new();
        none.insist(1, |_| 0);
        assert_eq!((none.pop(), none.lost()), (None, 1));
    }
}
