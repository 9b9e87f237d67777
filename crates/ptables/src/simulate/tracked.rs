//! The connection of a packet on its way.

use std::cell::OnceCell;

use crate::packet::{Connection, Packet, Tuple};
use crate::value::ct_state::CtState;

/// The connection of a packet. What tracking makes of a packet that begins one is only written down when somebody asks for more
/// than its state.
#[derive(Clone, Debug)]
pub(super) enum Tracked<'p> {
    /// Before connection tracking has looked at the packet, and where it takes no notice of it.
    Nothing,
    /// As it was told.
    Told(&'p Connection),
    /// The packet begins it.
    Begun(&'p Packet, OnceCell<Box<Connection>>),
    /// As rules left it.
    Changed(Box<Connection>),
}

/// Status bit of what CT hangs on a packet: no connection yet, but a pattern for the one that the packet may begin.
const TEMPLATE: u32 = 2048;

impl Tracked<'_> {
    /// What CT hangs on a packet before connection tracking has looked at it: to conditions, a connection without ends.
    pub(super) fn template() -> Self {
        let mut template = Connection::new(CtState::New, Tuple::default());
        template.status = TEMPLATE | Connection::CONFIRMED;
        Tracked::Changed(Box::new(template))
    }

    /// Whether it is such a pattern.
    pub(super) fn is_template(&self) -> bool {
        self.known().is_some_and(|it| it.status & TEMPLATE != 0)
    }

    /// The connection, if there is one.
    #[inline]
    pub(super) fn get(&self) -> Option<&Connection> {
        match self {
            Tracked::Nothing => None,
            Tracked::Told(it) => Some(it),
            Tracked::Begun(packet, it) => Some(it.get_or_init(|| Box::new(packet.connection()))),
            Tracked::Changed(it) => Some(it),
        }
    }

    /// The connection, unless the packet begins it: then nothing was done to it yet.
    #[inline]
    pub(super) fn known(&self) -> Option<&Connection> {
        match self {
            Tracked::Told(it) => Some(it),
            Tracked::Changed(it) => Some(it),
            _ => None,
        }
    }

    /// The connection, to be changed.
    pub(super) fn to_mut(&mut self) -> Option<&mut Connection> {
        if !matches!(self, Tracked::Changed(_)) {
            *self = Tracked::Changed(Box::new(self.get()?.clone()));
        }
        match self {
            Tracked::Changed(it) => Some(it),
            _ => None,
        }
    }

    /// Whether there is none.
    #[inline]
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Tracked::Nothing)
    }

    /// Its state and the bits of its status.
    #[inline]
    pub(super) fn state(&self) -> Option<(CtState, u32)> {
        match self {
            Tracked::Begun(..) => Some((CtState::New, 0)),
            it => it.get().map(|it| (it.state, it.status)),
        }
    }
}
