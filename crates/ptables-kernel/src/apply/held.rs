//! Rules that are there as long as a value is.

use ptables::plan::Plan;

use super::{Applier, ApplyError, Pending, Wanted};

/// Rules that go when this value does: for a program that needs them as long as it runs, such as a VPN. If the process is killed they
/// stay; the next [`apply`](Applier::apply) or [`remove`](Applier::remove) of the same owner finds them.
#[derive(Debug)]
#[must_use = "the rules go with the value"]
pub struct Held<'a> {
    applier: &'a Applier,
    plans: Vec<Plan>,
    pending: Option<Pending>,
    removes: bool,
}

impl Applier {
    /// Applies what is wanted until the value goes.
    ///
    /// # Errors
    /// As [`Applier::apply`].
    pub fn hold(&self, wanted: &Wanted) -> Result<Held<'_>, ApplyError> {
        let (plans, pending) = self.apply(wanted)?;
        Ok(Held { applier: self, plans, pending, removes: true })
    }
}

impl Held<'_> {
    /// The plans that were carried out.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// What waits to be confirmed.
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// Leaves the rules there.
    pub fn keep(mut self) {
        self.removes = false;
    }

    /// Takes the rules out now, and tells if that failed; when the value just goes, nobody is told.
    ///
    /// # Errors
    /// As [`Applier::remove`].
    pub fn remove(mut self) -> Result<(), ApplyError> {
        self.removes = false;
        self.take_out()
    }

    fn take_out(&self) -> Result<(), ApplyError> {
        match &self.pending {
            // What waits goes back as a whole; that it waits no more is as good.
            Some(_) => match self.applier.roll_back() {
                Ok(_) | Err(ApplyError::NothingPending) => self.applier.remove().map(drop),
                Err(error) => Err(error),
            },
            None => self.applier.remove().map(drop),
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.removes {
            // Nobody is there to be told.
            let _ = self.take_out();
        }
    }
}
