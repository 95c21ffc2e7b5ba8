//! Commands to devices: application reset and select, selection on the bus, clock, baud rate, addresses, switches, due
//! dates, error flags, images.
//!
//! | command | CI | body |
//! |---|---|---|
//! | application reset or select; which one is selected? | 50h, 53h, 57h; 54h, 55h | [`ApplicationSelect`]; nothing |
//! | write, add, clear, freeze, read out, ... | 51h, 5Ah, 5Bh | records with an [`ObjectAction`], some of them a [`DataCommand`] |
//! | selection of a slave (wired) | 52h | [`Selection`] |
//! | synchronise action | 5Ch | nothing |
//! | clock | 62h, 6Ch; 6Dh is read only | [`ClockCommand`] |
//! | compact or format frame instead of a full one | 84h, 85h | nothing |
//! | baud rate (wired) | B8h to BFh, [`BaudRate`] | nothing |
//! | image transfer | C0h, C7h | [`ImageTransfer`] |
//! | security information | C3h, C6h | blocks of [`oms_security::security_information`], inside them a [`SecuredCommand`] |
//! | network management | 82h, 83h | octets; the layout is not published |
//!
//! [`crate::body::Body`] is any of these, [`crate::telegram::builder::TelegramBuilder`] the whole telegram around it;
//! [`crate::telegram::builder::TelegramBuilder::seal_into`] secures one.

pub mod application;
pub mod clock;
pub mod data;
pub mod image_transfer;
pub mod secured;
pub mod switch;

pub use crate::record::ObjectAction;
pub use application::ApplicationSelect;
pub use clock::ClockCommand;
pub use data::DataCommand;
pub use image_transfer::ImageTransfer;
pub use mbus_link::wired::{BaudRate, Selection};
pub use secured::SecuredCommand;
pub use switch::{Switch, SwitchState};
