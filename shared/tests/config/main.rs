//! The settings engine from outside: what is read, and what every kind of fault says and where.

mod faults;
mod helpers;
mod values;
