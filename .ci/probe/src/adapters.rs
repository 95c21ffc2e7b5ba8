//! The adapters to ports: a port that gives what it was given in pieces, and claims to have written what it likes.

use core::convert::Infallible;
#[cfg(feature = "futures")]
use core::future::{Future, ready};
use core::hint::black_box;
#[cfg(feature = "futures")]
use core::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use mbus_link::io::step;
#[cfg(feature = "futures")]
use mbus_link::io::{Timer, run, turn};
use mbus_link::time::Instant;
use mbus_link::wired::{
    DataClass, LineTiming, Master, PrimaryAddress, PrimaryScan, Search, SearchSettings, Slave, SlaveSettings,
    Station,
};

struct Port<'a> {
    input: &'a [u8],
    written: usize,
}

impl embedded_io::ErrorType for Port<'_> {
    type Error = Infallible;
}

impl Port<'_> {
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let len = black_box(self.input.len().min(buffer.len()).min(7));
        for (to, from) in buffer.iter_mut().zip(self.input) {
            *to = *from;
        }
        self.input = self.input.get(len..).unwrap_or_default();
        len
    }
    fn put(&mut self, octets: &[u8]) -> usize {
        self.written = self.written.wrapping_add(octets.len());
        black_box(5)
    }
}

impl embedded_io::ReadReady for Port<'_> {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!black_box(self.input).is_empty())
    }
}

impl embedded_io::Read for Port<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.take(buffer))
    }
}

impl embedded_io::Write for Port<'_> {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        Ok(self.put(octets))
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(feature = "futures")]
impl embedded_io_async::Read for Port<'_> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.take(buffer))
    }
}

#[cfg(feature = "futures")]
impl embedded_io_async::Write for Port<'_> {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        Ok(self.put(octets))
    }
    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[cfg(feature = "futures")]
struct Clock(u64);

#[cfg(feature = "futures")]
impl Timer for Clock {
    fn now(&mut self) -> Instant {
        self.0 = self.0.wrapping_add(black_box(1_000));
        Instant::from_micros(self.0)
    }
    fn wait_until(&mut self, at: Instant) -> impl Future<Output = ()> {
        self.0 = at.as_micros();
        ready(())
    }
}

#[cfg(feature = "futures")]
fn polled(work: impl Future<Output = bool>) -> bool {
    let work = pin!(work);
    matches!(work.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(true))
}

fn all_ways(input: &[u8], station: &mut impl Station) {
    let mut port = Port { input, written: 0 };
    black_box(step(&mut port, station, Instant::from_micros(input.len() as u64)).is_ok());
    #[cfg(feature = "futures")]
    {
        let mut clock = black_box(Clock(0));
        black_box(polled(async { turn(&mut port, &mut clock, station).await.is_ok() }));
        black_box(polled(async { run(&mut port, &mut clock, station).await.is_ok() }));
    }
    black_box((port.written, station.baud()));
}

pub fn ports(input: &[u8]) {
    let line = black_box(LineTiming::new(2400));
    let mut master = black_box(Master::new(line));
    black_box(master.request(PrimaryAddress(1), DataClass::Two).is_ok());
    all_ways(input, &mut master);
    all_ways(input, &mut black_box(Slave::new(SlaveSettings::default())));
    all_ways(input, &mut black_box(Search::new(Master::new(line), SearchSettings::default())));
    all_ways(input, &mut black_box(PrimaryScan::new(master, PrimaryAddress(0), PrimaryAddress(250))));
}
