//! The link layer of wireless M-Bus, EN 13757-4.
