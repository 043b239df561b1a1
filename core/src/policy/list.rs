//! A list that grows without moving what it holds: what is noted in a large document is never there twice.

/// Items in a first part that grows as a vector does, and parts of one size behind it.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    first: Vec<T>,
    rest: Vec<Vec<T>>,
}

/// Items of a part.
const PART: usize = 4096;

impl<T: Copy> List<T> {
    pub(crate) fn new() -> Self {
        List { first: Vec::new(), rest: Vec::new() }
    }

    /// Room for so many items, if they fit into the first part.
    pub(crate) fn with_capacity(items: usize) -> Self {
        List { first: Vec::with_capacity(items.min(PART)), rest: Vec::new() }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, item: T) {
        if self.first.len() < PART {
            self.first.push(item);
        } else {
            self.push_behind(item);
        }
    }

    #[inline(never)]
    fn push_behind(&mut self, item: T) {
        match self.rest.last_mut() {
            Some(part) if part.len() < PART => part.push(item),
            _ => {
                let mut part = Vec::with_capacity(PART);
                part.push(item);
                self.rest.push(part);
            }
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        match self.rest.last() {
            None => self.first.len(),
            Some(last) => self.rest.len() * PART + last.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match at.checked_sub(PART) {
            None => self.first.get(at),
            Some(behind) => self.rest.get(behind / PART)?.get(behind % PART),
        }
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match at.checked_sub(PART) {
            None => self.first.get_mut(at),
            Some(behind) => self.rest.get_mut(behind / PART)?.get_mut(behind % PART),
        }
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.rest.last().unwrap_or(&self.first).last()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.first.iter().chain(self.rest.iter().flatten())
    }

    /// The number of items at the front for which `before` holds; it holds for none behind them.
    pub(crate) fn partition_point(&self, before: impl Fn(&T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(item) if before(item) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// The item with this key, in a list that ascends by it.
    pub(crate) fn find_by_key<K: Ord>(&self, key: &K, key_of: impl Fn(&T) -> K) -> Option<&T> {
        let found = self.get(self.partition_point(|item| key_of(item) < *key))?;
        (key_of(found) == *key).then_some(found)
    }

    /// Sorts; a list in order, as most are, costs one look.
    pub(crate) fn sort_by_key<K: Ord>(&mut self, key_of: impl Fn(&T) -> K) {
        if self.iter().is_sorted_by_key(&key_of) {
            return;
        }
        if self.rest.is_empty() {
            return self.first.sort_by_key(key_of);
        }
        let mut items: Vec<T> = self.iter().copied().collect();
        items.sort_by_key(key_of);
        *self = List::new();
        items.into_iter().for_each(|item| self.push(item));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_list_is_as_a_vector(items in prop::collection::vec(any::<u16>(), 0..3 * PART), key in any::<u16>()) {
            let (mut list, mut vector) = (List::with_capacity(4), items);
            vector.iter().for_each(|item| list.push(*item));
            for _ in 0..2 {
                prop_assert!(list.iter().eq(&vector));
                prop_assert_eq!((list.len(), list.is_empty(), list.last()), (vector.len(), vector.is_empty(), vector.last()));
                for at in [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART, vector.len()] {
                    prop_assert_eq!(list.get(at), vector.get(at));
                    prop_assert_eq!(list.get_mut(at), vector.get_mut(at));
                }
                list.sort_by_key(|item| *item);
                vector.sort_unstable();
            }
            prop_assert_eq!(list.partition_point(|item| *item < key), vector.partition_point(|item| *item < key));
            prop_assert_eq!(list.find_by_key(&key, |item| *item).is_some(), vector.binary_search(&key).is_ok());
        }
    }
}
