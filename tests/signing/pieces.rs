//! Content that arrives in pieces is given back when its digest holds.

use super::*;

#[test]
fn rule_s23_lesson_s30_spooled_content_is_released_when_the_digest_holds() {
    let body = vec![b'x'; 300_000];
    let sent = Sent::post().but(|sent| sent.body = body.clone()).signed();
    let spool = |verifier: &Verifier, pieces: &[&[u8]], late: u64| -> Result<(Vec<u8>, String)> {
        sent.view(|message| {
            let mut spool = verifier.spool(message, Vec::new(), &CLOCK)?;
            pieces.iter().try_for_each(|piece| spool.write(piece))?;
            let (verified, sink) = spool.finish(&FixedClock(NOW + late))?;
            assert_eq!(verified.body(), None, "it is in the sink");
            Ok((sink, verified.component("@path").unwrap().to_owned()))
        })
    };
    let pieces: Vec<&[u8]> = body.chunks(7919).collect();
    let verifier = verifier();
    // What fails burns no nonce.
    let (all_but_one, _) = body.split_at(body.len() - 1);
    assert_eq!(code(spool(&verifier, &[all_but_one], 0)), Some(Code::DigestMismatch));
    assert_eq!(code(spool(&verifier, &[&body, b"x"], 0)), Some(Code::DigestMismatch));
    assert_eq!(code(spool(&verifier, &[], 0)), Some(Code::DigestMismatch));
    // Content that took longer than the message is fresh: its nonce may be forgotten by then.
    assert_eq!(code(spool(&verifier, &pieces, 301)), Some(Code::SignatureExpired));
    assert_eq!(spool(&verifier, &pieces, 300).unwrap(), (body.clone(), "/orders".to_owned()));
    assert_eq!(code(spool(&verifier, &pieces, 0)), Some(Code::Replayed));
}

#[test]
fn rule_s23_spooled_content_has_its_bounds() {
    let spool = |sent: &Sent, profile: Profile, pieces: &[&[u8]]| {
        let verifier = Verifier::new(ring(), profile, NoReplayCheck);
        sent.view(|message| {
            let mut spool = verifier.spool(message, Vec::new(), &CLOCK)?;
            pieces.iter().try_for_each(|piece| spool.write(piece))?;
            spool.finish(&CLOCK).map(drop)
        })
    };
    let strict = Profile::apiseal_v1;
    // A head without a digest is no head of content.
    assert_eq!(code(spool(&get().signed(), strict(), &[b"x"])), Some(Code::DigestMissing));
    assert_eq!(code(spool(&get().signed(), strict(), &[])), None);
    let stated = |len: &str| Sent::post().signed().with("content-length", len);
    assert_eq!(code(spool(&stated("13"), strict(), &[b"{\"amount\"", b": 7}"])), None);
    assert_eq!(code(spool(&stated("12"), strict(), &[b"{\"amount\": 7}"])), Some(Code::MalformedMessage));
    assert_eq!(code(spool(&stated("14"), strict(), &[b"{\"amount\": 7}"])), Some(Code::MalformedMessage));
    let small = Profile::stricter("apiseal-v1").limits(8192, 12).build().unwrap();
    assert_eq!(code(spool(&Sent::post().signed(), small, &[b"{\"amount\": 7}"])), Some(Code::LimitMessage));
    // A sink that fails.
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let verifier = verifier();
    let failed = Sent::post().signed().view(|message| verifier.spool(message, Full, &CLOCK)?.write(b"{"));
    assert_eq!((failed.as_ref().unwrap_err().http_status(), code(failed)), (500, Some(Code::ContentSink)));
}
