//go:build !apiseal_system && !(linux && (amd64 || arm64)) && !(darwin && (amd64 || arm64))

package apiseal

// The name is the message: there is no static library for this platform.
var _ = build_apiseal_for_this_platform_with_tag_apiseal_system
