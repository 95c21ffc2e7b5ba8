//! A primary address for one meter, and for no other.
//!
//! ```text
//! the meter as named    select, SND-NKE, REQ-UD2   one sound answer, and with it all of its secondary address
//! the new address       SND-NKE, REQ-UD2           silence: it is free; the same meter: all is done
//! all eight octets      select, REQ-UD2            the same meter again, and it alone
//! 253                   SND-UD 51 01 7A aa
//! the new address       SND-NKE, REQ-UD2           the same meter
//! ```
//!
//! Invariants: an acknowledgement proves nobody to be alone, since several sound like one; nothing is written before a
//! sound answer that the whole window was heard out for came from what is written to. A meter that does not tell its
//! secondary address, or cannot be selected by it, is written to at the primary address that it answered from.

use super::Printer;
use super::problem::Problem;
use super::session::{Answer, Session};
use super::target::Target;
use mbus_link::Address;
use mbus_link::wired::{Command, DataClass, Fault, PrimaryAddress, frame::Frame};

/// Who gave a sound answer.
struct Answerer {
    octets: Vec<u8>,
    primary: PrimaryAddress,
    secondary: Option<Address>,
}

impl Answerer {
    fn of(octets: Vec<u8>) -> Self {
        let primary = Frame::parse(&octets).ok().and_then(|frame| frame.address()).unwrap_or_default();
        let secondary = mbus_app::telegram::peek(&octets).ok().and_then(|peek| peek.transport_address);
        Self { octets, primary, secondary }
    }
    /// How it calls itself; empty when it does not.
    fn name(&self) -> String {
        self.secondary.map(|address| address.to_string()).unwrap_or_default()
    }
    /// This one, if it is the same meter as `other`; neither may say who it is.
    fn same_as(self, other: &Self, what: String) -> Result<Self, Problem> {
        if self.secondary == other.secondary {
            return Ok(self);
        }
        Err(Problem::Other { what, found: self.name() })
    }
}

pub(super) async fn set_address(
    session: &mut Session,
    printer: &mut Printer<'_>,
    meter: Target,
    address: PrimaryAddress,
) -> Result<(), Problem> {
    let new = Target::Primary(address);
    let meant = asked(session, meter).await?;
    if let Some(there) = holder(session, address).await? {
        let is_same = match (meter, meant.secondary) {
            // No meter has two.
            (Target::Primary(old), _) if old.is_slave() => old == address,
            (_, Some(secondary)) => there.secondary == Some(secondary),
            (_, None) => meant.primary == address,
        };
        if !is_same {
            return Err(Problem::Taken(address, there.secondary.map(|address| address.to_string())));
        }
        let reading = printer.decode(there.octets);
        printer.print(&reading)?;
        return Ok(writeln!(printer.err, "master: {meter} has address {address} already")?);
    }
    let to = writable(session, meter, &meant).await?;
    let mut payload = [0; 8];
    let payload = Command::SetAddress(address).encode_into(&mut payload)?;
    let told = session.order(&meter.to_string(), |master| master.send(to, payload)).await;
    if !matches!(told, Ok(_) | Err(Problem::Meter { .. })) {
        return told.map(|_| ());
    }
    // The acknowledgement may have got lost although the meter has obeyed: the new address tells.
    let now = asked(session, new).await?.same_as(&meant, new.to_string())?;
    let reading = printer.decode(now.octets);
    Ok(printer.print(&reading)?)
}

/// Who answers to this name, alone.
async fn asked(session: &mut Session, meter: Target) -> Result<Answerer, Problem> {
    let what = meter.to_string();
    session.select(meter).await?;
    let answer = session.order(&what, |master| master.read(meter.address(), 1)).await?;
    // A readout ends with data or with an error.
    let Answer::Data { octets, .. } = answer else { return Err(Problem::Stopped) };
    let answerer = Answerer::of(octets);
    match (meter, answerer.secondary) {
        (Target::Secondary(wanted), Some(found)) if wanted.matches(found) => Ok(answerer),
        (Target::Secondary(_), _) => Err(Problem::Other { what, found: answerer.name() }),
        (Target::Primary(_), _) => Ok(answerer),
    }
}

/// Who has this primary address; `None` when it is free.
async fn holder(session: &mut Session, address: PrimaryAddress) -> Result<Option<Answerer>, Problem> {
    let what = Target::Primary(address).to_string();
    let unclear = |problem| match problem {
        Problem::Meter { fault, .. } => Problem::Unclear(address, fault),
        other => other,
    };
    match session.order(&what, |master| master.reset(address)).await {
        Err(Problem::Meter { fault: Fault::Silence, .. }) => return Ok(None),
        other => other.map_err(unclear)?,
    };
    match session.order(&what, |master| master.request(address, DataClass::Two)).await {
        Err(Problem::Meter { fault: Fault::Silence, .. }) => Err(Problem::Taken(address, None)),
        Ok(Answer::Data { octets, .. }) => Ok(Some(Answerer::of(octets))),
        Ok(Answer::Done) => Err(Problem::Stopped),
        Err(other) => Err(unclear(other)),
    }
}

/// The address at which this meter alone is written to.
async fn writable(session: &mut Session, meter: Target, meant: &Answerer) -> Result<PrimaryAddress, Problem> {
    let what = || meter.to_string();
    if let Some(secondary) = meant.secondary {
        match asked(session, Target::Secondary(secondary)).await {
            Ok(answerer) => {
                answerer.same_as(meant, what())?;
                return Ok(PrimaryAddress::SELECTED);
            }
            // Not every meter can be selected.
            Err(Problem::Meter { fault: Fault::Silence, .. }) if matches!(meter, Target::Primary(_)) => {}
            Err(problem) => return Err(problem),
        }
    }
    if meant.primary.is_slave() {
        return Ok(meant.primary);
    }
    Err(Problem::Other { what: what(), found: meant.name() })
}
