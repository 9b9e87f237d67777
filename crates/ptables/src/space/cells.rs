//! Single values of fields, and single interfaces: what spaces of different families have in common.

use super::arena::{Set, TooLarge};
use super::compile::Space;
use crate::value::iface::Iface;

impl Space {
    /// The names of interfaces that conditions tell apart, one of each class, in order.
    pub fn iface_names(&self, incoming: bool) -> Vec<Iface> {
        let names = if incoming { &self.ins.1 } else { &self.outs.1 };
        (0..names.classes.len()).filter_map(|class| names.example(class)).collect()
    }

    /// Packets that come (`incoming`) or leave through the interface of this name, or one that conditions do not tell from it.
    ///
    /// # Errors
    /// [`TooLarge`].
    pub fn named(&mut self, name: &Iface, incoming: bool) -> Result<Set, TooLarge> {
        let (dim, names) = if incoming { &self.ins } else { &self.outs };
        match names.class_of(name.as_bytes()) {
            Some(class) => dim.classes(&mut self.arena, class as u32, class as u32),
            None => Ok(Set::NONE),
        }
    }

    /// The variables of the incoming or the outgoing interface: the first, and how many.
    pub fn iface_variables(&self, incoming: bool) -> (u32, u32) {
        let dim = if incoming { &self.ins.0 } else { &self.outs.0 };
        (dim.first, dim.width)
    }
}
