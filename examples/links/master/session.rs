//! A port, a master behind it, and orders one after the other.
//!
//! Invariants: Ctrl-C ends any order between two octets and leaves nothing half printed; what was found before is kept.

use super::problem::Problem;
use crate::port::{AnyPort, Clock, Port, drive};
use mbus_link::wired::{
    Fault, Frame, Master, MasterEvent, PrimaryAddress, PrimaryScan, ScanEvent, Search, SearchEvent,
    SearchReport, Station,
};
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::pin::Pin;

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// E5, or nothing where nothing was to be expected.
    Done,
    /// RSP-UD, the whole frame.
    Data(Vec<u8>),
}

/// What a scan or a search found.
#[derive(Clone, Debug)]
pub enum Found {
    /// One meter: its primary address and its answer, if it had one.
    Meter(PrimaryAddress, Option<Vec<u8>>),
    /// Several where only one should be.
    Several(String, Fault),
}

type Stop = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// A port and the master behind it.
pub struct Session {
    port: AnyPort,
    clock: Clock,
    /// There but while a search has it.
    master: Option<Master>,
    stop: Stop,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("clock", &self.clock).finish_non_exhaustive()
    }
}

/// Runs a station until `step` ends it, or Ctrl-C.
async fn run<S: Station, T>(
    (clock, port, stop): (&Clock, &mut AnyPort, &mut Stop),
    station: &mut S,
    mut step: impl FnMut(&mut S, &mut dyn Port) -> io::Result<ControlFlow<T>>,
) -> Result<T, Problem> {
    tokio::select! {
        biased;
        stopped = stop => stopped.map_or_else(|error| Err(error.into()), |()| Err(Problem::Stopped)),
        outcome = drive(clock, port.as_mut(), station, |station, port| step(station, port)) => Ok(outcome?),
    }
}

impl Session {
    /// A session on an open port.
    #[must_use]
    pub fn new(port: AnyPort, master: Master) -> Self {
        let stop = Box::pin(tokio::signal::ctrl_c());
        Self { port, clock: Clock::start(), master: Some(master), stop }
    }

    /// Gives the master an order and waits for its end. `what` names it in the error.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn order(
        &mut self,
        what: &str,
        order: impl FnOnce(&mut Master) -> Result<(), mbus_link::Error>,
    ) -> Result<Answer, Problem> {
        let Some(master) = &mut self.master else { return Err(Problem::Stopped) };
        order(master)?;
        let ended = run((&self.clock, &mut self.port, &mut self.stop), master, |master, port| {
            while let Some(event) = master.poll_event() {
                if let MasterEvent::BaudRate(baud) = event {
                    port.set_baud(baud)?;
                } else if let Some(ended) = ended(&event) {
                    return Ok(ControlFlow::Break(ended));
                }
            }
            Ok(ControlFlow::<Ended>::Continue(()))
        });
        match ended.await? {
            Ok(answer) => Ok(answer),
            Err((fault, sends)) => Err(Problem::Meter { what: what.to_owned(), fault, sends }),
        }
    }
    /// Searches all secondary addresses. `found` hears of each meter, `progress` of the thousandths done.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn search(
        &mut self,
        settings: mbus_link::wired::SearchSettings,
        mut found: impl FnMut(Found) -> io::Result<()>,
        mut progress: impl FnMut(u16),
    ) -> Result<SearchReport, Problem> {
        let Some(master) = self.master.take() else { return Err(Problem::Stopped) };
        let mut search = Search::new(master, settings);
        let outcome = run((&self.clock, &mut self.port, &mut self.stop), &mut search, |search, _| {
            while let Some(event) = search.poll_event() {
                match event {
                    SearchEvent::Found { address, payload, .. } => {
                        found(Found::Meter(address, rebuilt(address, payload)))?;
                    }
                    SearchEvent::Unresolved { selection, fault } => {
                        found(Found::Several(selection.address.to_string(), fault))?;
                    }
                    SearchEvent::Done(report) => return Ok(ControlFlow::Break(report)),
                    _ => {}
                }
            }
            progress(search.progress());
            Ok(ControlFlow::Continue(()))
        })
        .await;
        self.master = Some(search.into_master());
        outcome
    }
    /// Tries primary addresses. `found` hears of each meter, `progress` of the thousandths done.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn scan(
        &mut self,
        (first, last): (u8, u8),
        mut found: impl FnMut(Found) -> io::Result<()>,
        mut progress: impl FnMut(u16),
    ) -> Result<SearchReport, Problem> {
        let Some(master) = self.master.take() else { return Err(Problem::Stopped) };
        let mut scan = PrimaryScan::new(master, PrimaryAddress(first), PrimaryAddress(last));
        let outcome = run((&self.clock, &mut self.port, &mut self.stop), &mut scan, |scan, _| {
            while let Some(event) = scan.poll_event() {
                match event {
                    ScanEvent::Found { address, payload } => {
                        found(Found::Meter(address, payload.and_then(|payload| rebuilt(address, payload))))?;
                    }
                    ScanEvent::Shared { address, fault } => {
                        found(Found::Several(format!("address {address}"), fault))?;
                    }
                    ScanEvent::Done(report) => return Ok(ControlFlow::Break(report)),
                    _ => {}
                }
            }
            progress(scan.progress());
            Ok(ControlFlow::Continue(()))
        })
        .await;
        self.master = Some(scan.into_master());
        outcome
    }
}

/// The frame that brought this payload; C without ACD and DFC.
fn rebuilt(address: PrimaryAddress, payload: &[u8]) -> Option<Vec<u8>> {
    frame(mbus_link::CField::RSP_UD, address, payload)
}

fn frame(c_field: mbus_link::CField, address: PrimaryAddress, payload: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = [0; mbus_link::wired::frame::MAX_LEN];
    let frame = Frame::Long { c_field, address, payload };
    frame.encode_into(&mut buffer).ok().map(|octets| octets.to_vec())
}

type Ended = Result<Answer, (Fault, u8)>;

/// How an order ended, when this event ends it.
fn ended(event: &MasterEvent<'_>) -> Option<Ended> {
    Some(match *event {
        MasterEvent::Acknowledged { .. } | MasterEvent::Sent { .. } | MasterEvent::RateChanged(_) => {
            Ok(Answer::Done)
        }
        MasterEvent::Status { .. } | MasterEvent::Cancelled => Ok(Answer::Done),
        MasterEvent::Data { address, c_field, payload, .. } => {
            Ok(Answer::Data(frame(c_field, address, payload).unwrap_or_default()))
        }
        MasterEvent::Failed { fault, sends, .. } => Err((fault, sends)),
        _ => return None,
    })
}
