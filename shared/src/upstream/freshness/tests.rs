//! Each rule on its own.
