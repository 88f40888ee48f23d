//go:build !race

package delivery_test

const usualCuts = 3000
