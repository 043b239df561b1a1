//go:build apiseal_system

package apiseal

// #cgo pkg-config: apiseal
import "C"
