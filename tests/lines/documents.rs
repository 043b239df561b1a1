//! Lines that are documents, through a cipher.

use super::*;

/// The bytes of all lines that did not fail, and the numbers and codes of those that did.
fn collect<T: AsRef<[u8]> + Send + 'static>(lines: Lines<T>) -> (Vec<u8>, Vec<(u64, Code)>) {
    let (mut out, mut failed) = (Vec::new(), Vec::new());
    for line in lines {
        let line = line.unwrap();
        match &line.outcome {
            Outcome::Blank(text) => out.extend(text),
            Outcome::Done(text) => out.extend(text.as_ref()),
            Outcome::Failed(error) => {
                failed.push((line.number, error.code()));
                continue;
            }
        }
        out.extend(line.ending.as_bytes());
    }
    (out, failed)
}

#[test]
fn thousands_of_lines_are_what_single_documents_are() {
    let text = mixed(5000);
    for setup in [
        Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]),
        Setup::document("[\"$.id\"]", &[r#""path":"$.ssn""#]),
    ] {
        let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
        let single = |line: &str| -> Option<Result<Vec<u8>>> {
            (!line.trim().is_empty()).then(|| cipher.encrypt(line.as_bytes(), &context))
        };
        let (mut refused, mut kept) = (Vec::new(), String::new());
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            match single(line) {
                Some(Err(error)) => refused.push((number, error.code())),
                _ => kept.push_str(line),
            }
        }
        assert!(refused.len() > 800);
        for threads in [1, 2, 4] {
            let source = io::Cursor::new(text.clone().into_bytes());
            let (sealed, failed) = collect(cipher.encrypt_lines(source, &context, options(threads)).unwrap());
            assert_eq!(failed, refused);
            let opened: Vec<u8> = sealed
                .split_inclusive(|byte| *byte == b'\n')
                .flat_map(|line| {
                    if line.trim_ascii().is_empty() {
                        line.to_vec()
                    } else {
                        cipher.decrypt(line, &context).unwrap().to_vec()
                    }
                })
                .collect();
            assert!(opened == kept.as_bytes(), "single documents read what lines wrote");
            let source = io::Cursor::new(sealed.clone());
            let blocks = cipher.decrypt_blocks(source, &context, options(threads)).unwrap();
            let opened: Vec<u8> = blocks.flat_map(|block| block.unwrap().text().to_vec()).collect();
            assert!(opened == kept.as_bytes(), "and blocks do");
            let source = io::Cursor::new(sealed);
            let (opened, failed) = collect(cipher.decrypt_lines(source, &context, options(threads)).unwrap());
            assert!(opened == kept.as_bytes() && failed.is_empty(), "lines read what lines wrote");
        }
    }
}

#[test]
fn a_line_that_would_be_two_is_refused() {
    let setup = Setup::token(&[r#""path":"$.card","bind":["$.id"]"#]);
    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    let sealed = cipher.encrypt(b"{\"id\":1,\"card\":{\n\"pan\":1}}", &context).unwrap();
    assert!(!sealed.contains(&b'\n'));
    let lines = cipher.decrypt_lines(io::Cursor::new(sealed), &context, options(1)).unwrap();
    assert_eq!(collect(lines), (Vec::new(), vec![(1, Code::LineBreak)]));
}

#[test]
fn the_limit_of_documents_and_the_context_hold_for_lines() {
    let setup = Setup::token(&[r#""path":"$.ssn","bind":[]"#]).but(|setup| {
        setup.limits.document = 300;
        setup.limits.field = 300;
        setup.limits.bound = 300;
    });
    let cipher = setup.cipher().unwrap();
    let text = format!("{{\"ssn\":1}}\n{{\"ssn\":\"{}\"}}\n{{\"ssn\":2}}\n", "x".repeat(300));
    let source = || io::Cursor::new(text.clone().into_bytes());
    let (_, failed) = collect(cipher.encrypt_lines(source(), &setup.context().unwrap(), options(1)).unwrap());
    assert_eq!(failed, [(2, Code::LimitDocument)]);
    let context = apiseal::Context::from_pairs([("tenant", "acme")]).unwrap();
    let error = cipher.encrypt_lines(source(), &context, options(1)).unwrap_err();
    assert_eq!(error.code(), Code::ContextMissing);
}

/// Many iterators at once, of one cipher, on more threads than there are cores.
#[test]
fn one_cipher_serves_many_streams() {
    let setup = Setup::token(&[r#""path":"$.ssn","bind":["$.id"]"#]);
    let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
    let outcomes = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let source = io::Cursor::new(mixed(1000).into_bytes());
                let (sealed, failed) = collect(cipher.encrypt_lines(source, &context, options(3)).unwrap());
                outcomes.lock().unwrap().push((sealed.len(), failed.len()));
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    assert!(outcomes.len() == 4 && outcomes.iter().all(|outcome| *outcome == outcomes[0]));
}
