//! The only crate of ptables that reads or changes a running system.
//!
//! It does so by running the iptables tools of the machine, never by guessing what they would do:
//!
//! - [`Kernel`] is a handle on one network namespace: which tools, how long they may take, under which lock;
//! - [`Kernel::detect`] and [`Kernel::version`] tell what holds the rules and which tools there are;
//! - [`Kernel::save`] and [`Kernel::restore`] read and replace rules, and map what a tool complains about to a line;
//! - [`Kernel::restore_program`] checks a program, restores it, and names the line of the program that was refused;
//! - [`Kernel::locate_commit_failure`] finds the rule that the kernel refused when the tool does not name it;
//! - [`apply`] applies only what differs, all of it or nothing, and goes back if nobody confirms;
//! - [`SystemNames`] looks up services, protocols, users and groups;
//! - [`netns`] makes namespaces that hold nothing of the machine;
//! - [`Kernel::try_packets`] sends packets through rules in such a namespace, [`wire`] is how;
//! - [`as_invoker`] and [`memory`] keep what a command reads and runs within the rights and the memory that it should have.
//!
//! Every tool runs by absolute path with a cleared environment, because root's iptables loads code from
//! `XTABLES_LIBDIR`. Nothing is printed; every error is a value and `Send + Sync`.

pub mod apply;
mod detect;
mod error;
mod invoker;
mod kernel;
mod locate;
pub mod memory;
mod names;
mod namespace;
pub mod netns;
mod process;
mod program;
mod restore;
mod save;
mod sets;
mod tool;
mod trial;
mod version;
pub mod wire;

pub use detect::{Detection, DetectionWarning, Reason};
pub use error::Error;
pub use invoker::as_invoker;
pub use kernel::Kernel;
pub use locate::Located;
pub use names::SystemNames;
pub use process::Output;
pub use program::{NotRestored, RestoredProgram};
pub use restore::{Cause, RestoreError, RestoreOptions, Restored, Stage};
pub use save::Saved;
pub use tool::Distrust;
pub use trial::{Ran, Tried};
