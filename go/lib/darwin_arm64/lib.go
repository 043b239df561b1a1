// Package darwin_arm64 holds the static library for this platform, which scripts/go-library builds. It is a package so that
// `go mod vendor` takes the folder along.
package darwin_arm64
