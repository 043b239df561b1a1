//! Peak memory of a large document: input, output and little more. Linux only: it reads the process's own peak.
#![cfg(target_os = "linux")]

use std::fmt::Write;

use apiseal_workspace::Setup;

/// A line of this process's status, in bytes.
fn status(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// Peak resident bytes while `work` runs, over what was resident before.
fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    std::fs::write("/proc/self/clear_refs", "5").expect("the peak can be reset");
    let before = status("VmRSS:");
    let done = work();
    (done, status("VmHWM:").saturating_sub(before))
}

/// A document of 50 MB with a value to protect in each `text_len` bytes or so.
fn document(text_len: usize) -> String {
    let mut document = String::with_capacity(52 << 20);
    document.push_str("{\"id\":1,\"list\":[");
    while document.len() < 50 << 20 {
        let (number, text) = (document.len(), "x".repeat(text_len));
        write!(document, "{{\"id\":{number},\"pan\":\"4111111111111111\",\"text\":\"{text}\"}},").unwrap();
    }
    document.push_str("0]}");
    document
}

/// Bytes that each value may cost beyond output and a tenth of the input.
const EACH: usize = 32;

/// Of 13 000 values and of 116 000, where what is noted of each weighs more than anything else.
#[test]
fn lesson_f20_peak_memory_is_input_and_output_and_little_more() {
    for text_len in [4000, 400] {
        let document = document(text_len);
        for setup in [
            Setup::token(&[r#""path":"$.list[*].pan","bind":["1/id"]"#]),
            Setup::document("[\"$.id\"]", &[r#""path":"$.list[*].pan""#]),
        ] {
            let setup = setup.but(|setup| setup.limits.document = 128 << 20);
            let (cipher, context) = (setup.cipher().unwrap(), setup.context().unwrap());
            let fields = document.matches("\"pan\"").count();
            let allowed = |output: usize, input: usize| output + input / 10 + EACH * fields;
            let (sealed, encrypting) = peak_of(|| cipher.encrypt(document.as_bytes(), &context).unwrap());
            let may = allowed(sealed.len(), document.len());
            assert!(encrypting < may, "encryption: {encrypting} bytes over the input, {may} allowed");
            assert!(encrypting > sealed.len() / 2, "the peak is measured");
            let (opened, decrypting) = peak_of(|| cipher.decrypt(&sealed, &context).unwrap());
            let may = allowed(opened.len(), sealed.len());
            assert!(decrypting < may, "decryption: {decrypting} bytes over the input, {may} allowed");
            assert!(&opened[..] == document.as_bytes());
            drop(opened);
            let redactor = setup.redactor().unwrap();
            let (redacted, redacting) = peak_of(|| redactor.redact(&sealed));
            let may = allowed(redacted.len(), sealed.len());
            assert!(redacting < may, "redaction: {redacting} bytes over the input, {may} allowed");
            assert!(!redacted.is_unreadable() && redacted.len() < sealed.len());
            println!(
                "{fields} fields, {} -> {} bytes: {encrypting}, {decrypting}, {redacting}",
                document.len(),
                sealed.len()
            );
        }
    }
}
