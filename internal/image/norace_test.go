//go:build !race

package image_test

const raceDetector = false
