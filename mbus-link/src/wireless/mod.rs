//! The link layer of wireless M-Bus, EN 13757-4.
//!
//! ```text
//! frame         octets <-> C, address, payload        routing      for whom, accessible how, repeated
//! access_cycle  meter and gateway talk                installation a new meter finds its gateway
//! interval      when the next frame comes             duplicates   the same frame heard twice
//! link_status   how well a meter is heard             stored_frame a copy that waits to be sent
//! ```
//!
//! The extended link layer is in [`crate::ell`], repeaters are in [`crate::relay`].

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
pub(crate) use routing::long_header_address;
pub use stored_frame::StoredFrame;
