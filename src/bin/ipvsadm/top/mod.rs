//! `--top`: the balancer, live.
//!
//! A [`reading`] comes from the kernel ([`live`]) or from a [`recording`]. The [`model`] makes rates,
//! shares and states of readings; [`ui`] is what the user has chosen; [`draw`] makes a frame of both, and
//! changes nothing. [`app`] does what [`keys`] ask for. Keys, columns and colours are a table each.
//!
//! Changes are made by whoever calls this: see [`deed`].

pub(crate) mod app;
pub(crate) mod batch;
pub(crate) mod colours;
mod columns;
mod connections;
pub(crate) mod deed;
mod draw;
mod examination;
mod keys;
pub(crate) mod live;
mod model;
mod names;
mod numbers;
mod pace;
mod reading;
pub(crate) mod recording;
mod rows;
pub(crate) mod run;
mod screen;
pub(crate) mod symbols;
mod time;
mod track;
mod ui;
