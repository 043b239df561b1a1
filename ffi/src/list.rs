//! Results of several items: an array with all it points to, freed as one.

use std::any::Any;
use std::ffi::c_void;

use crate::boundary::{Answer, Place};
use crate::bytes::apiseal_bytes;

/// What an array lends the texts of its items from.
#[derive(Default)]
pub(crate) struct Texts(Vec<Box<[u8]>>);

impl Texts {
    /// Keeps bytes, which do not move any more.
    pub(crate) fn keep(&mut self, bytes: impl Into<Vec<u8>>) -> apiseal_bytes {
        let bytes = bytes.into().into_boxed_slice();
        let lent = apiseal_bytes::of(&bytes);
        self.0.push(bytes);
        lent
    }

    /// The same for a text that may be absent.
    pub(crate) fn optional(&mut self, text: Option<impl Into<Vec<u8>>>) -> apiseal_bytes {
        text.map_or(apiseal_bytes::EMPTY, |text| self.keep(text))
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.0.iter_mut().for_each(|text| text.zeroize());
    }
}

/// An array and what its items point to.
pub(crate) struct Owner<T> {
    items: Box<[T]>,
    _texts: Texts,
    _held: Option<Box<dyn Any>>,
}

impl<T> Owner<T> {
    pub(crate) fn new(items: Vec<T>, texts: Texts) -> Self {
        Owner { items: items.into_boxed_slice(), _texts: texts, _held: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Keeps something more that items point into.
    pub(crate) fn holding(self, held: impl Any) -> Self {
        Owner { _held: Some(Box::new(held)), ..self }
    }
}

/// A list as C sees it.
pub(crate) trait List {
    /// Its items.
    type Item;
    /// An empty list.
    fn empty() -> Self;
    /// A list of these items.
    fn of(items: *const Self::Item, len: usize, owner: *mut c_void) -> Self;
    /// What must be freed.
    fn owner(&self) -> *mut c_void;
}

impl<L: List> Place<L> {
    /// # Safety
    /// As [`Place::new`].
    pub(crate) unsafe fn list(place: *mut L) -> Answer<Self> {
        // SAFETY: as promised.
        unsafe { Place::new(place, L::empty()) }
    }

    /// Hands a list over. One without items stays as it was emptied: nothing is there to be freed, and `items` is NULL.
    pub(crate) fn give_list(self, owner: Owner<L::Item>) {
        if owner.is_empty() {
            return;
        }
        let owner = Box::new(owner);
        let (items, len) = (owner.items.as_ptr(), owner.items.len());
        self.set(L::of(items, len, Box::into_raw(owner).cast()));
    }
}

/// Frees a list and empties it.
///
/// # Safety
/// `list` is NULL, or points to a list that is empty or came from [`Place::give_list`].
pub(crate) unsafe fn free<L: List>(list: *mut L) {
    // SAFETY: as promised; the owner is that of this type of list.
    unsafe {
        if let Some(list) = list.as_mut() {
            crate::boundary::drop_box(list.owner().cast::<Owner<L::Item>>());
            *list = L::empty();
        }
    }
}

/// Makes a struct of items, length and owner a [`List`]. The struct stands beside it: what makes the header does not
/// expand macros.
macro_rules! list {
    ($list:ident of $item:ident) => {
        impl $crate::list::List for $list {
            type Item = $item;

            fn empty() -> Self {
                $list { items: std::ptr::null(), len: 0, owner: std::ptr::null_mut() }
            }

            fn of(items: *const $item, len: usize, owner: *mut std::ffi::c_void) -> Self {
                $list { items, len, owner }
            }

            fn owner(&self) -> *mut std::ffi::c_void {
                self.owner
            }
        }
    };
}
pub(crate) use list;

/// Several texts.
#[repr(C)]
#[derive(Debug)]
pub struct apiseal_texts {
    /// The first one; NULL in an empty list.
    pub items: *const apiseal_bytes,
    /// How many.
    pub len: usize,
    /// What they belong to; for the library.
    pub owner: *mut c_void,
}

list!(apiseal_texts of apiseal_bytes);

/// Frees the texts with all that they point to, wiped, and empties the list. NULL and an empty list are accepted.
///
/// # Safety
/// The pointer is NULL, or points to a list that is empty or came from this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn apiseal_texts_free(list: *mut apiseal_texts) {
    // SAFETY: the caller keeps the promise above.
    unsafe { free(list) };
}
/// A list of texts.
pub(crate) fn texts<T: Into<Vec<u8>>>(items: impl IntoIterator<Item = T>) -> Owner<apiseal_bytes> {
    let mut kept = Texts::default();
    let items = items.into_iter().map(|item| kept.keep(item)).collect();
    Owner::new(items, kept)
}
