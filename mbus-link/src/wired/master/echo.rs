//! Takes the master's own octets out of what it hears: many level converters send them back.
//!
//! Whether there is an echo shows by itself, since no slave answers with the request. Invariants: octets that turn out
//! to be no echo are handed on, none is lost; once an echo was heard, a damaged one is taken out by its length, and the
//! next has to prove itself again.

#[derive(Clone, Copy, Debug)]
pub(super) struct Echo {
    /// Octets of the request heard so far; `None` when no more echo can come.
    heard: Option<usize>,
    /// The last request was heard whole.
    known: bool,
    damaged: bool,
}

impl Echo {
    pub(super) const NEW: Self = Self { heard: None, known: false, damaged: false };

    /// A request goes out.
    pub(super) const fn start(&mut self) {
        self.heard = Some(0);
        self.damaged = false;
    }
    /// Takes echo off the front of `input`. Gives how many octets of `sent` were taken for echo and are to be handed on
    /// in front of the rest.
    pub(super) fn filter(&mut self, sent: &[u8], input: &mut &[u8]) -> usize {
        while let Some(heard) = self.heard {
            let Some(own) = sent.get(heard) else {
                self.heard = None;
                self.known = !self.damaged;
                break;
            };
            let Some((octet, rest)) = input.split_first() else { break };
            if octet != own {
                if !self.known {
                    self.heard = None;
                    return heard;
                }
                self.damaged = true;
            }
            *input = rest;
            self.heard = Some(heard.saturating_add(1));
        }
        0
    }
    /// The line rests: what is missing of the echo will not come. True when it was cut or damaged.
    pub(super) fn end(&mut self, sent: &[u8]) -> bool {
        let cut = self.heard.take().is_some_and(|heard| heard > 0 && heard < sent.len());
        if cut || self.damaged {
            self.known = false;
        }
        cut || self.damaged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: [u8; 5] = [0x10, 0x7B, 0x01, 0x7C, 0x16];

    /// What is handed on, with the input cut at every octet or not at all.
    fn hear(echo: &mut Echo, line: &[u8], step: usize) -> std::vec::Vec<u8> {
        echo.start();
        let mut passed = std::vec::Vec::new();
        for chunk in line.chunks(step) {
            let mut rest = chunk;
            let again = echo.filter(&SENT, &mut rest);
            passed.extend_from_slice(&SENT[..again]);
            passed.extend_from_slice(rest);
        }
        passed
    }

    #[test]
    fn echo_is_taken_out_and_nothing_else() {
        for step in [1, 2, 100] {
            let mut echo = Echo::NEW;
            assert_eq!(hear(&mut echo, &[0xE5], step), [0xE5]);
            assert_eq!(
                hear(&mut echo, &[0x10, 0x0B, 0x01, 0x0C, 0x16], step),
                [0x10, 0x0B, 0x01, 0x0C, 0x16]
            );
            assert_eq!(hear(&mut echo, &[&SENT[..], &[0xE5]].concat(), step), [0xE5]);
            assert!(!echo.end(&SENT));
            // A damaged echo, now that there is one.
            assert_eq!(hear(&mut echo, &[0x10, 0xFF, 0x01, 0x00, 0x16, 0xE5], step), [0xE5]);
            assert!(echo.end(&SENT));
            // It went: the first answer without it comes through.
            assert_eq!(hear(&mut echo, &[0x68, 0x03, 0x03], step), [0x68, 0x03, 0x03]);
            // Cut.
            assert_eq!(hear(&mut echo, &SENT[..3], step), [0; 0]);
            assert!(echo.end(&SENT));
        }
    }
}
