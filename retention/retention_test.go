package retention_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/internal/fault"
	"carillon/retention"
)

// Whatever is asked for, what is not allowed changes nothing and names what it is, and what is
// allowed is what holds, also after it was kept and read.
func TestAChoiceHoldsOrIsRefused(t *testing.T) {
	kinds := []retention.Kind{"nothing"}
	for _, r := range retention.Rules() {
		kinds = append(kinds, r.Kind)
	}
	rapid.Check(t, func(t *rapid.T) {
		choice := retention.Choice{}
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			days := rapid.OneOf(rapid.IntRange(-2, 40), rapid.IntRange(3600, 3700)).Draw(t, "days")
			rule, known := retention.RuleOf(kind)
			next, err := choice.Changed(retention.Choice{kind: days})
			if !known || days < 0 || days > retention.Most || days > 0 && days < rule.Least {
				require.Equal(t, fault.Invalid, fault.CodeOf(err))
				require.ErrorContains(t, err, string(kind))
				continue
			}
			require.NoError(t, err)
			for _, r := range retention.Rules() {
				if r.Kind != kind {
					require.Equal(t, choice.Days(r.Kind), next.Days(r.Kind))
				}
			}
			require.Equal(t, days, next.Days(kind))
			kept, err := retention.Parse(next.String())
			require.NoError(t, err)
			require.Equal(t, days, kept.Days(kind))
			choice = next
		}
	})
}

// What is kept for ever is never old, and a day has 24 hours.
func TestBefore(t *testing.T) {
	now := time.Date(2027, 3, 29, 12, 0, 0, 0, time.UTC)
	_, removes := retention.Choice{}.Before(retention.Messages, now)
	require.False(t, removes)
	before, removes := retention.Choice{retention.Messages: 30}.Before(retention.Messages, now)
	require.True(t, removes)
	require.Equal(t, now.Add(-720*time.Hour), before)
	before, removes = retention.Choice{}.Before(retention.Deliveries, now)
	require.True(t, removes)
	require.Equal(t, now.AddDate(0, 0, -7), before)
	_, removes = retention.Choice{retention.Deliveries: 0}.Before(retention.Deliveries, now)
	require.False(t, removes)
	_, err := retention.Parse("{")
	require.Error(t, err)
}
