// What a call of the Go module costs over Rust and over the C ABI, and what the same work costs with what a Go user has today.
//
//	scripts/bench-go
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	apiseal "github.com/apiseal/apiseal/go"
)

const rounds = 201

// fresh keeps the compiler from leaving out what is measured.
var fresh []byte

var context = apiseal.Context{"purpose": "orders", "tenant": "acme"}

func main() {
	if len(os.Args) != 2 {
		must(errors.New("usage: bench-go PROGRAM, which is `rounds` of the benches in Rust"))
	}
	peer := startRust(os.Args[1])
	defer peer.end()
	documents := peer.documents("payment")
	overRust(peer, documents, 0)
	overRust(peer, documents, 32<<20)
	documents = documents[:512]
	fmt.Printf("A crossing by itself: %.0f ns.\n\n", 1000*measure(1_000_000, nothing))
	overhead(documents, 0)
	overhead(documents, 32<<20)
	fields(documents)
	signing()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func policyOf(layout string) string {
	var rules []string
	for _, path := range []string{"$.card.number", "$.card.cvc", "$.customer.ssn"} {
		if layout == "T" {
			rules = append(rules, fmt.Sprintf(`{"path": "%s", "bind": ["$.id"]}`, path))
		} else {
			rules = append(rules, fmt.Sprintf(`{"path": "%s"}`, path))
		}
	}
	head := map[string]string{"T": `"layout": "token"`, "D": `"layout": "document", "bind": ["$.id"]`}[layout]
	return fmt.Sprintf(`{"apiseal_policy": 1, "id": "bench", %s, "rules": [%s]}`, head, strings.Join(rules, ", "))
}

func cipherOf(layout string) (*apiseal.FieldCipher, *crossing) {
	ring, err := apiseal.GenerateKeyring(apiseal.AES256GCM)
	must(err)
	policy, err := apiseal.ParsePolicy(policyOf(layout))
	must(err)
	cipher, err := apiseal.NewFieldCipher(ring, policy)
	must(err)
	clear, err := ring.HazmatWriteClear("bench")
	must(err)
	return cipher, newCrossing(clear, policyOf(layout), context)
}

// overhead compares a call of Go with the same call in C, on one thread in one run. How often the garbage collector runs
// depends on what is alive besides.
func overhead(documents [][]byte, alive int) {
	heap := make([]byte, alive)
	fmt.Printf("With %d MB alive:\n\n", alive>>20)
	fmt.Println("| payment, 1 KB | C ABI, into a buffer | Go, into a buffer | over C | C ABI | Go | over C | new memory by itself |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	each(documents, func(job, layout string, own calls) { own.row(job + " " + layout) })
	fmt.Println()
	runtime.KeepAlive(heap)
}

// each goes through the jobs that calls are measured with.
func each(documents [][]byte, row func(job, layout string, own calls)) {
	for _, layout := range []string{"T", "D"} {
		cipher, c := cipherOf(layout)
		sealed := all(documents, func(document []byte) []byte {
			out, err := cipher.Encrypt(document, context)
			must(err)
			return out
		})
		row("encrypt", layout, calls{c, 0, documents,
			func(document []byte) ([]byte, error) { return cipher.Encrypt(document, context) },
			func(dst, document []byte) ([]byte, error) { return cipher.AppendEncrypt(dst, document, context) }})
		row("decrypt", layout, calls{c, 1, sealed,
			func(document []byte) ([]byte, error) { return cipher.Decrypt(document, context) },
			func(dst, document []byte) ([]byte, error) { return cipher.AppendDecrypt(dst, document, context) }})
	}
}

// calls are the ways to do one job.
type calls struct {
	c         *crossing
	decrypts  int
	documents [][]byte
	call      func(document []byte) ([]byte, error)
	appends   func(dst, document []byte) ([]byte, error)
}

func (c *calls) row(name string) {
	decrypts, documents := c.decrypts, c.documents
	list, buffer := batch(documents), make([]byte, 0, 8192)
	results := all(documents, func(document []byte) []byte {
		out, err := c.call(document)
		must(err)
		return out
	})
	times := interleaved(len(documents), func() { c.c.runInto(decrypts, list) }, func() {
		for _, document := range documents {
			_, err := c.appends(buffer[:0], document)
			must(err)
		}
	}, func() { c.c.run(decrypts, list) }, func() {
		for _, document := range documents {
			out, err := c.call(document)
			must(err)
			fresh = out
		}
	}, func() {
		for _, result := range results {
			fresh = append([]byte(nil), result...)
		}
	})
	fmt.Printf("| %s |", name)
	for at := 0; at < 4; at += 2 {
		fmt.Printf(" %.2f µs | %.2f µs | %.2f µs |", median(times[at]), median(times[at+1]), median(less(times[at+1], times[at])))
	}
	fmt.Printf(" %.2f µs |\n", median(times[4]))
}

// fields compares with what a Go user has today.
func fields(documents [][]byte) {
	fmt.Println("| payment, 1 KB, 3 values | apiseal | by hand | ratio | Tink | ratio | JWE (go-jose) | ratio |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	paths := [][]string{{"card", "number"}, {"card", "cvc"}, {"customer", "ssn"}}
	peers := []*tree{{paths, newByHand()}, {paths, newByTink()}, {paths, newByJose()}}
	over := func(documents [][]byte, job func([]byte) []byte) func() {
		return func() {
			for _, document := range documents {
				job(document)
			}
		}
	}
	for _, layout := range []string{"T", "D"} {
		cipher, _ := cipherOf(layout)
		encrypt := func(document []byte) []byte {
			out, err := cipher.Encrypt(document, context)
			must(err)
			return out
		}
		decrypt := func(document []byte) []byte {
			out, err := cipher.Decrypt(document, context)
			must(err)
			return out
		}
		encrypts := []func(){over(documents, encrypt)}
		decrypts := []func(){over(all(documents, encrypt), decrypt)}
		for _, peer := range peers {
			encrypts = append(encrypts, over(documents, peer.encrypt))
			decrypts = append(decrypts, over(all(documents, peer.encrypt), peer.decrypt))
		}
		compare("encrypt "+layout, interleaved(len(documents), encrypts...))
		compare("decrypt "+layout, interleaved(len(documents), decrypts...))
	}
	fmt.Println()
}

func compare(name string, times [][]float64) {
	fmt.Printf("| %s | %.2f µs |", name, median(times[0]))
	for _, peer := range times[1:] {
		fmt.Printf(" %.2f µs | %.2f |", median(peer), median(ratio(peer, times[0])))
	}
	fmt.Println()
}

func all(documents [][]byte, job func([]byte) []byte) (out [][]byte) {
	for _, document := range documents {
		out = append(out, job(document))
	}
	return out
}

// signing compares with a library of Go and with the bare work.
func signing() {
	fmt.Println("| POST, 150 bytes, HMAC | apiseal | yaronf/httpsign | ratio | by hand, nothing checked | ratio |")
	fmt.Println("|---|---:|---:|---:|---:|---:|")
	key, err := apiseal.RawKey("client", apiseal.HMACSHA256, secret, apiseal.Requests, apiseal.KeyOptions{})
	must(err)
	ring, err := apiseal.NewKeyring("", 0, apiseal.RingEntry{Key: key})
	must(err)
	signer, err := apiseal.NewSigner(ring, nil)
	must(err)
	replay, err := apiseal.UncheckedReplay()
	must(err)
	verifier, err := apiseal.NewVerifier(ring, nil, replay)
	must(err)
	body := []byte(`{"order":"ord_00000001","currency":"EUR","amount":149.90,"lines":[{"sku":"A-1","qty":2},{"sku":"B-7","qty":1}],"note":"leave at the door"}`)
	message := apiseal.Message{Method: "POST", Scheme: "https", Authority: "api.example", Target: "/v2/orders?state=open", Body: body,
		Headers: []apiseal.Header{{Name: "user-agent", Value: "client/1.4.2 (linux; x86_64)"}, {Name: "accept", Value: "application/json"},
			{Name: "accept-encoding", Value: "gzip"}, {Name: "content-type", Value: "application/json"}}}
	const count = 256
	sign := func() {
		for range count {
			signed, err := signer.Sign(&message)
			must(err)
			must(signed.Close())
		}
	}
	hand := func() {
		for range count {
			signByHand("POST", "api.example", "/v2/orders", "?state=open", "application/json", body)
		}
	}
	signed, err := signer.Sign(&message)
	must(err)
	own := message
	own.Headers = append(slices.Clone(message.Headers), signed.Headers...)
	verify := func() {
		for range count {
			verified, err := verifier.Verify(&own)
			must(err)
			must(verified.Close())
		}
	}
	peer := newHTTPSign(body)
	request := peer.sign()
	peerSigns := func() {
		for range count {
			peer.sign()
		}
	}
	peerVerifies := func() {
		for range count {
			peer.verify(request)
		}
	}
	compare("sign", interleaved(count, sign, peerSigns, hand))
	compare("verify", interleaved(count, verify, peerVerifies))
}

// measure gives microseconds of processor time a call.
func measure(count int, run func()) float64 {
	start := processorTime()
	for range count {
		run()
	}
	return (processorTime() - start) / 1e3 / float64(count)
}

// interleaved runs the jobs by turns, each of count calls, and gives the microseconds of processor time a call of each round.
func interleaved(count int, jobs ...func()) [][]float64 {
	times := make([][]float64, len(jobs))
	for round := range rounds + 1 {
		for at, job := range jobs {
			start := processorTime()
			job()
			if round > 0 {
				times[at] = append(times[at], (processorTime()-start)/1e3/float64(count))
			}
		}
	}
	return times
}

func less(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for at := range a {
		out[at] = a[at] - b[at]
	}
	return out
}

func ratio(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for at := range a {
		out[at] = a[at] / b[at]
	}
	return out
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)/2]
}
