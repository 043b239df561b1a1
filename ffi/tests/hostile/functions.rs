//! Every function of the ABI, and how each is called.

use apiseal_ffi::*;

use crate::Hostile;
use crate::arguments::Arg;
use crate::valid::SECRET;

/// What a function gives.
pub(crate) trait Given {
    fn status(&self) -> apiseal_status;
    /// Frees an object.
    fn done(self);
}

impl Given for apiseal_status {
    fn status(&self) -> apiseal_status {
        *self
    }
    fn done(self) {}
}

macro_rules! given {
    ($($type:ty)+) => {
        $(impl Given for $type {
            fn status(&self) -> apiseal_status {
                0
            }
            fn done(self) {}
        })+
    };
}
given! { () u16 u64 usize bool apiseal_bytes *const std::ffi::c_char *const apiseal_signed }

macro_rules! given_objects {
    ($($type:ident $free:ident)+) => {
        $(impl Given for *mut $type {
            fn status(&self) -> apiseal_status {
                0
            }
            fn done(self) {
                // SAFETY: a clone came from the library.
                unsafe { $free(self) };
            }
        })+
    };
}
given_objects! {
    apiseal_keyring apiseal_keyring_free
    apiseal_key apiseal_key_free
    apiseal_policy apiseal_policy_free
    apiseal_context apiseal_context_free
    apiseal_cipher apiseal_cipher_free
    apiseal_value_cipher apiseal_value_cipher_free
    apiseal_redactor apiseal_redactor_free
    apiseal_profile apiseal_profile_free
    apiseal_signer apiseal_signer_free
    apiseal_replay apiseal_replay_free
    apiseal_verifier apiseal_verifier_free
    apiseal_protector apiseal_protector_free
    apiseal_acceptor apiseal_acceptor_free
}

/// A function of any number of arguments.
pub(crate) trait Callable {
    fn call(self, hostile: &mut Hostile) -> apiseal_status;
}

macro_rules! callable {
    ($($($name:ident)*;)+) => {
        $(impl<$($name: Arg,)* R: Given> Callable for unsafe extern "C" fn($($name),*) -> R {
            #[allow(non_snake_case)]
            fn call(self, hostile: &mut Hostile) -> apiseal_status {
                $(let $name = $name::arg(hostile);)*
                // SAFETY: each argument keeps the promises of the header.
                let given = unsafe { self($($name),*) };
                let status = given.status();
                assert_ne!(status, APISEAL_E_INTERNAL);
                for check in std::mem::take(&mut hostile.after).into_iter().rev() {
                    check(status);
                }
                given.done();
                status
            }
        })+
    };
}
callable! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I; A B C D E F G H I J;
    A B C D E F G H I J K;
}

macro_rules! any {
    ($argument:ident) => {
        _
    };
}

/// Bytes that a function takes, in the order of its arguments.
pub(crate) fn good(name: &str) -> &'static [&'static [u8]] {
    const DOCUMENT: &[u8] = b"{\"pan\": \"4111\", \"a\": [1.10]}";
    const CLEAR: &[u8] = b"{\"apiseal_keyring_clear\":1,\"ring\":\"r\",\"rev\":1,\"primary\":{\"seal\":\"k1\"},\"keys\":[{\"type\":\"root\",\
        \"kid\":\"k1\",\"purpose\":\"seal\",\"suite\":\"aes-256-gcm\",\"state\":\"active\",\"created\":1767225600,\
        \"secret\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}]}";
    const JWK: &[u8] =
        b"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"}";
    const JWKS: &[u8] = b"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\
        \"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"a\"}]}";
    const PEM: &[u8] =
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
        -----END PUBLIC KEY-----\n";
    match name {
        "apiseal_encrypt" | "apiseal_encrypt_into" | "apiseal_reencrypt" | "apiseal_cipher_inspect" | "apiseal_diagnose" => &[DOCUMENT],
        "apiseal_locate" => &[DOCUMENT, b"$..*"],
        "apiseal_key_generate" => &[b"x", b"seal", b"aes-256-gcm"],
        "apiseal_key_import" | "apiseal_hazmat_key_from_secret" => &[b"x", b"seal", b"aes-256-gcm", SECRET],
        "apiseal_key_raw" => &[b"x", b"hmac-sha256", SECRET],
        "apiseal_key_raw_public" => &[
            b"x",
            b"ed25519",
            b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a",
        ],
        "apiseal_key_from_pem" => &[b"x", b"ed25519", PEM],
        "apiseal_key_from_jwk" => &[b"x", b"ed25519", JWK],
        "apiseal_key_from_jwks" => &[b"x", b"ed25519", JWKS, b"a"],
        "apiseal_key_with" => &[b"", b"p"],
        "apiseal_hazmat_keyring_read_clear" => &[CLEAR, b"r"],
        "apiseal_profile_from_json" => {
            &[b"{\"apiseal_profile\":1,\"id\":\"p\",\"extends\":\"rfc9421\",\"require\":[\"@method\"]}"]
        }
        "apiseal_value_encrypt" => &[b"42"],
        "apiseal_value_encrypt_text" => &[b"a"],
        _ => &[],
    }
}

/// Names of functions, and calls with arguments by their number.
macro_rules! functions {
    ($($name:ident $($argument:ident)*;)+) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Gives the names of those that succeeded.
        pub(crate) fn call_all(hostile: &mut Hostile) -> Vec<&'static str> {
            let mut done = Vec::new();
            $(
                hostile.good = good(stringify!($name)).iter().rev().copied().collect();
                let function = $name as unsafe extern "C" fn($(any!($argument)),*) -> _;
                if function.call(hostile) == 0 {
                    done.push(stringify!($name));
                }
            )+
            done
        }
    };
}

functions! {
    apiseal_buffer_free a;
    apiseal_cipher_new a b c d e;
    apiseal_encrypt a b c d e f;
    apiseal_decrypt a b c d e f;
    apiseal_encrypt_into a b c d e;
    apiseal_decrypt_into a b c d e;
    apiseal_decrypt_migrating a b c d e f g;
    apiseal_cipher_clone a;
    apiseal_cipher_free a;
    apiseal_context_new a b c d;
    apiseal_context_clone a;
    apiseal_context_free a;
    apiseal_error_free a;
    apiseal_error_code a;
    apiseal_error_name a;
    apiseal_error_message a;
    apiseal_error_path a;
    apiseal_error_key_id a;
    apiseal_error_offset a;
    apiseal_error_http_status a;
    apiseal_changes_free a;
    apiseal_explain a b c d e;
    apiseal_explain_response a b c d e f;
    apiseal_explain_response_to_verified a b c d e f;
    apiseal_explanation_text a b c;
    apiseal_explanation_changes a b c;
    apiseal_explanation_verifies a;
    apiseal_explanation_code a;
    apiseal_explanation_remaining a;
    apiseal_explanation_base a;
    apiseal_explanation_signed_base a;
    apiseal_explanation_free a;
    apiseal_key_generate a b c d e;
    apiseal_key_derived a b c d e f;
    apiseal_key_import a b c d e f;
    apiseal_key_raw a b c d e;
    apiseal_key_raw_public a b c d e;
    apiseal_key_from_pem a b c d e;
    apiseal_key_from_jwk a b c d e;
    apiseal_key_from_jwks a b c d e f;
    apiseal_hazmat_key_from_secret a b c d e f;
    apiseal_key_with a b c d;
    apiseal_key_id a;
    apiseal_key_purpose a;
    apiseal_key_suite a;
    apiseal_key_state a;
    apiseal_key_principal a;
    apiseal_key_created a;
    apiseal_key_expires a;
    apiseal_key_to_jwk a b c;
    apiseal_key_clone a;
    apiseal_key_free a;
    apiseal_keyring_generate a b c;
    apiseal_keyring_new a b c d e f;
    apiseal_keyring_with_key a b c d;
    apiseal_keyring_promote a b c d;
    apiseal_keyring_retire a b c d;
    apiseal_keyring_disable a b c d;
    apiseal_keyring_replace a b c;
    apiseal_keyring_export_context a b c d e f;
    apiseal_keyring_export_message_context a b c d e f g h;
    apiseal_keyring_key a b c d;
    apiseal_keyring_len a;
    apiseal_keyring_rev a;
    apiseal_keyring_clone a;
    apiseal_keyring_free a;
    apiseal_keyring_open a b c d e f;
    apiseal_keyring_seal a b c d e;
    apiseal_keyring_load a b c d e f;
    apiseal_keyring_save a b c d e;
    apiseal_hazmat_keyring_read_clear a b c d e;
    apiseal_hazmat_keyring_write_clear a b c d;
    apiseal_block_free a;
    apiseal_encrypt_lines a b c d e f g;
    apiseal_decrypt_lines a b c d e f g;
    apiseal_lines_next a b c;
    apiseal_lines_free a;
    apiseal_texts_free a;
    apiseal_protector_new a b c d;
    apiseal_acceptor_new a b c d;
    apiseal_protect a b c d e f;
    apiseal_protect_response a b c d e f g;
    apiseal_protected_body a;
    apiseal_protected_headers a b c;
    apiseal_protected_signed a;
    apiseal_accept a b c d e f g;
    apiseal_accept_with a b c d e f g;
    apiseal_accept_response a b c d e f g h;
    apiseal_protector_clone a;
    apiseal_protector_free a;
    apiseal_acceptor_clone a;
    apiseal_acceptor_free a;
    apiseal_protected_free a;
    apiseal_policy_from_json a b c;
    apiseal_policy_id a;
    apiseal_policy_clone a;
    apiseal_policy_free a;
    apiseal_profile_v1 a b;
    apiseal_profile_from_json a b c;
    apiseal_profile_lint a b c d;
    apiseal_profile_id a;
    apiseal_profile_clone a;
    apiseal_profile_free a;
    apiseal_redactor_new a b c;
    apiseal_redact a b c d e;
    apiseal_redactor_clone a;
    apiseal_redactor_free a;
    apiseal_reencrypt a b c d e f g h i j k;
    apiseal_replay_memory a b c d e;
    apiseal_replay_callback a b c;
    apiseal_replay_unchecked a b;
    apiseal_replay_clone a;
    apiseal_replay_free a;
    apiseal_locations_free a;
    apiseal_locate a b c d e;
    apiseal_sightings_free a;
    apiseal_inspect a b c d;
    apiseal_cipher_inspect a b c d e f;
    apiseal_findings_free a;
    apiseal_diagnose a b c d e f g h;
    apiseal_policy_lint a b c d;
    apiseal_signer_new a b c d e f;
    apiseal_sign a b c d;
    apiseal_sign_accepting a b c d e;
    apiseal_sign_response a b c d e;
    apiseal_signed_headers a b c;
    apiseal_signed_base a;
    apiseal_signed_nonce a;
    apiseal_signed_ignored a b;
    apiseal_signed_free a;
    apiseal_signer_clone a;
    apiseal_signer_free a;
    apiseal_opened_list_free a;
    apiseal_decrypt_lenient a b c d e f g;
    apiseal_decrypt_partial a b c d e f g h i j;
    apiseal_spool_begin a b c d;
    apiseal_spool_write a b c;
    apiseal_spool_finish a b c;
    apiseal_spool_free a;
    apiseal_value_cipher_new a b c d e;
    apiseal_value_encrypt a b c d e f g h;
    apiseal_value_encrypt_text a b c d e f g h;
    apiseal_value_decrypt a b c d e f g h;
    apiseal_value_decrypt_text a b c d e f g h;
    apiseal_max_token_len a b c;
    apiseal_value_cipher_clone a;
    apiseal_value_cipher_free a;
    apiseal_verified_len a;
    apiseal_verified_body_proved a;
    apiseal_verified_key_id a b;
    apiseal_verified_principal a b;
    apiseal_verified_label a b;
    apiseal_verified_tag a b;
    apiseal_verified_nonce a b;
    apiseal_verified_base a b;
    apiseal_verified_created a b;
    apiseal_verified_component a b c;
    apiseal_verified_components a b c d;
    apiseal_verified_scope a b c d;
    apiseal_verified_free a;
    apiseal_verifier_new a b c d e f g;
    apiseal_verify a b c d;
    apiseal_verify_response a b c d e;
    apiseal_verify_response_to_verified a b c d e;
    apiseal_verify_response_unbound a b c d e;
    apiseal_verifier_accept_signature a b c d;
    apiseal_verifier_clone a;
    apiseal_verifier_free a;
}
