//! The story of one exchange.
