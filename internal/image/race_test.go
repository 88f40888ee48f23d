//go:build race

package image_test

// raceDetector: its own memory is many times what a worker may be given.
const raceDetector = true
