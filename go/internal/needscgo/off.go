//go:build !cgo

package needscgo

// The name is the message: without cgo the build ends here.
var _ = apiseal_needs_cgo__set_CGO_ENABLED_to_1_and_install_a_C_compiler
