//! The examples of the library, run.

#[path = "../core/examples/lines.rs"]
mod lines;
#[path = "../core/examples/logs.rs"]
mod logs;
#[path = "../core/examples/payment.rs"]
mod payment;
#[path = "../core/examples/protected.rs"]
mod protected;
#[path = "../core/examples/requests.rs"]
mod requests;
#[path = "../core/examples/rotation.rs"]
mod rotation;

#[test]
fn examples_come_to_their_end() {
    payment::main().unwrap();
    requests::main().unwrap();
    protected::main().unwrap();
    rotation::main().unwrap();
    logs::main().unwrap();
    lines::main().unwrap();
}

#[test]
fn every_example_is_run() {
    let own = include_str!("examples.rs");
    for entry in std::fs::read_dir(apiseal_workspace::repository("core/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(own.contains(&format!("{}::main()", name.trim_end_matches(".rs"))), "{name}");
    }
}
