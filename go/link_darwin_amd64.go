//go:build !apiseal_system

package apiseal

// #cgo LDFLAGS: ${SRCDIR}/lib/darwin_amd64/libapiseal.a -liconv -lm
import "C"

import "github.com/apiseal/apiseal/go/lib/darwin_amd64"

// Not defined before scripts/go-library has built the library; its value changes with the library, so that programs are
// linked anew.
const _ = darwin_amd64.Built_by_scripts_go_library
