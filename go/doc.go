// Package apiseal encrypts chosen fields of JSON documents and signs HTTP requests (RFC 9421).
//
// It is a binding of one core that Rust, C, Python and Go share: what one of them seals or signs, the others open and
// verify. Documents are changed where a policy says so and nowhere else; decryption gives the original bytes back.
//
//	ring, err := apiseal.GenerateKeyring(apiseal.AES256GCM)
//	policy, err := apiseal.ParsePolicy(policyJSON)
//	cipher, err := apiseal.NewFieldCipher(ring, policy)
//	defer cipher.Close()
//	sealed, err := cipher.Encrypt(document, apiseal.Context{"purpose": "orders", "tenant": "acme"})
//
// For net/http, [Signer.Transport] signs the requests of a client and [Verifier.Handler] verifies those of a server;
// [Protector.Transport] and [Acceptor.Handler] encrypt and decrypt fields as well.
//
// # Errors
//
// What the library refuses is an [*Error] with a code, one sentence, and where it applies a path, an offset or a key id.
// errors.Is compares with the kinds, for example [ErrRejected]. A call that fails gives nothing else.
//
// # Objects
//
// Keyrings, policies, ciphers, signers and verifiers are immutable, shared by reference and safe for any number of
// goroutines. Close frees what is outside of Go's heap; it may be called more than once and while calls run, which end as
// they would have. Whoever does not call it leaves that to the garbage collector. Closing a keyring that a cipher was made
// of is fine. No object prints what it holds.
//
// # Linking
//
// The package needs cgo and a C compiler. It links the static library that scripts/go-library builds, or, with the build
// tag apiseal_system, the installed one by pkg-config.
package apiseal

import _ "github.com/apiseal/apiseal/go/internal/needscgo"
