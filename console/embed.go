// Package console holds the web console as it was built into dist: by `make build`, or
// only a page that says how to build it. What is in this folder else is its source.
package console

import "embed"

// Dist is the built console: index.html, and assets named by their content, each with a
// compressed twin (.br) beside it. Without a build it has stub.html alone.
//
//go:embed all:dist
var Dist embed.FS
