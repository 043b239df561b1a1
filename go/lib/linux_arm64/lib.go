// Package linux_arm64 holds the static library for this platform, which scripts/go-library builds. It is a package so that
// `go mod vendor` takes the folder along.
package linux_arm64
