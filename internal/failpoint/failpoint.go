// Package failpoint lets the crash suite kill the real binary between two
// durable steps. Only a binary that is built with the tag failpoint can be killed
// so: by CARILLON_FAILPOINT, a name, or name:N to die at the Nth time that the point
// is passed. In any other build the points are no code at all.
package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// The named points, in the order in which a message passes them.
const (
	AfterFire           = "after-fire"      // a run has begun, and nothing of it is planned
	AfterFeedRead       = "after-feed-read" // a data feed was read, and is not kept
	AfterPlanBatch      = "after-plan-batch"
	AfterMoveLate       = "after-move-late"     // some of what is outside of its hours has another due time
	AfterWinnerChosen   = "after-winner-chosen" // a variant has won, and not all who wait have it
	DuringFlowMove      = "during-flow-move"    // what a move of sessions comes to is written, and not committed
	AfterFlowMove       = "after-flow-move"     // some sessions have moved, and others that are due have not
	AfterMarkQueued     = "after-mark-queued"
	AfterEnqueue        = "after-enqueue"
	AfterClaim          = "after-claim"
	BeforeAsking        = "before-asking" // the flight recorder says asked, and nobody was
	AfterProviderAnswer = "after-provider-answer"
	AfterNoting         = "after-noting" // the flight recorder has the answer
	AfterRecord         = "after-record"
	DuringImport        = "during-import"
	DuringMigration     = "during-migration"
)

// Names lists every point; the crash suite runs through them all.
func Names() []string {
	return []string{
		AfterFire, AfterFeedRead, AfterPlanBatch, AfterMoveLate, AfterWinnerChosen, DuringFlowMove, AfterFlowMove, AfterMarkQueued, AfterEnqueue,
		AfterClaim, BeforeAsking,
		AfterProviderAnswer, AfterNoting, AfterRecord, DuringImport, DuringMigration,
	}
}

type point struct {
	name string
	left atomic.Int64
}

// Variable is the environment variable that names a point.
const Variable = "CARILLON_FAILPOINT"

// armed is read from the environment once, because a failpoint on the path of
// every message must cost no more than a nil check.
var armed = fromEnvironment()

func fromEnvironment() *point {
	if !enabled {
		return nil
	}
	return parse(os.Getenv(Variable))
}

// Ignored reports whether a point is named that this build does not have.
func Ignored() bool { return !enabled && os.Getenv(Variable) != "" }

func parse(spec string) *point {
	if spec == "" {
		return nil
	}
	name, count, found := strings.Cut(spec, ":")
	n := int64(1)
	if found {
		if parsed, err := strconv.ParseInt(count, 10, 64); err == nil && parsed > 0 {
			n = parsed
		}
	}
	if !slices.Contains(Names(), name) {
		panic(fmt.Sprintf("CARILLON_FAILPOINT names %q; there are %s", name, strings.Join(Names(), ", ")))
	}
	p := &point{name: name}
	p.left.Store(n)
	return p
}

// Hit kills the process, as kill -9 would, if the point is the armed one and
// its count is used up.
func Hit(name string) {
	if enabled {
		hit(name)
	}
}

func hit(name string) {
	if armed == nil || armed.name != name || armed.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way; nothing more may run here
}
