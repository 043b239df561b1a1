package apiseal

// #include "bridge.h"
import "C"

import (
	"fmt"
	"io"
	"log/slog"
	"runtime/cgo"
	"unsafe"
)

// LineOptions says how lines are worked on. Its zero value works on the goroutine that calls, and ends at the first line that
// fails.
type LineOptions struct {
	// Threads is the number of worker threads; the order of the lines stays. Default 1. With more, they read the source, which must
	// not call runtime.Goexit then, as FailNow of package testing does.
	Threads int
	// MaxLine is the number of bytes that a line may have without its end. Default 64 MiB.
	MaxLine int
	// Failed is told of each line that fails. Such a line is left out; nil goes on, an error ends the run and is its result.
	Failed func(*LineError) error
}

// LineError is a line that failed. It holds no data of the line.
type LineError struct {
	// Number is that of the line in the source, from 1.
	Number uint64
	// Code is why it failed.
	Code Code
	// Message is the same in words.
	Message string
}

// Error tells the line and why it failed.
func (e *LineError) Error() string {
	return fmt.Sprintf("apiseal: line %d: %s", e.Number, e.Message)
}

// Is tells whether the error is of a kind, as that of the line would be.
func (e *LineError) Is(kind error) bool { return (&Error{Code: e.Code}).Is(kind) }

// LogValue tells a structured log what the error holds.
func (e *LineError) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("line", e.Number), slog.Uint64("code", uint64(e.Code)), slog.String("message", e.Message))
}

// EncryptLines encrypts each line of src, an NDJSON stream, and writes it to dst in the order of src and in constant memory.
// Blank lines and line ends stay as they are. An error of src or dst is given as it is; lines before it may have been written.
func (c *FieldCipher) EncryptLines(dst io.Writer, src io.Reader, context Context, options LineOptions) error {
	return c.lines(C.BRIDGE_ENCRYPT, dst, src, context, options)
}

// DecryptLines decrypts each line of src, an NDJSON stream; else as EncryptLines.
func (c *FieldCipher) DecryptLines(dst io.Writer, src io.Reader, context Context, options LineOptions) error {
	return c.lines(C.BRIDGE_DECRYPT, dst, src, context, options)
}

func (c *FieldCipher) lines(operation C.int, dst io.Writer, src io.Reader, context Context, options LineOptions) error {
	if options.Threads < 0 || options.MaxLine < 0 {
		return invalid("the number of threads and the length of a line cannot be negative")
	}
	pointer, err := c.use()
	if err != nil {
		return err
	}
	defer c.handle.leave()
	from := &source{reader: src}
	f := newFrame()
	f.context(context)
	// The library releases the handle whatever comes of the call.
	handle := C.uintptr_t(cgo.NewHandle(from))
	status := C.bridge_lines(operation, (*C.apiseal_cipher)(pointer), f.records(), C.size_t(options.Threads),
		C.size_t(options.MaxLine), handle, &f.own.result)
	lines, own := (*C.apiseal_lines)(f.own.result.object), f.own.result.error
	f.done()
	if status != 0 {
		return failed(status, own)
	}
	defer C.apiseal_lines_free(lines)
	for {
		var block C.apiseal_block
		var own *C.apiseal_error
		if status := C.apiseal_lines_next(lines, &block, &own); status != 0 {
			err := failed(status, own)
			if cause := from.failure(); cause != nil {
				return cause
			}
			return err
		}
		if block.len == 0 {
			return nil
		}
		if err := deliver(dst, &block, options.Failed); err != nil {
			return err
		}
	}
}

// deliver writes the lines that are done, and tells of those that failed.
func deliver(dst io.Writer, block *C.apiseal_block, tell func(*LineError) error) error {
	defer C.apiseal_block_free(block)
	for _, item := range unsafe.Slice(block.items, block.len) {
		if item.failure == 0 {
			// Writers must not keep what they are given.
			line := unsafe.Slice((*byte)(item.text.data), item.text.len)
			if written, err := dst.Write(line); err != nil {
				return err
			} else if written != len(line) {
				return io.ErrShortWrite
			}
			continue
		}
		failed := &LineError{Number: uint64(item.number), Code: Code(item.failure), Message: copied(item.message)}
		if tell == nil {
			return failed
		}
		if err := tell(failed); err != nil {
			return err
		}
	}
	return nil
}
