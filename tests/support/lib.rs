//! Support for the tests and benches of the whole project.
