//! The documents with the policies that protect them.

use std::sync::LazyLock;

use apiseal::{Context, FieldCipher, Keyring, Limits, OsRandom, Policy, Suite, SystemClock};

use crate::documents::{self, ORDERS_PATHS, PAYMENT_PATHS};

/// How a policy protects its paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// Layout T; every value is bound to the root's `id`.
    T,
    /// Layout D, bound to the root's `id`.
    D,
    /// Layout D, bound to the whole document.
    DWhole,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Variant; 3] = [Variant::T, Variant::D, Variant::DWhole];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Variant::T => "T",
            Variant::D => "D",
            Variant::DWhole => "D-whole",
        }
    }

    fn policy(self, paths: &[&str]) -> Policy {
        Policy::from_json(&self.policy_text(paths)).expect("the policy is valid")
    }

    /// The policy as a file.
    pub fn policy_text(self, paths: &[&str]) -> String {
        let (bind, head) = match self {
            Variant::T => (r#", "bind": ["$.id"]"#, r#""layout": "token""#),
            Variant::D => ("", r#""layout": "document", "bind": ["$.id"]"#),
            Variant::DWhole => ("", r#""layout": "document", "bind": ["$"]"#),
        };
        let rules: Vec<String> = paths.iter().map(|path| format!(r#"{{"path": "{path}"{bind}}}"#)).collect();
        format!(r#"{{"apiseal_policy": 1, "id": "bench", {head}, "rules": [{}]}}"#, rules.join(", "))
    }
}

/// Documents of one kind, all different.
pub struct Corpus {
    /// The name in reports.
    pub name: &'static str,
    /// What is protected in them.
    pub paths: &'static [&'static str],
    /// The documents, in clear.
    pub documents: Vec<Vec<u8>>,
}

impl Corpus {
    /// 4096 payments of 1 KB with 3 protected values.
    pub fn payment() -> Self {
        let documents = (0..4096).map(documents::payment).collect();
        Corpus { name: "payment", paths: PAYMENT_PATHS, documents }
    }

    /// 16 batches of 100 orders: 104 KB with 600 protected values.
    pub fn orders() -> Self {
        let documents = (0..16).map(|seed| documents::orders(seed, 100)).collect();
        Corpus { name: "orders", paths: ORDERS_PATHS, documents }
    }

    /// One batch of 10 MB with 57 300 protected values.
    pub fn large() -> Self {
        Corpus { name: "large", paths: ORDERS_PATHS, documents: vec![documents::orders(7, 9550)] }
    }

    /// Every corpus.
    pub fn all() -> [Corpus; 3] {
        [Corpus::payment(), Corpus::orders(), Corpus::large()]
    }

    /// Bytes of all documents.
    pub fn len(&self) -> usize {
        self.documents.iter().map(Vec::len).sum()
    }

    /// Whether it holds no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A cipher for these documents, with one key.
    pub fn cipher(&self, variant: Variant) -> FieldCipher {
        let ring =
            Keyring::generate(Suite::Aes256Gcm, &SystemClock, &OsRandom).expect("the system has randomness");
        FieldCipher::new(ring, variant.policy(self.paths)).expect("the settings are valid")
    }

    /// The documents as `cipher` encrypts them.
    pub fn encrypted(&self, cipher: &FieldCipher) -> Vec<Vec<u8>> {
        let encrypt =
            |document: &Vec<u8>| cipher.encrypt(document, context()).expect("the document is valid");
        self.documents.iter().map(encrypt).collect()
    }

    /// Normalized paths and spans of the protected values of a document, in document order.
    pub fn fields(&self, document: &[u8]) -> Vec<apiseal::Location> {
        let locate =
            |path: &&str| apiseal::locate(document, path, &Limits::default()).expect("the path is valid");
        let mut fields: Vec<_> = self.paths.iter().flat_map(locate).collect();
        fields.sort_by_key(|field| field.start);
        fields
    }
}

/// What every document belongs to.
pub fn context() -> &'static Context {
    static CONTEXT: LazyLock<Context> = LazyLock::new(|| {
        Context::new("orders")
            .and_then(|context| context.with("tenant", "acme"))
            .expect("the pairs are valid")
    });
    &CONTEXT
}
