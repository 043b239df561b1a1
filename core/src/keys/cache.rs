//! A bounded cache of context keys, so that a document costs no derivation from the root.
//!
//! It belongs to one ring and holds keys only: state, validity and scope are checked by the caller on every use. It is
//! bounded by number and not by age, bytes or uses: a key of a context serves any number of tokens, each of which has a
//! key of its own, and what must stop it (another ring, another state) does so at once.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;
use crate::keys::derive::ContextKey;

/// Names a key of a context.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheKey {
    /// Index of the key in its ring.
    pub(crate) key: u16,
    /// Digest of the context.
    pub(crate) context: [u8; 32],
}

impl Hash for CacheKey {
    /// A part of a digest is as good as all of it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let part = self.context.first_chunk().copied().map_or(0, u64::from_le_bytes);
        state.write_u64(part ^ u64::from(self.key));
    }
}

/// Least recently used entries go first; what goes is wiped once nobody uses it any more.
pub(crate) struct ContextKeyCache {
    capacity: usize,
    inner: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    clock: u64,
    map: HashMap<CacheKey, (Arc<ContextKey>, u64)>,
}

impl ContextKeyCache {
    pub(crate) fn new(capacity: usize) -> Self {
        ContextKeyCache { capacity, inner: Mutex::new(Entries::default()) }
    }

    /// The cached key, or a new one from `derive`.
    pub(crate) fn get(
        &self,
        key: CacheKey,
        derive: impl FnOnce() -> Result<ContextKey>,
    ) -> Result<Arc<ContextKey>> {
        let mut entries = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clock += 1;
        let now = entries.clock;
        if let Some((found, used)) = entries.map.get_mut(&key) {
            *used = now;
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(derive()?);
        if entries.map.len() >= self.capacity {
            let oldest = entries.map.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                entries.map.remove(&oldest);
            }
        }
        entries.map.insert(key, (Arc::clone(&made), now));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Kid, Suite};

    fn derive() -> Result<ContextKey> {
        ContextKey::derive(&[1; 32], "seal", Suite::Aes256Gcm, &Kid::parse("k").unwrap(), &[2; 32])
    }

    #[test]
    fn lesson_f14_the_cache_is_bounded_and_forgets_the_least_used() {
        let cache = ContextKeyCache::new(2);
        let made = std::cell::Cell::new(0);
        let get = |n: u8| {
            let derive = || {
                made.set(made.get() + 1);
                derive()
            };
            cache.get(CacheKey { key: 0, context: [n; 32] }, derive).unwrap()
        };
        get(1);
        get(2);
        get(1);
        assert_eq!(made.get(), 2);
        get(3);
        get(1);
        assert_eq!(made.get(), 3);
        get(2);
        assert_eq!(made.get(), 4);
        assert_eq!(cache.inner.lock().unwrap().map.len(), 2);
    }
}
