//! What the programs at the ends of a link are made of, so that their parts can be tested without starting a process.

pub mod bus;
pub mod gateway;
pub mod line;
pub mod master;
pub mod meter;
pub mod port;
pub mod random;

/// A rate of the wired bus.
fn baud(text: &str) -> Result<mbus_link::wired::BaudRate, String> {
    use mbus_link::wired::BaudRate;
    text.parse().ok().and_then(BaudRate::from_baud).ok_or_else(|| {
        let rates: Vec<String> = BaudRate::TABLE.iter().map(|rate| rate.baud().to_string()).collect();
        format!("the rates of the bus are {}", rates.join(", "))
    })
}
