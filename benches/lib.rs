//! Telegrams that the benchmarks share.
