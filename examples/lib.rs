//! What the reference programs are made of, so that their parts can be tested without starting a process.

pub mod command_line;
pub mod decode;
pub mod kept_file;
pub mod profile;
pub mod push;
pub mod receivers;
pub mod seal;
