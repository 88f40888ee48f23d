//go:build race

package delivery

// The race detector makes each of them some twenty times as dear.
const usualBacklog = 5_000
