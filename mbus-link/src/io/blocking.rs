//! `embedded-io`: one step at a time, without waiting for octets.

use embedded_io::{Read, ReadReady, Write};

use crate::time::Instant;
use crate::wired::Station;

use super::{CHUNK, PortError};

/// Reads in one step, so that a line that is never silent does not hold the caller.
const READS: usize = 8;

/// Hands what has come in to the machine, does what is due at `now`, and writes what is to be sent. Call it again when
/// octets can be read, and when [`Station::poll_timeout`] is due; fetch the events in between.
///
/// Reading does not wait. Writing waits as long as the port does.
///
/// # Errors
/// [`PortError`].
pub fn step<P: Read + ReadReady + Write>(
    port: &mut P,
    station: &mut impl Station,
    now: Instant,
) -> Result<(), PortError<P::Error>> {
    let mut buffer = [0; CHUNK];
    for _ in 0..READS {
        if !port.read_ready().map_err(PortError::Port)? {
            break;
        }
        match port.read(&mut buffer).map_err(PortError::Port)? {
            0 => return Err(PortError::Closed),
            len => station.handle_input(now, buffer.get(..len).unwrap_or_default()),
        }
    }
    station.handle_timeout(now);
    if let Some(octets) = station.poll_transmit(now) {
        write(port, octets)?;
        port.flush().map_err(PortError::Port)?;
    }
    Ok(())
}

/// Writes all. Not with `write_all` of the trait, which panics when a port takes nothing.
fn write<P: Write>(port: &mut P, mut octets: &[u8]) -> Result<(), PortError<P::Error>> {
    while !octets.is_empty() {
        octets = super::behind(octets, port.write(octets).map_err(PortError::Port)?)?;
    }
    Ok(())
}
