//! `embedded-io-async`: runs a machine until something happens, or until it has something to tell.

use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::{Read, Write};

use crate::time::Instant;
use crate::wired::Station;

use super::{CHUNK, PortError};

/// The clock of an executor.
pub trait Timer {
    /// The time.
    fn now(&mut self) -> Instant;
    /// Ready when `at` has come, at once when it has passed.
    fn wait_until(&mut self, at: Instant) -> impl Future<Output = ()>;
}

/// Runs the machine until an event can be fetched. A master without an order has nothing to do and waits for octets that
/// nobody asked for: give it an order first.
///
/// The future may be dropped at any time if reading and writing of the port may; the machine goes on with the next call.
///
/// # Errors
/// [`PortError`].
pub async fn run<P: Read + Write>(
    port: &mut P,
    timer: &mut impl Timer,
    station: &mut impl Station,
) -> Result<(), PortError<P::Error>> {
    while {
        turn(port, timer, station).await?;
        !station.has_event()
    } {}
    Ok(())
}

/// One turn of [`run`], for programs that look around after everything that happens: at the progress of a search, at the
/// rate of a port that somebody else sets. Sends what is due; then, unless an event waits to be fetched, waits for octets
/// or for [`Station::poll_timeout`], whichever comes first, and has the machine do its part.
///
/// The future may be dropped as that of [`run`].
///
/// # Errors
/// [`PortError`].
pub async fn turn<P: Read + Write>(
    port: &mut P,
    timer: &mut impl Timer,
    station: &mut impl Station,
) -> Result<(), PortError<P::Error>> {
    settle(port, timer, station).await?;
    if station.has_event() {
        return Ok(());
    }
    let mut buffer = [0; CHUNK];
    let due = station.poll_timeout();
    let heard = {
        let mut read = pin!(port.read(&mut buffer));
        let mut wait = pin!(async {
            match due {
                Some(at) => timer.wait_until(at).await,
                None => pending().await,
            }
        });
        poll_fn(|context| {
            if let Poll::Ready(outcome) = read.as_mut().poll(context) {
                return Poll::Ready(Some(outcome));
            }
            wait.as_mut().poll(context).map(|()| None)
        })
        .await
    };
    match heard {
        Some(Ok(0)) => return Err(PortError::Closed),
        Some(Ok(len)) => station.handle_input(timer.now(), buffer.get(..len).unwrap_or_default()),
        Some(Err(error)) => return Err(PortError::Port(error)),
        None => {}
    }
    settle(port, timer, station).await
}

/// Does what is due and writes what is to be sent.
async fn settle<P: Write>(
    port: &mut P,
    timer: &mut impl Timer,
    station: &mut impl Station,
) -> Result<(), PortError<P::Error>> {
    let now = timer.now();
    station.handle_timeout(now);
    if let Some(octets) = station.poll_transmit(now) {
        write(port, octets).await?;
        port.flush().await.map_err(PortError::Port)?;
    }
    Ok(())
}

/// Writes all. Not with `write_all` of the trait, which panics when a port takes nothing.
async fn write<P: Write>(port: &mut P, mut octets: &[u8]) -> Result<(), PortError<P::Error>> {
    while !octets.is_empty() {
        octets = super::behind(octets, port.write(octets).await.map_err(PortError::Port)?)?;
    }
    Ok(())
}
