package sendapi

import "time"

// HumanAgent is the tag of what a person writes.
const HumanAgent = "HUMAN_AGENT"

// For how long after somebody has written Meta lets a page or an account write to them: for a
// day, and with HumanAgent for seven.
const (
	Window      = 24 * time.Hour
	windowHuman = 7 * 24 * time.Hour
)

// WindowOf is the window of messages with a tag; empty for none. Of the others that Meta has had
// none was bound to a time, so that it is Meta's to say whether it takes one.
func WindowOf(tag string) time.Duration {
	switch tag {
	case "":
		return Window
	case HumanAgent:
		return windowHuman
	default:
		return 0
	}
}
