//go:build race

package apiseal

func init() { raceDetector = true }
