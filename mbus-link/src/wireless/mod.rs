//! The link layer of wireless M-Bus, EN 13757-4.

pub mod access_cycle;
pub mod duplicates;
pub mod frame;
pub mod installation;
pub mod interval;
pub mod link_status;
pub mod routing;
pub mod stored_frame;

pub use duplicates::{DuplicateFilter, DuplicateKey, Verdict};
pub use frame::{Frame, FrameBuilder, LengthQuirk};
pub use installation::{Installation, InstallationEvent};
pub use interval::{NominalInterval, SynchronousPredictor};
pub use link_status::LinkStatus;
pub use routing::Routing;
pub use stored_frame::StoredFrame;
