//! The objects of a script. All are handles: what a loaded file made can still be changed, as a firewall's author expects.

pub(crate) mod ask;
pub(crate) mod chain;
pub(crate) mod class;
pub(crate) mod firewall;
pub(crate) mod list;
pub(crate) mod place;
pub(crate) mod route;
pub(crate) mod rule;
pub(crate) mod tables;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what a panic elsewhere may have left locked: nothing is half written under these locks.
pub(crate) fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Defines a handle that scripts hold.
macro_rules! handle {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Clone,
            starlark::any::ProvidesStaticType,
            starlark::values::NoSerialize,
            starlark::StarlarkPagablePanic,
            allocative::Allocative,
        )]
        pub(crate) struct $name(#[allocative(skip)] pub(crate) std::sync::Arc<$inner>);
        starlark::starlark_simple_value!($name);
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}
pub(crate) use handle;
