//! Ports: serial lines, TCP converters, pseudo-terminals; and the clock beside them.
//!
//! Invariants: a state machine behind one is run by [`mbus_link::io`] alone; a port that is closed at the other end is an
//! error and not silence.

use mbus_link::io::{PortError, Timer};
use mbus_link::time::{Duration, Instant};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_serial::{DataBits, Parity, SerialPort, SerialPortBuilderExt, SerialStream, StopBits};

/// Where octets come from and go to.
pub trait Port: AsyncRead + AsyncWrite + Send + Unpin {
    /// Changes the rate, where the port has one.
    ///
    /// # Errors
    /// The port does not know the rate.
    fn set_baud(&mut self, baud: u32) -> io::Result<()>;
    /// The rate, where the port has one.
    fn baud(&self) -> Option<u32>;
}

impl Port for TcpStream {
    fn set_baud(&mut self, _: u32) -> io::Result<()> {
        Ok(())
    }
    fn baud(&self) -> Option<u32> {
        None
    }
}

impl Port for SerialStream {
    fn set_baud(&mut self, baud: u32) -> io::Result<()> {
        self.set_baud_rate(baud).map_err(io::Error::from)
    }
    fn baud(&self) -> Option<u32> {
        self.baud_rate().ok()
    }
}

/// A port of either kind.
pub type AnyPort = Box<dyn Port>;

/// True when `name` names a TCP converter: HOST:PORT, with `tcp://` or `socket://` before it or not.
#[must_use]
pub fn is_tcp(name: &str) -> bool {
    tcp_address(name)
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// HOST:PORT of such a name.
#[must_use]
pub fn tcp_address(name: &str) -> &str {
    name.strip_prefix("socket://").or_else(|| name.strip_prefix("tcp://")).unwrap_or(name)
}

/// Opens a serial port with 8 data bits, even parity and one stop bit, or a TCP connection.
///
/// # Errors
/// Those of the system, with a word on what to do about them.
pub async fn open(name: &str, baud: u32) -> Result<AnyPort, String> {
    if is_tcp(name) {
        let address = tcp_address(name);
        let connected =
            tokio::time::timeout(std::time::Duration::from_secs(10), TcpStream::connect(address)).await;
        return match connected {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            Ok(Err(error)) => Err(unreachable_converter(address, &error.to_string())),
            Err(_) => Err(unreachable_converter(address, "no answer within 10 s")),
        };
    }
    let builder = tokio_serial::new(name, baud);
    let builder = builder.data_bits(DataBits::Eight).parity(Parity::Even).stop_bits(StopBits::One);
    match builder.open_native_async() {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(unopened(name, &error)),
    }
}

fn unreachable_converter(address: &str, error: &str) -> String {
    format!(
        "{address}: {error}\n  try: is the converter powered and its network lamp on? `ping` its address; most converters \
         take one client only, so close the other program"
    )
}

fn unopened(name: &str, error: &tokio_serial::Error) -> String {
    use tokio_serial::ErrorKind;
    let hint = match error.kind() {
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            "your user may not open serial ports: `sudo usermod -aG dialout $USER`, then log in again"
        }
        ErrorKind::NoDevice | ErrorKind::Io(io::ErrorKind::NotFound) => {
            "plug the converter in and look for its name with `ls /dev/serial/by-id /dev/ttyUSB* /dev/ttyACM*`"
        }
        _ => "close the other program that uses the port; for a TCP converter write HOST:PORT",
    };
    format!("{name}: {error}\n  try: {hint}")
}

/// A new pseudo-terminal: the meters' end, the other end that keeps it open, and the name of that for the master.
///
/// # Errors
/// Those of the system.
pub fn pseudo_terminal(baud: u32) -> io::Result<(SerialStream, SerialStream, String)> {
    let (ours, mut theirs) = SerialStream::pair().map_err(io::Error::from)?;
    theirs.set_baud(baud)?;
    let name = theirs.name().ok_or_else(|| io::Error::other("a pseudo-terminal without a name"))?;
    Ok((ours, theirs, name))
}

/// Why a port does not go on, as an error of the system: [`io::ErrorKind::UnexpectedEof`] when the other end closed it.
#[must_use]
pub fn failure(error: PortError<io::Error>) -> io::Error {
    match error {
        PortError::Closed => io::ErrorKind::UnexpectedEof.into(),
        PortError::Port(error) => error,
    }
}

/// The time of a state machine, counted from the start of the program.
#[derive(Clone, Copy, Debug)]
pub struct Clock(tokio::time::Instant);

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Timer for Clock {
    fn now(&mut self) -> Instant {
        Instant::from_micros(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
    async fn wait_until(&mut self, at: Instant) {
        // A day is as long as anybody waits.
        let micros = at.as_micros().min(self.now().after(Duration::from_secs(86_400)).as_micros());
        tokio::time::sleep_until(self.0 + std::time::Duration::from_micros(micros)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converters_and_serial_ports_are_told_apart() {
        for name in ["10.0.0.5:10001", "socket://gw:5000", "tcp://[::1]:7", "converter.local:1"] {
            assert!(is_tcp(name), "{name}");
        }
        for name in
            ["/dev/ttyUSB0", "COM3", "/dev/serial/by-path/x-usb-0:1.2:1.0", "host", ":5000", "gw:99999"]
        {
            assert!(!is_tcp(name), "{name}");
        }
    }
}
