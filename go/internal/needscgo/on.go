//go:build cgo

// Package needscgo does not compile without cgo, and says so.
package needscgo
