//! The wired slave: any octets, times that go backwards, and an application that answers when it likes. What is sent is
//! a frame, and afterwards the slave still answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mbus_link::Address;
use mbus_link::time::{Duration, Instant};
use mbus_link::wired::{BaudRate, Command, Frame, PrimaryAddress, Slave, SlaveEvent, SlaveSettings};

fn poll(slave: &mut Slave, now: Instant) -> bool {
    let sent = slave.poll_transmit(now).map(|octets| Frame::parse(octets).expect("a frame").encoded_len());
    sent.is_some()
}

fuzz_target!(|input: &[u8]| {
    let settings = SlaveSettings {
        address: PrimaryAddress(1),
        identity: Address::from_transport_octets([0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03]),
        rates: &BaudRate::TABLE,
        ..SlaveSettings::default()
    };
    let mut slave = Slave::new(settings);
    let mut now = Instant::from_micros(1_000_000);
    let mut rest = input;
    while let Some((op, tail)) = rest.split_first() {
        rest = tail;
        let n = u64::from(op >> 3);
        match op & 7 {
            0 => now = now.after(Duration::from_millis(n * n)),
            1 => now = Instant::from_micros(now.as_micros() >> (n & 7)),
            2 => drop(slave.respond(&rest[..rest.len().min(usize::from(op >> 3) * 9)])),
            3 => drop(slave.acknowledge()),
            4 => slave.set_busy(n & 1 != 0),
            // A frame with the right checksum.
            5 | 6 => {
                let (c, a) = (rest.first().copied().unwrap_or(0x7B), rest.get(1).copied().unwrap_or(1));
                let c_field = mbus_link::CField(c);
                let address = PrimaryAddress(if op & 0x80 != 0 { 1 } else { a });
                let payload = &rest[..rest.len().min(usize::from(op >> 3))];
                let frame = match payload {
                    [] => Frame::Short { c_field, address },
                    payload => Frame::Long { c_field, address, payload },
                };
                let mut buffer = [0; 261];
                if let Ok(octets) = frame.encode_into(&mut buffer) {
                    slave.handle_input(now, octets);
                }
                rest = rest.get(1..).unwrap_or_default();
            }
            _ => {
                let (octets, tail) = rest.split_at(rest.len().min(usize::from(op >> 3)));
                slave.handle_input(now, octets);
                rest = tail;
            }
        }
        poll(&mut slave, now);
        let mut fetched = 0;
        while let Some(event) = slave.poll_event() {
            fetched += 1;
            assert!(fetched <= 8);
            if let SlaveEvent::Command { command: Command::SetAddress(PrimaryAddress(1)), .. } = event {
                slave.set_address(PrimaryAddress(1));
            }
        }
    }
    // Whatever came: at the rate it has now it answers SND-NKE within the window.
    now = Instant::from_micros(u64::MAX / 2);
    slave.handle_timeout(now);
    poll(&mut slave, now);
    now = now.after(Duration::from_secs(1));
    slave.handle_input(now, &[0x10, 0x40, 0x01, 0x41, 0x16]);
    let due = slave.poll_timeout().expect("an answer is due");
    assert_eq!(slave.poll_transmit(due), Some(&[0xE5][..]));
});
