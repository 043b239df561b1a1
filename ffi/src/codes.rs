//! The codes as C names. A test holds them to the table of the library.

use crate::error::apiseal_status;

/// Success.
pub const APISEAL_OK: apiseal_status = 0;
/// A limit, a value or another argument of the call is out of its stated range.
pub const APISEAL_E_INVALID_ARGUMENT: apiseal_status = 100;
/// A query is not a valid RFC 9535 JSONPath.
pub const APISEAL_E_INVALID_PATH: apiseal_status = 101;
/// A key id does not match `[A-Za-z0-9_-]{1,32}`, or is the reserved `_`.
pub const APISEAL_E_INVALID_KEY_ID: apiseal_status = 102;
/// The context has no pair `purpose`, which encryption and decryption demand.
pub const APISEAL_E_CONTEXT_MISSING: apiseal_status = 200;
/// The context has no pair, or a pair has an empty name.
pub const APISEAL_E_CONTEXT_EMPTY: apiseal_status = 201;
/// Two pairs of the context have the same name.
pub const APISEAL_E_CONTEXT_DUPLICATE: apiseal_status = 202;
/// More than 32 pairs, or a name or value over 1024 bytes.
pub const APISEAL_E_CONTEXT_TOO_LONG: apiseal_status = 203;
/// The context lacks a pair that the key's scope demands.
pub const APISEAL_E_CONTEXT_SCOPE: apiseal_status = 204;
/// A name begins with `apiseal.`, which the library keeps for itself.
pub const APISEAL_E_CONTEXT_RESERVED: apiseal_status = 205;
/// The policy file is malformed, contradicts itself or leaves a required choice open.
pub const APISEAL_E_POLICY_FILE: apiseal_status = 210;
/// A required rule matched nothing in the document.
pub const APISEAL_E_NO_MATCH: apiseal_status = 211;
/// A rule with `exactly`, `at_least` or `each` matched another number of values.
pub const APISEAL_E_OCCURS: apiseal_status = 212;
/// A clear value stands where an encrypted one must be.
pub const APISEAL_E_NOT_ENCRYPTED: apiseal_status = 213;
/// A string to be encrypted already begins like one of our tokens.
pub const APISEAL_E_ALREADY_ENCRYPTED: apiseal_status = 214;
/// The value has none of the types that the rule allows.
pub const APISEAL_E_TYPE_MISMATCH: apiseal_status = 215;
/// A member that the ciphertext is to be bound to is not in the document.
pub const APISEAL_E_BOUND_MISSING: apiseal_status = 216;
/// A bound member stands twice, or overlaps a protected value or the header.
pub const APISEAL_E_BOUND_CONFLICT: apiseal_status = 217;
/// Two rules select one value, or one protected value lies inside another.
pub const APISEAL_E_OVERLAP: apiseal_status = 218;
/// A filter looks at a protected value, so that it would select otherwise after encryption.
pub const APISEAL_E_FILTER_VISITS_PROTECTED: apiseal_status = 219;
/// A token, field string or header stands where no rule selects it.
pub const APISEAL_E_UNSELECTED_TOKEN: apiseal_status = 220;
/// An encrypted string of the other layout stands at a rule's position.
pub const APISEAL_E_LAYOUT_MISMATCH: apiseal_status = 221;
/// The token's mode is not the one that the rule's `position` asks for.
pub const APISEAL_E_MODE_MISMATCH: apiseal_status = 222;
/// The document to be encrypted already has a member with the header's name.
pub const APISEAL_E_HEADER_PRESENT: apiseal_status = 223;
/// Layout `document` needs an object as the root.
pub const APISEAL_E_ROOT_NOT_OBJECT: apiseal_status = 224;
/// The key is not one that the rule allows.
pub const APISEAL_E_KEY_NOT_ALLOWED: apiseal_status = 225;
/// Re-encryption: a decrypted value, or a part of it, would stay in clear under the new policy.
pub const APISEAL_E_LEFT_CLEAR: apiseal_status = 226;
/// The document is not one I-JSON text (RFC 8259, RFC 7493).
pub const APISEAL_E_MALFORMED_JSON: apiseal_status = 300;
/// A member name stands twice in one object.
pub const APISEAL_E_DUPLICATE_NAME: apiseal_status = 301;
/// A line of NDJSON holds a protected value of several lines, so that its decryption would be more than one line.
pub const APISEAL_E_LINE_BREAK: apiseal_status = 302;
/// The document, or the encrypted document, is larger than the limit.
pub const APISEAL_E_LIMIT_DOCUMENT: apiseal_status = 310;
/// Containers are nested deeper than the limit.
pub const APISEAL_E_LIMIT_DEPTH: apiseal_status = 311;
/// A value to be encrypted is larger than the limit.
pub const APISEAL_E_LIMIT_FIELD: apiseal_status = 312;
/// More values are selected than the limit allows.
pub const APISEAL_E_LIMIT_FIELDS: apiseal_status = 313;
/// The encoded position of a value is longer than 4 KiB.
pub const APISEAL_E_LIMIT_POSITION: apiseal_status = 314;
/// The bound members of a value are larger than the limit.
pub const APISEAL_E_LIMIT_BOUND: apiseal_status = 315;
/// The associated data of all values together exceeds eight times the document limit.
pub const APISEAL_E_LIMIT_ASSOCIATED_DATA: apiseal_status = 316;
/// Evaluating the queries visits more nodes than the budget allows.
pub const APISEAL_E_LIMIT_VISITS: apiseal_status = 317;
/// The keyring file is malformed or contradicts itself.
pub const APISEAL_E_KEYRING_FILE: apiseal_status = 400;
/// No key of the ring has this id.
pub const APISEAL_E_UNKNOWN_KEY: apiseal_status = 401;
/// The key's state or validity does not allow the operation.
pub const APISEAL_E_KEY_STATE: apiseal_status = 402;
/// The key serves another purpose.
pub const APISEAL_E_KEY_PURPOSE: apiseal_status = 403;
/// The suite in the token is not the one that the ring pins to the key.
pub const APISEAL_E_KEY_SUITE: apiseal_status = 404;
/// Two keys of the ring share their id or their secret.
pub const APISEAL_E_KEY_DUPLICATE: apiseal_status = 405;
/// The passphrase or wrapping key is wrong, the ring has another name, or the file was altered.
pub const APISEAL_E_KEYRING_UNLOCK: apiseal_status = 406;
/// The keyring's revision is lower than the caller demands.
pub const APISEAL_E_KEYRING_ROLLBACK: apiseal_status = 407;
/// No primary key fits the context, or the ring has no key that may encrypt.
pub const APISEAL_E_NO_PRIMARY: apiseal_status = 408;
/// The keyring file can be read by others than its owner.
pub const APISEAL_E_KEYRING_PERMISSIONS: apiseal_status = 409;
/// The parameters of the keyring's wrap are outside the accepted range.
pub const APISEAL_E_KEYRING_WRAP: apiseal_status = 410;
/// A key in PEM or JWK form is malformed, weak or of an unknown kind.
pub const APISEAL_E_KEY_IMPORT: apiseal_status = 411;
/// A token, field string or header is malformed; no key was tried.
pub const APISEAL_E_MALFORMED_TOKEN: apiseal_status = 500;
/// Wrong key, context, place or bound value, or an altered ciphertext: deliberately one code and one text.
pub const APISEAL_E_REJECTED: apiseal_status = 501;
/// The message has no signature for the profile, or a label stands in one of the two fields only.
pub const APISEAL_E_SIGNATURE_MISSING: apiseal_status = 600;
/// `Signature-Input` or `Signature` is not a valid structured field, or holds what no signature may hold.
pub const APISEAL_E_SIGNATURE_MALFORMED: apiseal_status = 601;
/// More signatures fit the profile than it allows.
pub const APISEAL_E_SIGNATURE_AMBIGUOUS: apiseal_status = 602;
/// A component that the profile demands is not covered by the signature.
pub const APISEAL_E_NOT_COVERED: apiseal_status = 603;
/// A component or component parameter is covered that the profile does not allow.
pub const APISEAL_E_COMPONENT_NOT_ALLOWED: apiseal_status = 604;
/// A covered component is not in the message, or stands there in a way that has no single value.
pub const APISEAL_E_COMPONENT_MISSING: apiseal_status = 605;
/// The HTTP message is ambiguous or malformed.
pub const APISEAL_E_MALFORMED_MESSAGE: apiseal_status = 606;
/// A signature parameter is missing or has a wrong type or form.
pub const APISEAL_E_SIGNATURE_PARAMETERS: apiseal_status = 607;
/// The signature is older than the profile allows, or has expired.
pub const APISEAL_E_SIGNATURE_EXPIRED: apiseal_status = 608;
/// The signature was created in the future.
pub const APISEAL_E_SIGNATURE_FUTURE: apiseal_status = 609;
/// The algorithm is not the one that the ring pins to the key, or the profile does not allow it.
pub const APISEAL_E_SIGNATURE_ALGORITHM: apiseal_status = 610;
/// The signature does not belong to the message and the key.
pub const APISEAL_E_SIGNATURE_INVALID: apiseal_status = 611;
/// The message has content, and no digest of it is covered.
pub const APISEAL_E_DIGEST_MISSING: apiseal_status = 612;
/// The content is not the one that the digest was made of.
pub const APISEAL_E_DIGEST_MISMATCH: apiseal_status = 613;
/// The digest field is malformed, or holds no digest of an algorithm that is accepted.
pub const APISEAL_E_DIGEST_ALGORITHM: apiseal_status = 614;
/// The nonce was accepted before.
pub const APISEAL_E_REPLAYED: apiseal_status = 615;
/// The replay store, or the principal's share of it, is full; answer 503.
pub const APISEAL_E_REPLAY_FULL: apiseal_status = 616;
/// The replay store cannot tell whether the nonce is new; answer 503.
pub const APISEAL_E_REPLAY_UNAVAILABLE: apiseal_status = 617;
/// The response does not belong to the request, or no request is at hand.
pub const APISEAL_E_RESPONSE_MISMATCH: apiseal_status = 618;
/// The received authority is not in the map of origins.
pub const APISEAL_E_ORIGIN_UNKNOWN: apiseal_status = 619;
/// The signing profile is malformed or contradicts itself.
pub const APISEAL_E_PROFILE_FILE: apiseal_status = 620;
/// Headers, components, signatures or content exceed a limit of the profile.
pub const APISEAL_E_LIMIT_MESSAGE: apiseal_status = 621;
/// The external signer failed, or gave a signature of a wrong length.
pub const APISEAL_E_EXTERNAL_SIGNER: apiseal_status = 622;
/// A message that cannot be signed under the profile: a response of 1xx, or a second response to one request.
pub const APISEAL_E_NOT_SIGNABLE: apiseal_status = 623;
/// The sink that content is spooled into failed.
pub const APISEAL_E_CONTENT_SINK: apiseal_status = 624;
/// The random source failed.
pub const APISEAL_E_RANDOM: apiseal_status = 900;
/// A promise of the library itself was broken; please report it.
pub const APISEAL_E_INTERNAL: apiseal_status = 901;
