//! Wired meters behind a pseudo-terminal or a TCP socket, in real time.

use super::arguments::Wired;
use super::segment::{Faults, Segment};
use super::wired::WiredMeter;
use crate::port::{self, Clock, Port};
use embedded_io_adapters::tokio_1::FromTokio;
use mbus_app::alarm::Alarm;
use mbus_link::wired::{Frame, LineTiming};
use std::io::{self, Write};
use tokio::net::TcpListener;

/// The meters of the command line, none of them read yet.
#[must_use]
pub fn meters(arguments: &Wired) -> Vec<WiredMeter> {
    let common = &arguments.common;
    let line = LineTiming::new(arguments.baud.baud());
    let meters = common.meters.iter().enumerate().map(|(n, spec)| {
        let (primary, identity) = spec.addresses(n, common.manufacturer);
        let mut meter = WiredMeter::new(spec.kind, primary, identity, line);
        if let Some(bits) = arguments.alarm {
            meter.raise(Alarm(bits));
        }
        meter
    });
    meters.collect()
}

/// Prints what the meters would answer, one frame per line.
///
/// # Errors
/// Those of the writer.
pub fn show(arguments: &Wired, out: &mut dyn Write) -> io::Result<()> {
    for meter in meters(arguments) {
        for page in 0..meter.telegrams() {
            let payload = meter.readings(page, arguments.common.now()).map_err(io::Error::other)?;
            let (c_field, address) = (mbus_link::CField::RSP_UD, meter.slave.address());
            let frame = Frame::Long { c_field, address, payload: &payload };
            let mut buffer = [0; mbus_link::wired::frame::MAX_LEN];
            let octets = frame.encode_into(&mut buffer).map_err(io::Error::other)?;
            writeln!(out, "{}", examples::decode::hex::upper(octets))?;
        }
    }
    Ok(())
}

/// Answers masters until Ctrl-C.
///
/// # Errors
/// The port, the socket or the terminal cannot be had, or the writers fail.
pub fn serve(
    arguments: &Wired,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            // Asked for first, so that a stop is a stop also while octets come in.
            biased;
            stopped = tokio::signal::ctrl_c() => stopped,
            served = serve_for_ever(arguments, out, err) => served,
        }
    });
    // A name that is still being looked up keeps nobody waiting.
    runtime.shutdown_background();
    outcome
}

async fn serve_for_ever(
    arguments: &Wired,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> io::Result<()> {
    let faults = Faults { echo: arguments.echo, in_step: arguments.in_step, ..Faults::default() };
    let mut segment = Segment::new(meters(arguments), faults, arguments.common.now());
    let mut clock = Clock::start();
    let Some(address) = &arguments.tcp else {
        let (ours, theirs, name) = port::pseudo_terminal(arguments.baud.baud())?;
        writeln!(out, "{name}").and_then(|()| out.flush())?;
        let outcome = answer(arguments, &mut clock, ours, &mut segment, err).await;
        drop(theirs);
        return outcome;
    };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{address}: {error}\n  try: another port, or 127.0.0.1:0 for any free one"),
        )
    })?;
    writeln!(out, "{}", listener.local_addr()?).and_then(|()| out.flush())?;
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        match answer(arguments, &mut clock, stream, &mut segment, err).await {
            // The master hung up: the next one, please.
            Err(error) if is_hangup(&error) => segment.hang_up(),
            outcome => return outcome,
        }
    }
}

fn is_hangup(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

async fn answer<P: Port>(
    arguments: &Wired,
    clock: &mut Clock,
    port: P,
    segment: &mut Segment,
    err: &mut (dyn Write + Send),
) -> io::Result<()> {
    let mut port = FromTokio::new(port);
    loop {
        segment.set_clock(arguments.common.now());
        if let Some(baud) = port.inner().baud() {
            segment.set_port_baud(baud);
        }
        for meter in segment.meters() {
            let identity = meter.slave.identity();
            for line in meter.take_log() {
                if arguments.verbose {
                    writeln!(err, "{identity}: {line}")?;
                }
            }
        }
        mbus_link::io::turn(&mut port, clock, segment).await.map_err(port::failure)?;
    }
}
