//! Steps that are made at the same time share one commit of the vault.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;

use clawvault_core::domain::{Event, Life};
use clawvault_core::vault::Step;

use super::Books;

type Slot<E> = Rc<RefCell<Option<Result<Option<Life>, Rc<E>>>>>;

/// The vault, and the steps that wait for its next commit.
pub(super) struct Group<B: Books> {
    books: RefCell<B>,
    waiting: RefCell<Vec<(Event, Step, Slot<B::Error>)>>,
}

impl<B: Books> Group<B> {
    pub(super) fn new(books: B) -> Self {
        Self { books: RefCell::new(books), waiting: RefCell::default() }
    }

    /// The vault; never held while something is awaited.
    pub(super) fn books(&self) -> RefMut<'_, B> {
        self.books.borrow_mut()
    }

    /// Makes a step, in one commit with those that others make now. `None` where another process was
    /// faster.
    pub(super) async fn step(&self, event: Event, step: Step) -> Result<Option<Life>, B::Error> {
        let slot: Slot<B::Error> = Rc::default();
        self.waiting.borrow_mut().push((event, step, Rc::clone(&slot)));
        // All that can go on do so before this comes back: what they write joins.
        tokio::task::yield_now().await;
        if slot.borrow().is_none() {
            self.flush();
        }
        let done = slot.borrow_mut().take();
        match done {
            Some(Ok(life)) => Ok(life),
            Some(Err(error)) => match Rc::try_unwrap(error) {
                Ok(error) => Err(error),
                // Others were told of the same failure: this one asks for itself, and so has its own.
                Err(_) => Ok(None),
            },
            None => Ok(None),
        }
    }

    fn flush(&self) {
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for event in [Event::Revoke, Event::Rotate] {
            let some: Vec<_> = waiting.iter().filter(|(of, ..)| *of == event).collect();
            let steps = some.iter().map(|(_, step, _)| step.clone()).collect();
            match some.len() {
                0 => {}
                1 => self.commit(event, steps, &[Rc::clone(&some[0].2)]),
                _ => {
                    let slots: Vec<_> = some.iter().map(|(.., slot)| Rc::clone(slot)).collect();
                    self.commit(event, steps, &slots);
                    // One that came too late, or fails, must not stop the others.
                    for (_, step, slot) in some {
                        if !matches!(&*slot.borrow(), Some(Ok(Some(_)))) {
                            slot.borrow_mut().take();
                            self.commit(event, vec![step.clone()], &[Rc::clone(slot)]);
                        }
                    }
                }
            }
        }
    }

    fn commit(&self, event: Event, steps: Vec<Step>, slots: &[Slot<B::Error>]) {
        match self.books().step(event, steps) {
            Ok(Some(lives)) => {
                for (slot, life) in slots.iter().zip(lives) {
                    *slot.borrow_mut() = Some(Ok(Some(life)));
                }
            }
            Ok(None) => slots.iter().for_each(|slot| *slot.borrow_mut() = Some(Ok(None))),
            Err(error) => {
                let error = Rc::new(error);
                for slot in slots {
                    *slot.borrow_mut() = Some(Err(Rc::clone(&error)));
                }
            }
        }
    }
}
