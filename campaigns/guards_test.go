package campaigns_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/messages"
)

func TestGuardsOfTheAudience(t *testing.T) {
	var none *campaigns.Guards
	require.Empty(t, none.JudgeAudience(0, 1000))
	g := &campaigns.Guards{Audience: &campaigns.AudienceGuard{Empty: true, Change: 0.5}}
	require.True(t, g.HoldsPlan())
	require.Contains(t, g.JudgeAudience(0, -1), "is empty")
	require.Empty(t, g.JudgeAudience(1, -1), "there was no run before")
	for reach, stops := range map[int64]bool{49: true, 50: false, 100: false, 150: false, 151: true} {
		require.Equal(t, stops, g.JudgeAudience(reach, 100) != "", "%d after 100", reach)
	}
	require.Contains(t, g.JudgeAudience(151, 100), "it would reach 151, and the run before reached 100")
}

func TestGuardsOfFailures(t *testing.T) {
	var none *campaigns.Guards
	var c messages.Counts
	c[messages.Failed], c[messages.Rejected], c[messages.Sent] = 10, 11, 79
	require.Empty(t, none.JudgeFailures(c))
	g := &campaigns.Guards{Failures: &campaigns.FailureGuard{Share: 0.2}}
	require.Equal(t, "21 of its first 100 messages failed or were rejected: that is more than 20 %", g.JudgeFailures(c))
	c[messages.Sent] = 78
	require.Empty(t, g.JudgeFailures(c), "fewer than a hundred say nothing")
	c[messages.Sent] = 84
	require.Empty(t, g.JudgeFailures(c), "a fifth is not more than a fifth")
}

func TestGuardsOfComplaints(t *testing.T) {
	var none *campaigns.Guards
	var c messages.Counts
	c[messages.Sent], c[messages.Read] = 900, 100
	require.Empty(t, none.JudgeComplaints(c, 1000))
	g := &campaigns.Guards{Complaints: &campaigns.ComplaintGuard{Share: 0.003}}
	require.Empty(t, g.JudgeComplaints(c, 3), "three of a thousand are not more than that")
	require.Equal(t, "4 of the 1000 people who got it complained: that is more than 0.3 %", g.JudgeComplaints(c, 4))
	c[messages.Sent], c[messages.Read] = 99, 0
	require.Empty(t, g.JudgeComplaints(c, 50), "fewer than a hundred say nothing")
}

func TestGuardsAreRefusedThatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		guards campaigns.Guards
		field  string
	}{
		{campaigns.Guards{FailedRuns: -1}, "schedule.guards.failed_runs"},
		{campaigns.Guards{Failures: &campaigns.FailureGuard{Share: 20}}, "schedule.guards.failures.share"},
		{campaigns.Guards{Failures: &campaigns.FailureGuard{Share: 0.2, OfFirst: -5}}, "schedule.guards.failures.of_first"},
		{campaigns.Guards{Complaints: &campaigns.ComplaintGuard{Share: 3}}, "schedule.guards.complaints.share"},
		{campaigns.Guards{Complaints: &campaigns.ComplaintGuard{Share: 0.1, OfFirst: -5}}, "schedule.guards.complaints.of_first"},
		{campaigns.Guards{Audience: &campaigns.AudienceGuard{}}, "schedule.guards.audience"},
		{campaigns.Guards{Audience: &campaigns.AudienceGuard{Change: 0.001}}, "schedule.guards.audience.change"},
	} {
		_, err := every("1h", campaigns.Policy{Guards: &c.guards}).Timetable(schedule.Options{})
		require.ErrorContains(t, err, c.field)
		require.ErrorContains(t, campaigns.Schedule{Policy: campaigns.Policy{Guards: &c.guards}}.Validate(schedule.Options{}), c.field)
	}
}

// What fires once has no other run that it could be compared with.
func TestGuardsOfOneRunAreForWhatFiresOnce(t *testing.T) {
	of := func(g campaigns.Guards) error {
		return campaigns.Schedule{At: "2027-01-01T09:00", Policy: campaigns.Policy{Guards: &g}}.Validate(schedule.Options{})
	}
	require.NoError(t, of(campaigns.Guards{
		Failures: &campaigns.FailureGuard{Share: 0.2}, Complaints: &campaigns.ComplaintGuard{Share: 0.003}, Audience: &campaigns.AudienceGuard{Empty: true},
	}))
	require.ErrorContains(t, of(campaigns.Guards{FailedRuns: 3}), "schedule.guards.failed_runs: belongs to a campaign that recurs")
	require.ErrorContains(t, of(campaigns.Guards{Audience: &campaigns.AudienceGuard{Change: 0.5}}), "schedule.guards.audience.change: belongs to")
}
