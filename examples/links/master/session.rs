//! A port, a master behind it, and orders one after the other.
//!
//! Invariants: Ctrl-C ends the opening of a port, and any order between two octets; it leaves nothing half printed, and
//! what was found before is kept.

use super::problem::Problem;
use super::target::Target;
use crate::port::{self, AnyPort, Clock};
use embedded_io_adapters::tokio_1::FromTokio;
use mbus_link::io::turn;
use mbus_link::wired::{
    Fault, Frame, Master, MasterEvent, PrimaryAddress, PrimaryScan, ScanEvent, Search, SearchEvent,
    SearchReport, Station,
};
use std::future::Future;
use std::io;
use std::pin::Pin;

/// How an order ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// E5, or nothing where nothing was to be expected.
    Done,
    /// RSP-UD.
    Data {
        /// The whole frame.
        octets: Vec<u8>,
        /// In a readout: the telegram before it once more.
        repeated: bool,
    },
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
    line: Line,
    /// There but while a search has it.
    master: Option<Master>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("clock", &self.line.clock).finish_non_exhaustive()
    }
}

/// What a station is run with.
struct Line {
    port: FromTokio<AnyPort>,
    clock: Clock,
    stop: Stop,
}

impl Line {
    /// Runs a station until `step` has an outcome, or Ctrl-C. It is called after everything that happened.
    async fn run<S: Station, T>(
        &mut self,
        station: &mut S,
        mut step: impl FnMut(&mut S, &mut AnyPort) -> Result<Option<T>, Problem>,
    ) -> Result<T, Problem> {
        let Self { port, clock, stop } = self;
        unless_stopped(stop, async {
            loop {
                // Not as any error of the system: a pipe that breaks here is the port and not the output.
                turn(port, clock, station).await.map_err(|error| Problem::Io(port::failure(error)))?;
                if let Some(outcome) = step(station, port.inner_mut())? {
                    return Ok(outcome);
                }
            }
        })
        .await
    }
}

/// Ends `work` when the user wants it. Whatever comes after that is ended too.
async fn unless_stopped<T>(
    stop: &mut Stop,
    work: impl Future<Output = Result<T, Problem>>,
) -> Result<T, Problem> {
    tokio::select! {
        // Asked for first, so that a stop is a stop also while octets come in.
        biased;
        stopped = &mut *stop => {
            *stop = Box::pin(std::future::ready(Ok(())));
            stopped?;
            Err(Problem::Stopped)
        }
        outcome = work => outcome,
    }
}

impl Session {
    /// Opens a port, see [`port::open`]; the master and the port work at the same rate.
    ///
    /// # Errors
    /// [`Problem::Port`], [`Problem::Stopped`].
    pub async fn open(port: &str, master: Master) -> Result<Self, Problem> {
        Self::open_until(Box::pin(tokio::signal::ctrl_c()), port, master).await
    }
    async fn open_until(mut stop: Stop, port: &str, master: Master) -> Result<Self, Problem> {
        let opened = port::open(port, master.line().baud);
        let port = unless_stopped(&mut stop, async { opened.await.map_err(Problem::Port) }).await?;
        let line = Line { port: FromTokio::new(port), clock: Clock::start(), stop };
        Ok(Self { line, master: Some(master) })
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
        let ended = self.line.run(master, |master, port| {
            while let Some(event) = master.poll_event() {
                if let MasterEvent::BaudRate(baud) = event {
                    port.set_baud(baud)?;
                } else if let Some(ended) = ended(&event) {
                    return Ok(Some(ended));
                }
            }
            Ok(None)
        });
        match ended.await? {
            Ok(answer) => Ok(answer),
            Err((fault, sends)) => Err(Problem::Meter { what: what.to_owned(), fault, sends }),
        }
    }
    /// Selects a meter that is named by its secondary address; one at a primary address needs no selection.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn select(&mut self, meter: Target) -> Result<(), Problem> {
        if let Some(selection) = meter.selection() {
            self.order(&meter.to_string(), |master| master.select(&selection)).await?;
        }
        Ok(())
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
        let running = self.line.run(&mut search, |search, _| {
            while let Some(event) = search.poll_event() {
                match event {
                    SearchEvent::Found { address, payload, .. } => {
                        found(Found::Meter(address, rebuilt(address, payload)))?;
                    }
                    SearchEvent::Unresolved { selection, fault } => {
                        found(Found::Several(selection.address.to_string(), fault))?;
                    }
                    SearchEvent::Done(report) => return Ok(Some(report)),
                    _ => {}
                }
            }
            progress(search.progress());
            Ok(None)
        });
        let outcome = running.await;
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
        let running = self.line.run(&mut scan, |scan, _| {
            while let Some(event) = scan.poll_event() {
                match event {
                    ScanEvent::Found { address, payload } => {
                        found(Found::Meter(address, payload.and_then(|payload| rebuilt(address, payload))))?;
                    }
                    ScanEvent::Shared { address, fault } => {
                        found(Found::Several(format!("address {address}"), fault))?;
                    }
                    ScanEvent::Done(report) => return Ok(Some(report)),
                    _ => {}
                }
            }
            progress(scan.progress());
            Ok(None)
        });
        let outcome = running.await;
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
        MasterEvent::Data { address, c_field, payload, repeated, .. } => {
            Ok(Answer::Data { octets: frame(c_field, address, payload).unwrap_or_default(), repeated })
        }
        MasterEvent::Failed { fault, sends, .. } => Err((fault, sends)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mbus_link::time::Duration;
    use mbus_link::wired::{BaudRate, DataClass, LineTiming};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll};
    use tokio::io::AsyncReadExt;
    use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(test);
    }

    #[test]
    fn a_stop_ends_what_would_wait_for_ever_and_all_after_it() {
        run(async {
            let (tell, told) = tokio::sync::oneshot::channel();
            let mut stop: Stop = Box::pin(async { told.await.map_err(io::Error::other) });
            let work = async {
                let _ = tell.send(());
                std::future::pending::<Result<(), Problem>>().await
            };
            assert!(matches!(unless_stopped(&mut stop, work).await, Err(Problem::Stopped)));
            let done = std::future::ready(Ok(()));
            assert!(matches!(unless_stopped(&mut stop, done).await, Err(Problem::Stopped)));
        });
    }

    #[test]
    fn a_stop_ends_the_opening_and_an_order() {
        run(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a socket");
            let name = listener.local_addr().expect("its address").to_string();
            let master = || Master::new(LineTiming::new(300));
            let stopped = Session::open_until(Box::pin(std::future::ready(Ok(()))), &name, master()).await;
            assert!(matches!(stopped, Err(Problem::Stopped)));
            // The stop comes when the request is on the line, and nobody answers.
            let stop = async move {
                let (mut stream, _) = listener.accept().await?;
                stream.read_exact(&mut [0; 5]).await.map(|_| ())
            };
            let mut session = Session::open_until(Box::pin(stop), &name, master()).await.expect("a session");
            let order = session.order("1", |master| master.request(PrimaryAddress(1), DataClass::Two));
            assert!(matches!(order.await, Err(Problem::Stopped)));
        });
    }

    /// A port that remembers the rates it was set to.
    struct Recorder(tokio::io::DuplexStream, Arc<Mutex<Vec<u32>>>);

    impl AsyncRead for Recorder {
        fn poll_read(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_read(context, buffer)
        }
    }
    impl AsyncWrite for Recorder {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            octets: &[u8],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.0).poll_write(context, octets)
        }
        fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_flush(context)
        }
        fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.0).poll_shutdown(context)
        }
    }
    impl port::Port for Recorder {
        fn set_baud(&mut self, baud: u32) -> io::Result<()> {
            self.1.lock().expect("nobody panicked").push(baud);
            Ok(())
        }
        fn baud(&self) -> Option<u32> {
            None
        }
    }

    #[test]
    fn the_port_changes_its_rate_with_the_meter_and_falls_back_without() {
        let rate = BaudRate::from_baud(9600).expect("a rate of the standard");
        for is_there in [true, false] {
            run(async move {
                let (ours, mut theirs) = tokio::io::duplex(1024);
                let rates = Arc::new(Mutex::new(Vec::new()));
                let port: AnyPort = Box::new(Recorder(ours, rates.clone()));
                let allowance = Duration::from_millis(if is_there { 60_000 } else { 100 });
                let mut master = Master::new(LineTiming::new(2400).with_allowance(allowance));
                master.set_sends(1);
                let stop: Stop = Box::pin(std::future::pending());
                let line = Line { port: FromTokio::new(port), clock: Clock::start(), stop };
                let mut session = Session { line, master: Some(master) };
                let meter = tokio::spawn(async move {
                    let mut command = [0; 9];
                    theirs.read_exact(&mut command).await?;
                    theirs.write_all(&[0xE5]).await?;
                    let mut proof = [0; 5];
                    theirs.read_exact(&mut proof).await?;
                    if is_there {
                        theirs.write_all(&[0xE5]).await?;
                    }
                    // The line stays open until the master has gone.
                    let _ = theirs.read(&mut [0]).await;
                    io::Result::Ok((command[6], proof))
                });
                let order = session.order("1", |master| master.change_rate(PrimaryAddress(1), rate));
                let (outcome, expected) = (order.await, if is_there { &[9600][..] } else { &[9600, 2400] });
                assert_eq!(*rates.lock().expect("nobody panicked"), expected);
                match outcome {
                    Ok(answer) => assert!(is_there && answer == Answer::Done),
                    Err(problem) => assert!(!is_there && matches!(problem, Problem::Meter { .. })),
                }
                drop(session);
                let heard = meter.await.expect("no panic").expect("a line");
                assert_eq!(heard, (0xBD, [0x10, 0x40, 0x01, 0x41, 0x16]));
            });
        }
    }
}
