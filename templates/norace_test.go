//go:build !race

package templates

const raceShare = 1
