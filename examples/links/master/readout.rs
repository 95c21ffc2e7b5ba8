//! All telegrams of one meter, printed as one reading.
//!
//! Invariants: what came before an error is printed; a readout that is not all of it is an error.

use super::Printer;
use super::problem::Problem;
use super::session::{Answer, Session};
use super::target::Target;
use examples::decode::model::Reading;

/// DIF: more records follow in the next telegram.
const MORE_FOLLOW: [u8; 1] = [0x1F];

/// Telegrams put together.
#[derive(Default)]
struct Whole {
    reading: Option<Reading>,
    telegrams: u16,
    more_follow: bool,
}

impl Whole {
    fn append(&mut self, mut reading: Reading) {
        if let Some(whole) = &mut self.reading {
            // What announced this telegram says nothing else.
            whole.records.pop_if(|record| record.dib == MORE_FOLLOW && record.data.is_empty());
        }
        self.telegrams += 1;
        self.more_follow = reading.records.last().is_some_and(|record| record.dib == MORE_FOLLOW);
        match &mut self.reading {
            None => self.reading = Some(reading),
            Some(whole) => {
                whole.records.append(&mut reading.records);
                whole.error = whole.error.take().or(reading.error);
            }
        }
    }
}

pub(super) async fn read(
    session: &mut Session,
    printer: &mut Printer<'_>,
    meter: Target,
    most: u16,
) -> Result<(), Problem> {
    let what = meter.to_string();
    let mut whole = Whole::default();
    let outcome = gather(session, printer, meter, most, &mut whole).await;
    let Some(mut reading) = whole.reading else { return outcome };
    reading.facts.push(("telegrams", whole.telegrams.to_string()));
    if whole.more_follow {
        reading.notes.push("more telegrams follow, which are not here".to_owned());
    }
    printer.print(&reading)?;
    outcome?;
    match reading.error {
        // The text format has told it already.
        Some(problem) => {
            Err(Problem::Port(format!("{what}: the telegram could not be read, {}", problem.message)))
        }
        None => Ok(()),
    }
}

/// Reads until the meter has no more to say.
async fn gather(
    session: &mut Session,
    printer: &mut Printer<'_>,
    meter: Target,
    most: u16,
    whole: &mut Whole,
) -> Result<(), Problem> {
    let what = meter.to_string();
    session.select(meter).await?;
    loop {
        let answer = session.order(&what, |master| match whole.telegrams {
            0 => master.read(meter.address(), most),
            _ => master.more(),
        });
        let Answer::Data { octets, repeated } = answer.await? else { return Ok(()) };
        if repeated {
            return Err(Problem::Stuck { what, telegram: whole.telegrams });
        }
        whole.append(printer.decode(octets));
        if !whole.more_follow {
            return Ok(());
        }
        if whole.telegrams >= most {
            return Err(Problem::MoreFollow { what, telegrams: whole.telegrams });
        }
    }
}
