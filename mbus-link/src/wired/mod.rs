//! Wired M-Bus, EN 13757-2.
