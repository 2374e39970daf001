//! The keys that users use and Admins change, as the clients know them.

use crate::history::Number;
use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// How many former secrets, and how many tokens, are remembered and tried again.
const SECRETS: usize = 6;
const TOKENS: usize = 12;

/// A secret that somebody was given.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) number: Number,
    pub(crate) client_id: String,
    pub(crate) text: String,
}

/// A token that somebody was given.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) number: Number,
    pub(crate) text: String,
}

/// What is known of one place for a key.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The key that has the place now.
    pub(crate) key: Number,
    /// Whether an Admin may change it; not while one replaces it.
    pub(crate) open: bool,
    pub(crate) current: Option<Secret>,
    former: VecDeque<Secret>,
    tokens: VecDeque<Token>,
}

impl Known {
    /// A new secret takes the place of the current one, which stays to be tried.
    pub(crate) fn renew(&mut self, secret: Secret) {
        if let Some(before) = self.current.replace(secret) {
            remember(&mut self.former, before, SECRETS);
        }
    }

    pub(crate) fn add_token(&mut self, token: Token) {
        remember(&mut self.tokens, token, TOKENS);
    }

    pub(crate) fn former(&self) -> impl Iterator<Item = &Secret> {
        self.former.iter()
    }

    pub(crate) fn former_at(&self, place: usize) -> Option<&Secret> {
        self.former.get(place % self.former.len().max(1))
    }

    pub(crate) fn token_at(&self, place: usize) -> Option<&Token> {
        self.tokens.get(place % self.tokens.len().max(1))
    }

    pub(crate) fn newest_token(&self) -> Option<&Token> {
        self.tokens.back()
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }
}

fn remember<T>(all: &mut VecDeque<T>, new: T, most: usize) {
    all.push_back(new);
    if all.len() > most {
        all.pop_front();
    }
}

/// A place for a key in an organisation.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) organisation: usize,
    known: Mutex<Known>,
}

impl Slot {
    pub(crate) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An organisation and its Admin.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) admin_token: String,
    /// Held while a key is replaced, so that two Admins do not take each other's new key for a leftover.
    pub(crate) replacing: tokio::sync::Mutex<()>,
}

/// Everything that the clients share.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) organisations: Vec<Organisation>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) goals: Goals,
    uses: AtomicU64,
    endings: AtomicU64,
    stop: AtomicBool,
}

/// How much is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goals {
    pub(crate) uses: u64,
    pub(crate) endings: u64,
}

impl Pool {
    pub(crate) fn new(organisations: Vec<Organisation>, keys_each: usize, goals: Goals) -> Self {
        let slots = (0..organisations.len())
            .flat_map(|organisation| (0..keys_each).map(move |_| organisation))
            .map(|organisation| Slot { organisation, known: Mutex::default() })
            .collect();
        Self {
            organisations,
            slots,
            goals,
            uses: AtomicU64::new(0),
            endings: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    pub(crate) fn used(&self) {
        self.uses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.endings.fetch_add(1, Ordering::Relaxed);
    }

    fn done(&self) -> (u64, u64) {
        (self.uses.load(Ordering::Relaxed), self.endings.load(Ordering::Relaxed))
    }

    /// Whether everyone is to go home.
    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether enough was done.
    pub(crate) fn is_done(&self) -> bool {
        let (uses, endings) = self.done();
        uses >= self.goals.uses && endings >= self.goals.endings
    }

    /// Whether Admins should wait for the users, so that endings are spread over the whole run.
    pub(crate) fn endings_are_ahead(&self) -> bool {
        let (uses, endings) = self.done();
        uses < self.goals.uses && endings * self.goals.uses > uses * self.goals.endings
    }
}
