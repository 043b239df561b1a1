package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// rust is the library in Rust, by the program `rounds` of the benches there: it makes the documents and takes turns with Go.
type rust struct {
	folder  string
	asks    io.Writer
	answers *bufio.Scanner
}

func startRust(program string) *rust {
	folder, err := os.MkdirTemp("", "apiseal-bench-*")
	must(err)
	command := exec.Command(program, folder)
	command.Stderr = os.Stderr
	asks, err := command.StdinPipe()
	must(err)
	answers, err := command.StdoutPipe()
	must(err)
	must(command.Start())
	r := &rust{folder: folder, asks: asks, answers: bufio.NewScanner(answers)}
	if r.answer() != "ready" {
		must(fmt.Errorf("%s does not say that it is ready", program))
	}
	return r
}

func (r *rust) end() { must(os.RemoveAll(r.folder)) }

func (r *rust) answer() string {
	if !r.answers.Scan() {
		must(fmt.Errorf("the program in Rust ended: %w", io.ErrUnexpectedEOF))
	}
	return r.answers.Text()
}

func (r *rust) documents(corpus string) (out [][]byte) {
	data, err := os.ReadFile(filepath.Join(r.folder, corpus))
	must(err)
	for len(data) > 0 {
		end := 4 + binary.LittleEndian.Uint32(data)
		out = append(out, data[4:end])
		data = data[end:]
	}
	return out
}

// run gives the microseconds a call of a job, for example `encrypt payment T`.
func (r *rust) run(job string, count int) float64 {
	_, err := fmt.Fprintf(r.asks, "%s %d\n", job, count)
	must(err)
	seconds, err := strconv.ParseFloat(r.answer(), 64)
	must(err)
	return seconds * 1e6 / float64(count)
}

// overRust compares calls of Go with the same calls in Rust by the clock on the wall. A round is long enough that the garbage
// collector runs in each of them.
func overRust(r *rust, documents [][]byte, alive int) {
	heap := make([]byte, alive)
	fmt.Printf("By the clock on the wall, with %d MB alive:\n\n", alive>>20)
	fmt.Println("| payment, 1 KB | Rust | Go, into a buffer | over Rust | median | Go | over Rust | median |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	each(documents, func(job, layout string, own calls) { r.row(job+" payment "+layout, own) })
	fmt.Println()
	runtime.KeepAlive(heap)
}

func (r *rust) row(job string, own calls) {
	const count, rounds = 4096, 61
	buffer := make([]byte, 0, 8192)
	timed := func(call func([]byte) ([]byte, error)) float64 {
		start := time.Now()
		for at := range count {
			out, err := call(own.documents[at%len(own.documents)])
			must(err)
			fresh = out
		}
		return float64(time.Since(start).Nanoseconds()) / 1e3 / count
	}
	var times [3][]float64
	for round := range rounds + 1 {
		took := [3]float64{
			r.run(job, count),
			timed(func(document []byte) ([]byte, error) { return own.appends(buffer[:0], document) }),
			timed(own.call),
		}
		for at := range took {
			if round > 0 {
				times[at] = append(times[at], took[at])
			}
		}
	}
	least := slices.Min(times[0])
	fmt.Printf("| %s | %.2f µs |", job, least)
	for _, took := range times[1:] {
		fmt.Printf(" %.2f µs | %.2f µs | %.2f µs |", slices.Min(took), slices.Min(took)-least, median(less(took, times[0])))
	}
	fmt.Println()
}
