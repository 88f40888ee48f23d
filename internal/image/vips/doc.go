//go:build !cgo

// Package vips is empty without cgo; image workers then report that images cannot be
// processed. See vips.go.
package vips
