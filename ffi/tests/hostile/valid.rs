//! Objects that work, which most calls are given.

use std::ptr::{null, null_mut};

use apiseal_ffi::*;

/// Objects that work, one of each kind.
pub(crate) struct Valid {
    pub(crate) ring: *mut apiseal_keyring,
    pub(crate) key: *mut apiseal_key,
    pub(crate) policy: *mut apiseal_policy,
    pub(crate) context: *mut apiseal_context,
    pub(crate) cipher: *mut apiseal_cipher,
    pub(crate) value_cipher: *mut apiseal_value_cipher,
    pub(crate) redactor: *mut apiseal_redactor,
    pub(crate) profile: *mut apiseal_profile,
    pub(crate) signer: *mut apiseal_signer,
    pub(crate) signed: *mut apiseal_signed,
    pub(crate) replay: *mut apiseal_replay,
    pub(crate) verifier: *mut apiseal_verifier,
    pub(crate) verified: *mut apiseal_verified,
    pub(crate) protector: *mut apiseal_protector,
    pub(crate) acceptor: *mut apiseal_acceptor,
    pub(crate) protected: *mut apiseal_protected,
    pub(crate) explanation: *mut apiseal_explanation,
    pub(crate) error: *mut apiseal_error,
    pub(crate) sealed: Vec<u8>,
}

pub(crate) const POLICY: &str =
    r#"{"apiseal_policy":1,"id":"t","rules":[{"path":"$.pan","bind":[],"occurs":"optional"}]}"#;
pub(crate) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

pub(crate) fn bytes(data: &(impl AsRef<[u8]> + ?Sized)) -> apiseal_bytes {
    apiseal_bytes { data: data.as_ref().as_ptr(), len: data.as_ref().len() }
}

/// A result of a call that must succeed.
pub(crate) fn made<T>(make: impl FnOnce(*mut *mut T, *mut *mut apiseal_error) -> apiseal_status) -> *mut T {
    let (mut out, mut err) = (null_mut(), null_mut());
    let status = make(&mut out, &mut err);
    assert_eq!((status, err.is_null(), out.is_null()), (0, true, false));
    out
}

pub(crate) fn context() -> apiseal_pair {
    apiseal_pair { name: bytes("purpose"), value: bytes("tests") }
}

pub(crate) fn request(headers: &[apiseal_header]) -> apiseal_message {
    apiseal_message {
        status: 0,
        http2: false,
        method: bytes("GET"),
        scheme: bytes("https"),
        authority: bytes("api.example"),
        target: bytes("/a?x=1"),
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        trailers: null(),
        trailers_len: 0,
        body: bytes(""),
    }
}

impl Valid {
    pub(crate) fn new() -> Self {
        // SAFETY: every pointer is NULL or that of a living value of its type.
        unsafe {
            let ring = made(|out, err| apiseal_keyring_generate(bytes("aes-256-gcm"), out, err));
            let plain =
                made(|out, err| apiseal_key_raw(bytes("k"), bytes("hmac-sha256"), bytes(SECRET), out, err));
            let options = apiseal_key_options {
                state: bytes(""),
                not_before: 0,
                expires: 0,
                scope: null(),
                scope_len: 0,
                principal: bytes("p"),
                profiles: null(),
                profiles_len: 0,
                direction: bytes("req"),
                external_keyid: bytes(""),
            };
            let key = made(|out, err| apiseal_key_with(plain, &options, out, err));
            apiseal_key_free(plain);
            let entry = apiseal_ring_entry { key, primary: false };
            let signing = made(|out, err| apiseal_keyring_new(bytes(""), 0, &entry, 1, out, err));
            let policy = made(|out, err| apiseal_policy_from_json(bytes(POLICY), out, err));
            let own = made(|out, err| apiseal_context_new(&context(), 1, out, err));
            let cipher = made(|out, err| apiseal_cipher_new(ring, policy, null(), out, err));
            let value_cipher =
                made(|out, err| apiseal_value_cipher_new(ring, bytes("label"), null(), out, err));
            let redactor = made(|out, err| apiseal_redactor_new(policy, out, err));
            let profile = made(|out, err| apiseal_profile_v1(out, err));
            let signer = made(|out, err| apiseal_signer_new(signing, profile, null(), null(), out, err));
            let signed = made(|out, err| apiseal_sign(signer, &request(&[]), out, err));
            let mut lines = [apiseal_header { name: bytes(""), value: bytes("") }; 3];
            let len = apiseal_signed_headers(signed, lines.as_mut_ptr(), 3);
            let replay = made(|out, err| apiseal_replay_unchecked(out, err));
            let verifier =
                made(|out, err| apiseal_verifier_new(signing, profile, replay, null(), null(), out, err));
            let verified = made(|out, err| apiseal_verify(verifier, &request(&lines[..len]), out, err));
            apiseal_keyring_free(signing);
            let protector = made(|out, err| apiseal_protector_new(cipher, signer, out, err));
            let acceptor = made(|out, err| apiseal_acceptor_new(cipher, verifier, out, err));
            let json = [apiseal_header { name: bytes("content-type"), value: bytes("application/json") }];
            let message = apiseal_message { body: bytes(r#"{"pan":"4111"}"#), ..request(&json) };
            let protected = made(|out, err| apiseal_protect(protector, &message, &context(), 1, out, err));
            let explanation = made(|out, err| apiseal_explain(verifier, &request(&[]), null(), out, err));
            let mut error = null_mut();
            let mut none = null_mut();
            assert_ne!(apiseal_policy_from_json(bytes("{"), &mut none, &mut error), 0);
            let mut out = apiseal_buffer { data: null_mut(), len: 0, cap: 0, wipe: false };
            let clear = bytes(r#"{"pan":"4111"}"#);
            assert_eq!(apiseal_encrypt(cipher, &context(), 1, clear, &mut out, null_mut()), 0);
            let sealed = std::slice::from_raw_parts(out.data, out.len).to_vec();
            apiseal_buffer_free(&mut out);
            Valid {
                ring,
                key,
                policy,
                context: own,
                cipher,
                value_cipher,
                redactor,
                profile,
                signer,
                signed,
                replay,
                verifier,
                verified,
                protector,
                acceptor,
                protected,
                explanation,
                error,
                sealed,
            }
        }
    }
}

impl Drop for Valid {
    fn drop(&mut self) {
        // SAFETY: each came from the library and is freed once.
        unsafe {
            apiseal_keyring_free(self.ring);
            apiseal_key_free(self.key);
            apiseal_policy_free(self.policy);
            apiseal_context_free(self.context);
            apiseal_cipher_free(self.cipher);
            apiseal_value_cipher_free(self.value_cipher);
            apiseal_redactor_free(self.redactor);
            apiseal_profile_free(self.profile);
            apiseal_signer_free(self.signer);
            apiseal_signed_free(self.signed);
            apiseal_replay_free(self.replay);
            apiseal_verifier_free(self.verifier);
            apiseal_verified_free(self.verified);
            apiseal_protector_free(self.protector);
            apiseal_acceptor_free(self.acceptor);
            apiseal_protected_free(self.protected);
            apiseal_explanation_free(self.explanation);
            apiseal_error_free(self.error);
        }
    }
}
