//go:build !race

package liquid

const raceShare = 1
