//go:build race

package liquid

// raceShare is how many times more is allocated under the race detector, which has
// sync.Pool drop a part of what it is given: regexp's buffers for long texts.
const raceShare = 16
