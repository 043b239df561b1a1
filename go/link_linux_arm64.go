//go:build !apiseal_system

package apiseal

// #cgo LDFLAGS: ${SRCDIR}/lib/linux_arm64/libapiseal.a -lgcc_s -lutil -lrt -lpthread -lm -ldl
import "C"

import "github.com/apiseal/apiseal/go/lib/linux_arm64"

// Not defined before scripts/go-library has built the library; its value changes with the library, so that programs are
// linked anew.
const _ = linux_arm64.Built_by_scripts_go_library
