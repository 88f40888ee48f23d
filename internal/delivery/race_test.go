//go:build race

package delivery_test

// The race detector makes a power cut some ten times as dear: opening a store clears much
// memory, and Pebble then keeps a stack of every iterator.
const usualCuts = 300
