//! One error type and one table of codes for the library, the command and every binding.
//!
//! An [`Error`] has a stable number, one sentence, and where it applies a normalized path (RFC 9535, section 2.7),
//! a byte offset into the document or a key id. It never holds text of the document beyond member names in the
//! path, and never a secret.

use std::fmt;

/// Result of every fallible call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal, $kind:ident, $sentence:literal;)+) => {
        /// Stable error code. Numbers are for ever: a retired one is never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[doc = $doc])+ $name = $number,)+ }

        impl Code {
            /// Every code, ascending by number.
            pub const ALL: &'static [Code] = &[$(Code::$name,)+];

            /// Name of the code, as `docs/errors.md` spells it.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Code::$name => stringify!($name),)+ } }

            /// The group that the code belongs to.
            #[must_use]
            pub fn kind(self) -> Kind { match self { $(Code::$name => Kind::$kind,)+ } }

            /// One lower-case sentence that tells what is wrong.
            #[must_use]
            pub fn sentence(self) -> &'static str { match self { $(Code::$name => $sentence,)+ } }

            /// When the code is given, as `docs/errors.md` tells it.
            #[must_use]
            pub fn when(self) -> &'static str { match self { $(Code::$name => concat!($($doc),+).trim_ascii(),)+ } }
        }
    };
}

/// Group of codes; each language maps a group to one exception class or sentinel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The caller's mistake (100–109).
    Argument,
    /// The stated context (200–209).
    Context,
    /// The policy, or a document that does not fit it (210–229).
    Policy,
    /// The document is not one I-JSON text, or exceeds a limit (300–319).
    Document,
    /// Keyring, key lookup and key state (400–419).
    Key,
    /// A token that no key has been tried on (500).
    Token,
    /// Authentication failed (501).
    Rejected,
    /// An HTTP message that was not signed, or does not verify (600–629).
    Signature,
    /// Random source or a broken promise of our own (900–901).
    Internal,
}

codes! {
    /// A limit, a value or another argument of the call is out of its stated range.
    InvalidArgument = 100, Argument, "an argument is out of range";
    /// A query is not a valid RFC 9535 JSONPath.
    InvalidPath = 101, Argument, "the query is not a valid JSONPath";
    /// A key id does not match `[A-Za-z0-9_-]{1,32}`, or is the reserved `_`.
    InvalidKeyId = 102, Argument, "the key id is not valid";

    /// The context has no pair `purpose`, which encryption and decryption demand.
    ContextMissing = 200, Context, "the context has no pair `purpose`";
    /// The context has no pair, or a pair has an empty name.
    ContextEmpty = 201, Context, "the context or a name in it is empty";
    /// Two pairs of the context have the same name.
    ContextDuplicate = 202, Context, "a name stands twice in the context";
    /// More than 32 pairs, or a name or value over 1024 bytes.
    ContextTooLong = 203, Context, "the context is too long";
    /// The context lacks a pair that the key's scope demands.
    ContextScope = 204, Context, "the context is outside the key's scope";
    /// A name begins with `apiseal.`, which the library keeps for itself.
    ContextReserved = 205, Context, "a name in the context is reserved";

    /// The policy file is malformed, contradicts itself or leaves a required choice open.
    PolicyFile = 210, Policy, "the policy is not valid";
    /// A required rule matched nothing in the document.
    NoMatch = 211, Policy, "a required rule matched nothing";
    /// A rule with `exactly`, `at_least` or `each` matched another number of values.
    Occurs = 212, Policy, "a rule matched another number of values than it states";
    /// A clear value stands where an encrypted one must be.
    NotEncrypted = 213, Policy, "the value is not encrypted";
    /// A string to be encrypted already begins like one of our tokens.
    AlreadyEncrypted = 214, Policy, "the value begins like an encrypted one";
    /// The value has none of the types that the rule allows.
    TypeMismatch = 215, Policy, "the value has a type that the rule does not allow";
    /// A member that the ciphertext is to be bound to is not in the document.
    BoundMissing = 216, Policy, "a bound member is missing";
    /// A bound member stands twice, or overlaps a protected value or the header.
    BoundConflict = 217, Policy, "a bound member overlaps a protected value or another bound member";
    /// Two rules select one value, or one protected value lies inside another.
    Overlap = 218, Policy, "two protected values overlap";
    /// A filter looks at a protected value, so that it would select otherwise after encryption.
    FilterVisitsProtected = 219, Policy, "a filter depends on a protected value";
    /// A token, field string or header stands where no rule selects it.
    UnselectedToken = 220, Policy, "an encrypted value stands where no rule selects it";
    /// An encrypted string of the other layout stands at a rule's position.
    LayoutMismatch = 221, Policy, "the encrypted value has another layout than the policy";
    /// The token's mode is not the one that the rule's `position` asks for.
    ModeMismatch = 222, Policy, "the token has another position mode than the rule";
    /// The document to be encrypted already has a member with the header's name.
    HeaderPresent = 223, Policy, "the document already has a header member";
    /// Layout `document` needs an object as the root.
    RootNotObject = 224, Policy, "the root of the document is not an object";
    /// The key is not one that the rule allows.
    KeyNotAllowed = 225, Policy, "the key is not allowed by the rule";
    /// Re-encryption: a decrypted value, or a part of it, would stay in clear under the new policy.
    LeftClear = 226, Policy, "a decrypted value would stay in clear";

    /// The document is not one I-JSON text (RFC 8259, RFC 7493).
    MalformedJson = 300, Document, "the document is not well-formed I-JSON";
    /// A member name stands twice in one object.
    DuplicateName = 301, Document, "a member name stands twice in one object";
    /// A line of NDJSON holds a protected value of several lines, so that its decryption would be more than one line.
    LineBreak = 302, Document, "the document would be more than one line";
    /// The document, or the encrypted document, is larger than the limit.
    LimitDocument = 310, Document, "the document is larger than the limit";
    /// Containers are nested deeper than the limit.
    LimitDepth = 311, Document, "the document is nested deeper than the limit";
    /// A value to be encrypted is larger than the limit.
    LimitField = 312, Document, "a protected value is larger than the limit";
    /// More values are selected than the limit allows.
    LimitFields = 313, Document, "too many protected values";
    /// The encoded position of a value is longer than 4 KiB.
    LimitPosition = 314, Document, "the position of a value is longer than the limit";
    /// The bound members of a value are larger than the limit.
    LimitBound = 315, Document, "the bound members are larger than the limit";
    /// The associated data of all values together exceeds eight times the document limit.
    LimitAssociatedData = 316, Document, "the associated data of the document is larger than the limit";
    /// Evaluating the queries visits more nodes than the budget allows.
    LimitVisits = 317, Document, "the queries visit too many nodes";

    /// The keyring file is malformed or contradicts itself.
    KeyringFile = 400, Key, "the keyring is not valid";
    /// No key of the ring has this id.
    UnknownKey = 401, Key, "the key is not in the keyring";
    /// The key's state or validity does not allow the operation.
    KeyState = 402, Key, "the state or validity of the key does not allow this";
    /// The key serves another purpose.
    KeyPurpose = 403, Key, "the key serves another purpose";
    /// The suite in the token is not the one that the ring pins to the key.
    KeySuite = 404, Key, "the suite does not belong to the key";
    /// Two keys of the ring share their id or their secret.
    KeyDuplicate = 405, Key, "two keys share their id or their secret";
    /// The passphrase or wrapping key is wrong, the ring has another name, or the file was altered.
    KeyringUnlock = 406, Key, "the keyring could not be opened: wrong passphrase, wrapping key or ring name, or an altered file";
    /// The keyring's revision is lower than the caller demands.
    KeyringRollback = 407, Key, "the keyring is older than required";
    /// No primary key fits the context, or the ring has no key that may encrypt.
    NoPrimary = 408, Key, "no primary key fits the context";
    /// The keyring file can be read by others than its owner.
    KeyringPermissions = 409, Key, "the keyring file must be readable by its owner only";
    /// The parameters of the keyring's wrap are outside the accepted range.
    KeyringWrap = 410, Key, "the wrap parameters of the keyring are not accepted";
    /// A key in PEM or JWK form is malformed, weak or of an unknown kind.
    KeyImport = 411, Key, "the key could not be imported";

    /// A token, field string or header is malformed; no key was tried.
    MalformedToken = 500, Token, "the encrypted value is malformed";
    /// Wrong key, context, place or bound value, or an altered ciphertext: deliberately one code and one text.
    Rejected = 501, Rejected, "rejected";

    /// The message has no signature for the profile, or a label stands in one of the two fields only.
    SignatureMissing = 600, Signature, "the message has no signature that fits the profile";
    /// `Signature-Input` or `Signature` is not a valid structured field, or holds what no signature may hold.
    SignatureMalformed = 601, Signature, "the signature fields are malformed";
    /// More signatures fit the profile than it allows.
    SignatureAmbiguous = 602, Signature, "several signatures fit the profile";
    /// A component that the profile demands is not covered by the signature.
    NotCovered = 603, Signature, "a required component is not covered";
    /// A component or component parameter is covered that the profile does not allow.
    ComponentNotAllowed = 604, Signature, "a covered component is not allowed";
    /// A covered component is not in the message, or stands there in a way that has no single value.
    ComponentMissing = 605, Signature, "a covered component is not in the message";
    /// The HTTP message is ambiguous or malformed.
    MalformedMessage = 606, Signature, "the message is malformed or ambiguous";
    /// A signature parameter is missing or has a wrong type or form.
    SignatureParameters = 607, Signature, "the signature parameters do not fit the profile";
    /// The signature is older than the profile allows, or has expired.
    SignatureExpired = 608, Signature, "the signature has expired";
    /// The signature was created in the future.
    SignatureFuture = 609, Signature, "the signature was created in the future";
    /// The algorithm is not the one that the ring pins to the key, or the profile does not allow it.
    SignatureAlgorithm = 610, Signature, "the algorithm does not belong to the key or the profile";
    /// The signature does not belong to the message and the key.
    SignatureInvalid = 611, Signature, "the signature is invalid";
    /// The message has content, and no digest of it is covered.
    DigestMissing = 612, Signature, "the message has content without a covered digest";
    /// The content is not the one that the digest was made of.
    DigestMismatch = 613, Signature, "the digest does not match the content";
    /// The digest field is malformed, or holds no digest of an algorithm that is accepted.
    DigestAlgorithm = 614, Signature, "the digest field holds no accepted digest";
    /// The nonce was accepted before.
    Replayed = 615, Signature, "the message was accepted before";
    /// The replay store, or the principal's share of it, is full; answer 503.
    ReplayFull = 616, Signature, "the replay store is full";
    /// The replay store cannot tell whether the nonce is new; answer 503.
    ReplayUnavailable = 617, Signature, "the replay store cannot answer";
    /// The response does not belong to the request, or no request is at hand.
    ResponseMismatch = 618, Signature, "the response does not belong to the request";
    /// The received authority is not in the map of origins.
    OriginUnknown = 619, Signature, "the authority is not one that this service answers for";
    /// The signing profile is malformed or contradicts itself.
    ProfileFile = 620, Signature, "the signing profile is not valid";
    /// Headers, components, signatures or content exceed a limit of the profile.
    LimitMessage = 621, Signature, "the message is larger than a limit of the profile";
    /// The external signer failed, or gave a signature of a wrong length.
    ExternalSigner = 622, Signature, "the external signer failed";
    /// A message that cannot be signed under the profile: a response of 1xx, a second response to one request, content
    /// that cannot be protected, or a clock that tells no time.
    NotSignable = 623, Signature, "the message cannot be signed";
    /// The sink that content is spooled into failed.
    ContentSink = 624, Signature, "the content could not be spooled";

    /// The random source failed.
    Random = 900, Internal, "the random source failed";
    /// A promise of the library itself was broken; please report it.
    Internal = 901, Internal, "internal error";
}

impl Code {
    /// The stable number.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }
}

/// What went wrong and where. Boxed: results stay small.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    code: Code,
    detail: Option<String>,
    path: Option<String>,
    offset: Option<u64>,
    kid: Option<String>,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The group of the code.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.code.kind()
    }

    /// What to answer a peer whose message was refused: 401 and nothing more, 503 where the replay store cannot decide,
    /// 500 where the service itself failed. The code is for the local log.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self.0.code {
            Code::ReplayFull | Code::ReplayUnavailable => 503,
            Code::ContentSink => 500,
            code if code.kind() == Kind::Internal => 500,
            _ => 401,
        }
    }

    /// Normalized path of the value concerned, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Byte offset into the text that was given, if there is one.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }

    /// Id of the key concerned, if there is one.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// What to change, in words, where the sentence of the code is too general.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    pub(crate) fn new(code: Code) -> Self {
        Error(Box::new(Inner { code, detail: None, path: None, offset: None, kid: None }))
    }

    pub(crate) fn because(code: Code, detail: impl Into<String>) -> Self {
        Error::new(code).with_detail(detail)
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_path(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    pub(crate) fn with_offset(mut self, offset: usize) -> Self {
        self.0.offset = Some(offset as u64);
        self
    }

    pub(crate) fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.0.kid = Some(kid.into());
        self
    }
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Error::new(code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(inner.code.sentence())?;
        if let Some(detail) = &inner.detail {
            write!(f, ": {detail}")?;
        }
        if let Some(path) = &inner.path {
            write!(f, ", at {path}")?;
        }
        if let Some(offset) = inner.offset {
            write!(f, ", at byte {offset}")?;
        }
        if let Some(kid) = &inner.kid {
            write!(f, ", key {kid}")?;
        }
        write!(f, " [{}]", inner.code.number())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {self})", self.0.code.name())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_sentences_differ() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number());
        }
        let mut sentences: Vec<_> = Code::ALL.iter().map(|code| code.sentence()).collect();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), Code::ALL.len());
    }

    #[test]
    fn display_holds_place_and_number() {
        let error = Error::because(Code::NoMatch, "rule 2").with_path("$['a']").with_offset(7).with_kid("k1");
        assert_eq!(
            error.to_string(),
            "a required rule matched nothing: rule 2, at $['a'], at byte 7, key k1 [211]"
        );
    }
}
