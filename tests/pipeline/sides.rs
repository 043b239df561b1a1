//! What both sides demand of keys, profiles and responses.

use super::*;

#[test]
fn a_key_without_principal_neither_protects_nor_is_accepted() {
    let sent = Sent::request();
    let refused = protector("nobody").protect(&sent.view(&sent.lines()), &context());
    assert_eq!(code(refused.map(drop)), Some(Code::KeyState));
    assert_eq!(watched(&sent.signed_by("nobody"), Outcome::First), (Some(Code::KeyState), 1, 1, 0));
    let sent = sent.protected_by("acme");
    let lines = sent.lines();
    let verified = verifier(NoReplayCheck).verify(&sent.view(&lines), &CLOCK).unwrap();
    let answer = Sent::response();
    let protect =
        |kid: &str| protector(kid).protect_response(&answer.view(&answer.lines()), &verified, &context());
    assert_eq!(code(protect("unnamed").map(drop)), Some(Code::KeyState));
    // What failed has not answered the request.
    assert!(protect("service").is_ok());
}

#[test]
fn rule_s22_case_74_only_a_final_response_to_a_verified_request() {
    let sent = Sent::request().protected_by("acme");
    let lines = sent.lines();
    let verified = verifier(NoReplayCheck).verify(&sent.view(&lines), &CLOCK).unwrap();
    let protect = |answer: &Sent| {
        protector("service").protect_response(&answer.view(&answer.lines()), &verified, &context()).map(drop)
    };
    assert_eq!(code(protect(&Sent { status: 103, ..Sent::response() })), Some(Code::NotSignable));
    // A request is no response, and a response is none that protects itself.
    assert_eq!(code(protect(&Sent::request())), Some(Code::NotSignable));
    let answer = Sent::response();
    let alone = protector("service").protect(&answer.view(&answer.lines()), &context());
    assert_eq!(code(alone.map(drop)), Some(Code::NotSignable));
    // A fault of the content leaves the one answer open.
    assert_eq!(code(protect(&Sent::response().body("{"))), Some(Code::MalformedJson));
    assert!(protect(&Sent::response()).is_ok());
}

#[test]
fn rule_s16_a_response_to_another_request_is_refused() {
    let protect = || {
        let sent = Sent::request();
        let protected = protector("acme").protect(&sent.view(&sent.lines()), &context()).unwrap();
        (sent.carrying(&protected), protected)
    };
    let ((sent, own), (_, other)) = (protect(), protect());
    let lines = sent.lines();
    let acceptor = acceptor();
    let accepted = acceptor.accept(&sent.view(&lines), orders).unwrap();
    let answer = Sent::response();
    let answered = protector("service")
        .protect_response(&answer.view(&answer.lines()), accepted.verified(), &context())
        .unwrap();
    let answer = answer.carrying(&answered);
    let lines = answer.lines();
    let view = answer.view(&lines);
    assert_eq!(code(acceptor.accept_response(&view, &other, orders).map(drop)), Some(Code::ResponseMismatch));
    assert!(acceptor.accept_response(&view, &own, orders).is_ok());
    assert_eq!(code(acceptor.accept(&view, orders).map(drop)), Some(Code::ResponseMismatch));
}

#[test]
fn profiles_that_prove_too_little_are_refused() {
    let cipher = || cipher_of(sealing(), TOKEN);
    let loose = Profile::rfc9421("loose").require("@method").build().unwrap();
    let digest = Profile::rfc9421("digest").require("@method").digest_required().build().unwrap();
    let two = Profile::stricter("two").principals(["acme", "bank"]).build().unwrap();
    for profile in [loose, digest, two] {
        let protector = Protector::new(cipher(), Signer::new(signing(), profile.clone()));
        assert_eq!(code(protector.map(drop)), Some(Code::ProfileFile), "{profile:?}");
        let acceptor = Acceptor::new(cipher(), Verifier::new(signing(), profile, NoReplayCheck));
        assert_eq!(code(acceptor.map(drop)), Some(Code::ProfileFile));
    }
    let own = Profile::stricter("own").if_present("x-tenant").build().unwrap();
    assert!(Protector::new(cipher(), Signer::new(signing(), own)).is_ok());
}

#[test]
fn a_partner_holds_the_key_of_his_own_messages_only() {
    let service = sealing();
    let exported = |principal: &str, direction| {
        service.export_message_context("seal", &context(), principal, direction).unwrap()
    };
    let ring = |key: Key| Keyring::builder().primary(key).build().unwrap();
    let protect = |ring: Keyring| {
        let signer = Signer::new(signing(), Profile::apiseal_v1()).key("acme");
        let protector = Protector::new(cipher_of(ring, TOKEN), signer).unwrap();
        let sent = Sent::request();
        let protected = protector.protect(&sent.view(&sent.lines()), &context());
        protected.map(|protected| sent.clone().carrying(&protected))
    };
    let sent = protect(ring(exported("acme", Direction::Request))).unwrap();
    assert_eq!(sent.accepted().unwrap(), BODY.as_bytes());
    // Keys of another principal or direction make no fields for this one, and read none.
    for other in [exported("bank", Direction::Request), exported("acme", Direction::Response)] {
        assert!(protect(ring(other.clone())).is_err());
        let thief = Acceptor::new(cipher_of(ring(other), TOKEN), verifier(NoReplayCheck)).unwrap();
        assert_eq!(code(sent.accepted_by(&thief)), Some(Code::ContextScope));
    }
    // Such a key survives its file.
    let folder = std::env::temp_dir().join(format!("apiseal-pipeline-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("partner.json");
    let partner = ring(exported("acme", Direction::Request));
    KeyringFile::hazmat_create_clear(&path, &partner, "default").unwrap();
    let loaded = KeyringFile::hazmat_load_clear(&path, "default", None).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(protect(loaded).is_ok());
    // Nobody writes such a scope by hand.
    let scoped = seal().with_scope([("apiseal.principal", "acme")]);
    assert_eq!(code(Keyring::builder().primary(scoped).build()), Some(Code::KeyringFile));
}

/// Exchanges the signer's ring for another while content is being encrypted.
struct Meanwhile(KeyringHandle, Keyring);

impl hazmat::Random for Meanwhile {
    fn fill(&self, out: &mut [u8]) -> Result<()> {
        self.0.replace(self.1.clone())?;
        hazmat::Random::fill(&OsRandom, out)
    }
}

#[test]
fn the_principal_of_the_context_signs_also_if_the_ring_is_exchanged_meanwhile() {
    let key = |id: &str| signing().key(id).unwrap().clone();
    let only = |id: &str| Keyring::builder().key(key(id)).build().unwrap();
    let handle = KeyringHandle::new(only("acme"));
    let cipher = FieldCipher::builder(sealing(), Policy::from_json(TOKEN).unwrap())
        .clock(CLOCK)
        .hazmat_random(Meanwhile(handle.clone(), only("bank")))
        .build()
        .unwrap();
    let protector = Protector::new(cipher, Signer::new(handle, Profile::apiseal_v1())).unwrap();
    let sent = Sent::request();
    let protected = protector.protect(&sent.view(&sent.lines()), &context()).unwrap();
    assert!(protector.signer().keyring().current().key("acme").is_none(), "it was exchanged");
    assert_eq!(sent.clone().carrying(&protected).accepted().unwrap(), BODY.as_bytes());
    // The next message is the next key's.
    let protected = protector.protect(&sent.view(&sent.lines()), &context()).unwrap();
    let next = protected.headers().find(|(name, _)| *name == "signature-input").unwrap();
    assert!(next.1.contains("keyid=\"bank\""));
}

#[test]
fn one_protector_and_one_acceptor_serve_many_threads() {
    let (protector, acceptor) = (protector("acme"), acceptor());
    let done = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    let sent = Sent::request();
                    let protected = protector.protect(&sent.view(&sent.lines()), &context()).unwrap();
                    let sent = sent.carrying(&protected);
                    assert_eq!(sent.accepted_by(&acceptor).unwrap(), BODY.as_bytes());
                    *done.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(done.into_inner().unwrap(), 100);
    let random = Key::generate(kid("x"), Purpose::Seal, Suite::Aes256Gcm, &CLOCK, &OsRandom).unwrap();
    let shown = format!("{protector:?} {acceptor:?} {random:?}");
    assert!(!shown.contains("4111") && shown.contains("Protector") && shown.contains("Acceptor"));
}
