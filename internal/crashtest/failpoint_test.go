package crashtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/failpoint"
	"carillon/internal/sink"
	"carillon/providers"
)

// The campaign of the failpoints: planned in two batches, more than a window
// (two seconds at its rate) and so fed in two passes at least, and sent slowly enough to be in all stages at once.
const (
	failpointPeople      = 900
	failpointRate        = 400
	failpointConcurrency = 8
)

// passing is at which passing of each point the process dies: in the middle of
// the work.
var passing = map[string]int{
	failpoint.AfterFire:           1,
	failpoint.AfterFeedRead:       1,
	failpoint.AfterPlanBatch:      1,
	failpoint.AfterMoveLate:       1,
	failpoint.AfterWinnerChosen:   1,
	failpoint.DuringFlowMove:      9,
	failpoint.AfterFlowMove:       15,
	failpoint.AfterMarkQueued:     2,
	failpoint.AfterEnqueue:        2,
	failpoint.AfterClaim:          20,
	failpoint.BeforeAsking:        300,
	failpoint.AfterProviderAnswer: 300,
	failpoint.AfterNoting:         300,
	failpoint.AfterRecord:         300,
	failpoint.DuringImport:        1,
	failpoint.DuringMigration:     1,
}

// doubtful are the points at which a message is in flight.
var doubtful = map[string]bool{
	failpoint.AfterClaim: true, failpoint.BeforeAsking: true, failpoint.AfterProviderAnswer: true,
	failpoint.AfterNoting: true, failpoint.AfterRecord: true,
}

// onServers are the points at which the short form lets a process die on servers, too: between
// two of Redis, PostgreSQL and the provider, where these differ from what is embedded. The long form
// has all of them.
var onServers = map[string]bool{
	failpoint.AfterEnqueue: true, failpoint.AfterClaim: true, failpoint.AfterProviderAnswer: true, failpoint.AfterRecord: true,
	failpoint.AfterFlowMove: true,
}

// partsFrom is the passing of AfterPlanBatch at which batches have grown so large
// that PostgreSQL plans two parts of one side by side: the first is committed,
// the second is not.
const partsFrom = 3

// partsOfWinner is the passing of AfterWinnerChosen at which a batch of those who wait
// has the winner, and the next has not.
const partsOfWinner = 2

func TestDieAtEveryFailpoint(t *testing.T) {
	t.Parallel()
	for _, s := range []stack{embedded, servers} {
		t.Run(s.name+"/HTTP/between the parts of a batch", func(t *testing.T) {
			t.Parallel()
			dieAt(t, s, death{point: failpoint.AfterPlanBatch, passing: partsFrom, receive: (*cluster).httpSink})
		})
		if !s.shared || long {
			t.Run(s.name+"/HTTP/while those who wait get the winner", func(t *testing.T) {
				t.Parallel()
				dieChoosing(t, s, partsOfWinner, "replied")
			})
			t.Run(s.name+"/HTTP/while a person chooses the winner", func(t *testing.T) {
				t.Parallel()
				dieChoosing(t, s, passing[failpoint.AfterWinnerChosen], "person")
			})
		}
		for _, point := range failpoint.Names() {
			if s.shared && !long && !onServers[point] {
				continue
			}
			t.Run(s.name+"/HTTP/"+point, func(t *testing.T) {
				t.Parallel()
				switch point {
				case failpoint.AfterMoveLate:
					dieMoving(t, s)
				case failpoint.AfterWinnerChosen:
					dieChoosing(t, s, passing[point], "replied")
				case failpoint.AfterFeedRead:
					dieReading(t, s)
				case failpoint.DuringFlowMove, failpoint.AfterFlowMove:
					dieWalking(t, s, death{point: point, passing: passing[point]}, 0)
				default:
					dieAt(t, s, death{point: point, receive: (*cluster).httpSink})
				}
			})
			if !ofFlows(point) && point != failpoint.AfterFeedRead && long || point == failpoint.AfterProviderAnswer && !s.shared {
				t.Run(s.name+"/SMTP/"+point, func(t *testing.T) {
					t.Parallel()
					dieAt(t, s, death{point: point, receive: (*cluster).smtpSink})
				})
			}
			if doubtful[point] && (long || point == failpoint.AfterProviderAnswer && !s.shared) {
				t.Run(s.name+"/HTTP, resend/"+point, func(t *testing.T) {
					t.Parallel()
					dieAt(t, s, death{point: point, receive: (*cluster).httpSink, inDoubt: "resend"})
				})
			}
		}
	}
}

// ofFlows says that nobody passes a point but who walks through a flow.
func ofFlows(point string) bool {
	return point == failpoint.DuringFlowMove || point == failpoint.AfterFlowMove
}

// death is where a process dies.
type death struct {
	point string
	// passing is the one of the point's passings at which it dies; 0 is the one that
	// the suite knows of it.
	passing int
	// receive starts what the messages are sent to.
	receive func(*cluster, sink.Options) far
	// inDoubt is the channel's policy.
	inDoubt string
}

func dieAt(t *testing.T, s stack, d death) {
	t.Helper()
	point, n := d.point, d.passing
	if n == 0 {
		var known bool
		n, known = passing[point]
		require.True(t, known, "the suite has to know the failpoint")
	}
	arm := fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", point, n)
	people, limits := failpointPeople, providers.Limits{PerSecond: failpointRate, Concurrency: failpointConcurrency}
	if point == failpoint.AfterPlanBatch && n >= partsFrom {
		people, limits.PerSecond = 6000, 0 // 500, 1,000, then 2,000 and on PostgreSQL 2,000 more
	}
	if point == failpoint.DuringMigration {
		s = map[bool]stack{false: emptyEmbedded, true: emptyServers}[s.shared]
	}
	c := prepareCluster(t, s)
	to := d.receive(c, sink.Options{})

	switch {
	case point != failpoint.DuringMigration:
	case s.shared:
		c.awaitDeath(c.start("migrate", arm))
		c.migrate()
		arm = ""
	default:
		c.awaitDeath(c.start("serve", arm))
		arm = ""
	}
	p := c.serve("serve", arm)
	if point == failpoint.DuringImport {
		people, limits = 6000, providers.Limits{Concurrency: 64} // two batches
		_ = c.postPeople(people)                                 // it may die before it answers
		c.awaitDeath(p)
		c.serve("serve")
	} else {
		require.NoError(t, c.postPeople(people))
	}
	channel := c.createChannel(to, limits, d.inDoubt)
	campaign := c.draftFor(channel, c.awaitUpload(people))
	if arm != "" && point != failpoint.DuringImport {
		verb, body := "start", object{}
		if point == failpoint.AfterFire { // only what is scheduled is fired by the scheduler
			verb, body = "schedule", object{"at": time.Now().Add(time.Second).Format(time.RFC3339Nano)}
		}
		_ = c.post(fmt.Sprintf("/v1/campaigns/%d/%s", campaign, verb), body, nil) // it may die before it answers
		c.awaitDeath(p)
		c.serve("serve")
	}
	c.startCampaign(campaign)
	c.awaitStatus(campaign, "finished")
	c.prove(campaign, to, expected{people: people, doubt: int(limits.Concurrency), unasked: 1, resend: d.inDoubt == "resend"})
}

// dieMoving dies while the due times of a campaign are moved, of which it has become
// the quiet hours. Nothing of it goes then, and everything when they are taken away.
func dieMoving(t *testing.T, s stack) {
	const people = 6000 // more than one batch of what is late
	c := newCluster(t, s)
	to := c.httpSink(sink.Options{})
	p := c.serve("serve", fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", failpoint.AfterMoveLate, passing[failpoint.AfterMoveLate]))
	channel := c.createChannel(to, providers.Limits{PerSecond: 1, Concurrency: failpointConcurrency}, "")
	campaign := c.draft(channel, people)
	c.startCampaign(campaign)
	c.await("everybody is planned", func() error {
		state, err := c.state(campaign)
		if err == nil && state.Counts["pending"] < people-failpointRate {
			err = fmt.Errorf("it is %+v", state)
		}
		return err
	})
	now := time.Now().UTC()
	quiet := object{"from": now.Add(-2 * time.Hour).Format("15:04"), "to": now.Add(2 * time.Hour).Format("15:04")}
	_ = c.patch(fmt.Sprintf("/v1/channels/%d", channel), object{"quiet_hours": quiet}) // it may die before it answers
	c.awaitDeath(p)
	arrived := to.Count()
	c.serve("serve")
	c.await("everybody waits for the end of quiet hours", func() error {
		var shown struct {
			Standstill struct {
				Reason string `json:"reason"`
				Words  string `json:"words"`
			} `json:"standstill"`
		}
		err := c.get(fmt.Sprintf("/v1/campaigns/%d", campaign), &shown)
		if err == nil && shown.Standstill.Reason != "due_later" {
			err = fmt.Errorf("it is %+v", shown)
		}
		return err
	})
	require.Equal(t, arrived, to.Count(), "nothing goes in quiet hours, whoever has died")
	require.NoError(t, c.patch(fmt.Sprintf("/v1/channels/%d", channel), object{"quiet_hours": object{}, "limits": object{"concurrency": 64}}))
	c.awaitStatus(campaign, "finished")
	c.prove(campaign, to, expected{people: people, doubt: failpointConcurrency, unasked: 1})
}
