//go:build !race

package delivery

const usualBacklog = 100_000
