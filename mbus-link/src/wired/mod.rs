//! Wired M-Bus: EN 13757-2.
//!
//! Frames and what finds them in a stream, the times of the line, and the state machines of both ends. The machines
//! share the verbs of [`Station`].

pub mod address;
pub mod baud_rate;
pub mod command;
pub mod data_class;
pub mod deframer;
pub mod frame;
mod frame_store;
pub mod master;
pub mod search;
pub mod selection;
pub mod slave;
mod station;
pub mod timing;

pub use address::PrimaryAddress;
pub use baud_rate::BaudRate;
pub use command::Command;
pub use data_class::DataClass;
pub use deframer::{Deframed, Deframer};
pub use frame::{Frame, FrameType};
pub use master::{Expected, Fault, Master, MasterEvent};
pub use search::{PrimaryScan, ScanEvent, Search, SearchEvent, SearchReport, SearchSettings};
pub use selection::Selection;
pub use slave::{Slave, SlaveEvent, SlaveSettings};
pub use station::Station;
pub use timing::LineTiming;
