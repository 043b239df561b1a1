//! Every published vector of layouts T and D and of the keyring file comes out byte for byte, and opens again.

use apiseal::{
    Bound, Context, Decrypted, FieldCipher, Key, KeyState, Keyring, KeyringFile, Kid, Policy, Purpose, Suite,
    ValueCipher, Wrap,
};
use apiseal_workspace::{Repeated, repository, unhex};
use serde_json::Value;

fn read(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(repository(path)).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn secret(value: &Value) -> [u8; 32] {
    unhex(text(value)).try_into().unwrap()
}

fn ring(keys: &Value) -> Keyring {
    let mut builder = Keyring::builder();
    for key in keys.as_array().unwrap() {
        let kid = Kid::parse(text(&key["kid"])).unwrap();
        let suite = Suite::from_name(text(&key["suite"])).unwrap();
        let made = Key::hazmat_from_secret(kid, Purpose::Seal, suite, &secret(&key["secret"])).unwrap();
        assert_eq!((text(&key["state"]), key["primary"].as_bool()), (KeyState::Active.name(), Some(true)));
        builder = builder.primary(made);
    }
    builder.build().unwrap()
}

#[test]
fn fields_come_out_byte_for_byte() {
    let file = read("tests/vectors/fields.json");
    for case in file["cases"].as_array().unwrap() {
        let name = text(&case["name"]);
        let policy = Policy::from_json(&case["policy"].to_string()).unwrap();
        let cipher = FieldCipher::builder(ring(&case["keys"]), policy)
            .hazmat_random(Repeated::new(unhex(text(&case["random"]))))
            .hedged_salts(case["hedged_salts"].as_bool().unwrap())
            .build()
            .unwrap();
        let pairs =
            case["context"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), text(value)));
        let context = Context::from_pairs(pairs).unwrap();
        let sealed = cipher.encrypt(text(&case["document"]).as_bytes(), &context).unwrap();
        assert_eq!(String::from_utf8(sealed.clone()).unwrap(), text(&case["encrypted"]), "{name}");
        let opened = cipher.decrypt(&sealed, &context).unwrap();
        assert_eq!(std::str::from_utf8(&opened).unwrap(), text(&case["document"]), "{name}");
        let mut reused = b"left over".to_vec();
        cipher.encrypt_into(text(&case["document"]).as_bytes(), &context, &mut reused).unwrap();
        assert_eq!(reused, sealed, "{name}");
        for left_over in [&b"left over"[..], &[b'x'; 1 << 16]] {
            let mut reused = Decrypted::in_memory_of(left_over.to_vec());
            cipher.decrypt_into(&sealed, &context, &mut reused).unwrap();
            assert_eq!(std::str::from_utf8(&reused).unwrap(), text(&case["document"]), "{name}");
            assert!(cipher.decrypt_into(b"{}", &context, &mut reused).is_err(), "{name}");
            assert!(reused.is_empty(), "{name}");
        }
    }
    assert!(file["cases"].as_array().unwrap().len() >= 9);
}

#[test]
fn a_single_value_is_the_token_of_a_document() {
    let file = read("tests/vectors/fields.json");
    let case = file["cases"].as_array().unwrap().iter().find(|case| case["name"] == "N1").unwrap();
    let cipher = ValueCipher::builder(ring(&case["keys"]), "patient.notes")
        .unwrap()
        .hazmat_random(Repeated::new(unhex(text(&case["random"]))))
        .build()
        .unwrap();
    let context = Context::new("users").unwrap().with("tenant", "acme").unwrap();
    let encrypted: Value = serde_json::from_str(text(&case["encrypted"])).unwrap();
    let expected = text(&encrypted["patient"]["notes"]);
    // The document says 7.0; the value is what counts.
    for id in ["7.0", "7", "70e-1"] {
        let bound = [Bound::json("patient.id", id)];
        assert_eq!(cipher.encrypt(b"\"stable\"", &bound, &context).unwrap(), expected);
        assert_eq!(cipher.encrypt_text("stable", &bound, &context).unwrap(), expected);
        assert_eq!(&cipher.decrypt(expected, &bound, &context).unwrap()[..], b"\"stable\"");
    }
}

#[test]
fn keyrings_come_out_byte_for_byte() {
    let file = read("tests/vectors/keyring.json");
    let name = text(&file["ring"]);
    for case in file["cases"].as_array().unwrap() {
        let wrap = match case["passphrase"].as_str() {
            Some(passphrase) => Wrap::passphrase(passphrase.as_bytes()),
            None => Wrap::raw(&secret(&case["wrapping_key"])),
        };
        let sealed = text(&case["file"]);
        let ring = KeyringFile::open(sealed.as_bytes(), name, &wrap, Some(7)).unwrap();
        assert_eq!((ring.rev(), ring.keys().count(), ring.primaries().count()), (7, 1, 1));
        let again =
            KeyringFile::seal(&ring, name, &wrap, &Repeated::new(unhex(text(&case["random"])))).unwrap();
        assert_eq!(String::from_utf8(again).unwrap().trim_end(), sealed);
    }
}

#[test]
fn derived_keys_come_out_byte_for_byte() {
    let file = read("tests/vectors/keyring.json");
    let case = &file["derived"];
    let clear = |ring: &Keyring, name: &str| {
        String::from_utf8(KeyringFile::hazmat_write_clear(ring, name).unwrap().to_vec()).unwrap()
    };
    let load = |text: &str, name: &str| KeyringFile::hazmat_read_clear(text.as_bytes(), name, None).unwrap();
    let whole = load(text(&case["ring"]), "orders");
    assert_eq!(clear(&whole, "orders"), text(&case["ring"]));
    let pairs = case["context"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), text(value)));
    let context = Context::from_pairs(pairs).unwrap();
    for export in case["exported"].as_array().unwrap() {
        let key = whole.export_context(text(&export["kid"]), &context).unwrap();
        assert_eq!(key.hazmat_secret().unwrap(), unhex(text(&export["K_ctx"])).as_slice());
        let ring = Keyring::builder().rev(1).primary(key).build().unwrap();
        assert_eq!(clear(&ring, "acme"), text(&export["ring"]));
        assert_eq!(clear(&load(text(&export["ring"]), "acme"), "acme"), text(&export["ring"]));
    }
    assert_eq!(case["exported"].as_array().unwrap().len(), 2);
}

#[test]
fn hedged_salts_come_out_byte_for_byte() {
    let file = read("tests/vectors/fields.json");
    for (name, salt, from) in [
        ("A1", "bb8a96a54149e9bb63c49d1829634378daf4ea592d048284", "as1.k1."),
        ("A4", "99fa9fd0017649050d6e35341d8077a9652d6d173ffcf60e", "as1d.k1."),
    ] {
        let case = file["cases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        let cipher = FieldCipher::builder(
            ring(&case["keys"]),
            Policy::from_json(&case["policy"].to_string()).unwrap(),
        )
        .hazmat_random(Repeated::new((0x60..0x80).collect()))
        .hedged_salts(true)
        .build()
        .unwrap();
        let context = Context::new("users").unwrap().with("tenant", "acme").unwrap();
        let document = text(&case["document"]).as_bytes();
        let sealed = cipher.encrypt(document, &context).unwrap();
        let sealed_text = std::str::from_utf8(&sealed).unwrap();
        let body = &sealed_text[sealed_text.find(from).unwrap() + from.len()..];
        // Suite and mode, then 24 bytes of salt: the first 26 bytes are 34 characters and two bits.
        let head = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(&body[..36]).unwrap();
        assert_eq!(&head[2..26], unhex(salt), "{name}");
        assert_eq!(&cipher.decrypt(&sealed, &context).unwrap()[..], document);
    }
}
