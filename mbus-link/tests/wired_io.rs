//! Master and slave over ports of `embedded-io` and `embedded-io-async`, in virtual time.
#![cfg(all(feature = "embedded-io", feature = "embedded-io-async"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use embedded_io::{ErrorType, Read, ReadReady, Write};
use mbus_link::io::{PortError, Timer, run, step, turn};
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{
    DataClass, LineTiming, Master, MasterEvent, PrimaryAddress, Slave, SlaveEvent, SlaveSettings, Station,
};

type Line = Rc<RefCell<VecDeque<u8>>>;

/// One end of a line of two wires, that gives at most three octets at a time.
#[derive(Clone)]
struct Port {
    from: Line,
    to: Line,
    is_closed: bool,
}

fn ports() -> (Port, Port) {
    let (a, b) = (Line::default(), Line::default());
    let port = |from: &Line, to: &Line| Port { from: from.clone(), to: to.clone(), is_closed: false };
    (port(&a, &b), port(&b, &a))
}
impl ErrorType for Port {
    type Error = Infallible;
}
impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.is_closed || !self.from.borrow().is_empty())
    }
}
impl Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut from = self.from.borrow_mut();
        let len = from.len().min(buffer.len()).min(3);
        buffer.iter_mut().zip(from.drain(..len)).for_each(|(place, octet)| *place = octet);
        Ok(len)
    }
}
impl Write for Port {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        self.to.borrow_mut().extend(octets);
        Ok(octets.len())
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// The same port for futures.
struct AsyncPort(Port);

impl ErrorType for AsyncPort {
    type Error = Infallible;
}
impl embedded_io_async::Read for AsyncPort {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(
            |_| if self.0.read_ready().unwrap() { Poll::Ready(self.0.read(buffer)) } else { Poll::Pending },
        )
        .await
    }
}
impl embedded_io_async::Write for AsyncPort {
    async fn write(&mut self, octets: &[u8]) -> Result<usize, Infallible> {
        self.0.write(octets)
    }
    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
struct Clock(Rc<Cell<Instant>>);

impl Timer for Clock {
    fn now(&mut self) -> Instant {
        self.0.get()
    }
    async fn wait_until(&mut self, at: Instant) {
        poll_fn(|_| if self.0.get() < at { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

fn master() -> Master {
    let mut master = Master::new(LineTiming::new(2400));
    master.request(PrimaryAddress(1), DataClass::Two).unwrap();
    master
}
fn slave() -> Slave {
    Slave::new(SlaveSettings { address: PrimaryAddress(1), ..SlaveSettings::default() })
}
fn serve(slave: &mut Slave) {
    while let Some(event) = slave.poll_event() {
        if let SlaveEvent::Request { .. } = event {
            slave.respond(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]).unwrap();
        }
    }
}
fn is_read(master: &mut Master) -> bool {
    let Some(event) = master.poll_event() else { return false };
    assert!(matches!(event, MasterEvent::Data { payload: [0x78, ..], sends: 1, .. }), "{event:?}");
    true
}

#[test]
fn a_reading_over_embedded_io() {
    let (mut near, mut far) = ports();
    let (mut master, mut slave) = (master(), slave());
    for millis in 0..300 {
        let now = Instant::from_micros(millis * 1000);
        step(&mut near, &mut master, now).unwrap();
        step(&mut far, &mut slave, now).unwrap();
        serve(&mut slave);
        if is_read(&mut master) {
            near.is_closed = true;
            assert_eq!(step(&mut near, &mut master, now), Err(PortError::Closed));
            return;
        }
    }
    panic!("no reading");
}

#[test]
fn a_reading_over_embedded_io_async() {
    let (near, far) = ports();
    let clock = Rc::new(Cell::new(Instant::ZERO));
    let (mut near, mut far) = (AsyncPort(near), AsyncPort(far));
    let (mut master, mut slave) = (master(), slave());
    let done = Cell::new(false);
    let mut reader = pin!(async {
        run(&mut near, &mut Clock(clock.clone()), &mut master).await.unwrap();
        assert!(is_read(&mut master));
        // Nobody answers: the time alone ends it.
        far_is_gone(&mut near, &clock, &mut master).await;
        done.set(true);
    });
    let mut meter = pin!(async {
        loop {
            run(&mut far, &mut Clock(clock.clone()), &mut slave).await.unwrap();
            serve(&mut slave);
        }
    });
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3000 {
        if reader.as_mut().poll(&mut context).is_ready() {
            break;
        }
        let _: Poll<()> = meter.as_mut().poll(&mut context);
        clock.set(clock.get().after(Duration::from_millis(1)));
    }
    assert!(done.get());
}

async fn far_is_gone(near: &mut AsyncPort, clock: &Rc<Cell<Instant>>, master: &mut Master) {
    master.request(PrimaryAddress(2), DataClass::Two).unwrap();
    let before = clock.get();
    while !matches!(master.poll_event(), Some(MasterEvent::Failed { .. })) {
        run(near, &mut Clock(clock.clone()), master).await.unwrap();
        assert!(master.has_event());
    }
    assert!(clock.get().since(before) > Duration::from_millis(600));
    near.0.is_closed = true;
    master.request(PrimaryAddress(2), DataClass::Two).unwrap();
    assert_eq!(run(near, &mut Clock(clock.clone()), master).await, Err(PortError::Closed));
    assert_eq!(master.baud(), 2400);
}

/// The future is polled once: it ends at once or waits for the line and the clock.
fn once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_turn_ends_with_everything_that_happens() {
    let (near, far) = ports();
    let mut port = AsyncPort(far);
    let mut clock = Clock(Rc::new(Cell::new(Instant::ZERO)));
    let mut slave = slave();
    assert_eq!(once(turn(&mut port, &mut clock, &mut slave)), Poll::Pending);
    // REQ-UD2 comes in two parts: the first one is no event, and a turn that was given up has lost nothing.
    near.to.borrow_mut().extend([0x10, 0x5B, 0x01, 0x5C, 0x16]);
    for is_whole in [false, true] {
        assert_eq!(once(turn(&mut port, &mut clock, &mut slave)), Poll::Ready(Ok(())));
        assert_eq!(slave.has_event(), is_whole);
    }
    // An event that waits is not waited behind.
    assert_eq!(once(turn(&mut port, &mut clock, &mut slave)), Poll::Ready(Ok(())));
    serve(&mut slave);
    // The answer has its time, and goes out in the turn that its time ends.
    assert_eq!(once(turn(&mut port, &mut clock, &mut slave)), Poll::Pending);
    assert!(near.from.borrow().is_empty());
    clock.0.set(slave.poll_timeout().unwrap());
    assert!(once(turn(&mut port, &mut clock, &mut slave)).is_pending());
    assert_eq!(near.from.borrow().front(), Some(&0x68));
    port.0.is_closed = true;
    assert_eq!(once(turn(&mut port, &mut clock, &mut slave)), Poll::Ready(Err(PortError::Closed)));
}

#[test]
fn a_turn_ends_with_time_that_passes() {
    let (near, far) = ports();
    let mut port = AsyncPort(near);
    let time = Rc::new(Cell::new(Instant::ZERO));
    let mut timer = Clock(time.clone());
    let mut master = master();
    let mut context = Context::from_waker(Waker::noop());
    assert!(once(turn(&mut port, &mut timer, &mut master)).is_pending());
    // Nobody answers, which is told; the line rests, and then, without an event, the request goes out again.
    for (is_told, sent) in [(true, 5), (false, 10)] {
        let due = master.poll_timeout().unwrap();
        {
            let mut waiting = pin!(turn(&mut port, &mut timer, &mut master));
            time.set(Instant::from_micros(due.as_micros() - 1));
            assert!(waiting.as_mut().poll(&mut context).is_pending());
            time.set(due);
            assert_eq!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(())));
        }
        assert_eq!(matches!(master.poll_event(), Some(MasterEvent::Retry { sends: 1, .. })), is_told);
        assert_eq!((far.from.borrow().len(), master.has_event()), (sent, false));
    }
}

/// A port that claims to have taken so many octets, whatever it was given.
struct Claiming(usize);

impl ErrorType for Claiming {
    type Error = Infallible;
}
impl ReadReady for Claiming {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(false)
    }
}
impl Read for Claiming {
    fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0)
    }
}
impl Write for Claiming {
    fn write(&mut self, _: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0)
    }
    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
impl embedded_io_async::Read for Claiming {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(self.0)
    }
}
impl embedded_io_async::Write for Claiming {
    async fn write(&mut self, _: &[u8]) -> Result<usize, Infallible> {
        Ok(self.0)
    }
    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A port that takes no octets is closed, one that claims more than it was given is believed to have taken all: neither is a
/// reason to panic.
#[test]
fn a_port_may_claim_what_it_likes() {
    assert_eq!(step(&mut Claiming(0), &mut master(), Instant::ZERO), Err(PortError::Closed));
    for claimed in [1, 5, 6, usize::MAX] {
        assert_eq!(step(&mut Claiming(claimed), &mut master(), Instant::ZERO), Ok(()));
    }
    let mut timer = Clock(Rc::new(Cell::new(Instant::ZERO)));
    let closed = once(turn(&mut Claiming(0), &mut timer, &mut master()));
    assert_eq!(closed, Poll::Ready(Err(PortError::Closed)));
    for claimed in [1, 5, 6, usize::MAX] {
        assert_eq!(once(turn(&mut Claiming(claimed), &mut timer, &mut master())), Poll::Ready(Ok(())));
    }
}
