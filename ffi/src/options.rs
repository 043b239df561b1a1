//! What is the same for ciphers, signers and verifiers: clock, audit hook, limits.

use std::sync::Arc;

use apiseal::{Audit, Clock, Limits};

use crate::callbacks::{apiseal_audit, apiseal_clock};

/// Limits of the work on one document, inclusive. 0 stands for the default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_limits {
    /// Bytes of a document, clear or encrypted. Default 64 MiB, at most 1 GiB.
    pub document: usize,
    /// Bytes of the JSON text of one protected value. Default 16 MiB, or `document` if that is less.
    pub field: usize,
    /// Open objects and arrays at any place. Default 128.
    pub depth: usize,
    /// Protected values in a document. Default and maximum 2^20.
    pub fields: usize,
    /// Bytes of an encoded position. Default 4 KiB.
    pub position: usize,
    /// Bytes of the bound members of one value. Default 64 KiB, or `document` if that is less.
    pub bound: usize,
}

impl apiseal_limits {
    pub(crate) fn get(&self) -> Limits {
        let mut limits = Limits::default();
        // Whoever states a small document means the defaults that fit into it.
        if self.document != 0 {
            limits.field = limits.field.min(self.document);
            limits.bound = limits.bound.min(self.document);
        }
        for (own, place) in [
            (self.document, &mut limits.document),
            (self.field, &mut limits.field),
            (self.depth, &mut limits.depth),
            (self.fields, &mut limits.fields),
            (self.position, &mut limits.position),
            (self.bound, &mut limits.bound),
        ] {
            if own != 0 {
                *place = own;
            }
        }
        limits
    }
}

/// Settings of ciphers, signers and verifiers. All zero, or no options at all, means the defaults: the system's clock,
/// nobody who listens, the default limits. Each call that is given callbacks takes `data` over by itself: two objects
/// that share one `data` call `release` twice.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct apiseal_options {
    /// Where the time comes from.
    pub clock: apiseal_clock,
    /// Who hears of every use of a key.
    pub audit: apiseal_audit,
    /// Limits of documents; not used by signers and verifiers.
    pub limits: apiseal_limits,
    /// Mixes key and content into every salt, so that a repeating random source reveals no more than equality; not used by
    /// signers and verifiers.
    pub hedged_salts: bool,
}

/// Options that were taken over.
pub(crate) struct Options {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) audit: Option<Arc<dyn Audit>>,
    pub(crate) limits: Limits,
    pub(crate) hedged_salts: bool,
}

impl Options {
    /// Takes callbacks over, first of all that a call does: they are released whatever comes next.
    ///
    /// # Safety
    /// `options` is NULL or valid for reads.
    pub(crate) unsafe fn take(options: *const apiseal_options) -> Options {
        // SAFETY: as promised.
        match unsafe { options.as_ref() } {
            None => Options {
                clock: Arc::new(apiseal::SystemClock),
                audit: None,
                limits: Limits::default(),
                hedged_salts: false,
            },
            Some(options) => Options {
                clock: options.clock.take().into(),
                audit: options.audit.take().map(|audit| Arc::new(audit) as Arc<dyn Audit>),
                limits: options.limits.get(),
                hedged_salts: options.hedged_salts,
            },
        }
    }
}
