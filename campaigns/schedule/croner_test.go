package schedule_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns/schedule"
)

// another is what tools/croner/oracle.mjs writes down of another implementation, by
// zone: around each change of the clock in five years, every instant of every
// expression, in minutes from the beginning of its window.
// Each list of minutes stands once, and is named by its place.
type another struct {
	Lists []string
	Zones map[string]struct {
		Windows [][2]time.Time
		Runs    map[string][]int
	}
}

// ours is an expression as we write it: croner says FRI#L for the last Friday.
func ours(expression string) string { return strings.ReplaceAll(expression, "#L", "L") }

// With the rules that croner has (a time in a gap is shifted, of two that the clock
// shows the first is meant, whatever the hour is) we come to the same instants;
// TestClocksAreSet has those that are the default here. Where we differ all the same,
// differs says why.
func TestAnotherImplementationComesToTheSameInstants(t *testing.T) {
	text, err := os.ReadFile("testdata/croner.json")
	require.NoError(t, err)
	var oracle another
	require.NoError(t, json.Unmarshal(text, &oracle))
	require.Len(t, oracle.Zones, 14)
	compared, differing := 0, map[string]int{}
	for name, zone := range oracle.Zones {
		require.GreaterOrEqual(t, len(zone.Runs), 80)
		for expression, runs := range zone.Runs {
			plan, err := schedule.Schedule{
				Cron: []string{ours(expression)}, Timezone: name, Gap: schedule.GapShift, Overlap: schedule.First,
			}.Compile(schedule.Options{})
			require.NoError(t, err, expression)
			for i, window := range zone.Windows {
				var got []string
				for after := window[0].Add(-time.Second); ; {
					o, ok := plan.Next(after)
					if !ok || o.At.After(window[1]) {
						break
					}
					got, after = append(got, strconv.Itoa(int(o.At.Sub(window[0])/time.Minute))), o.At
				}
				compared++
				if want := oracle.Lists[runs[i]]; want != strings.Join(got, " ") {
					change := window[0].Add(window[1].Sub(window[0]) / 2)
					why := differs(plan.Zone(), expression, change)
					require.NotEmpty(t, why, "%s in %s from %s:\ncroner %s\nours   %s", expression, name, window[0].Format(time.RFC3339), want, strings.Join(got, " "))
					require.Equal(t, farFrom(change, window[0], want), farFrom(change, window[0], strings.Join(got, " ")), "%s in %s", expression, name)
					differing[why]++
				}
			}
		}
	}
	require.Greater(t, compared, 10_000)
	require.Len(t, differing, 3, "each rule is met")
	t.Logf("%d windows compared, %v differ", compared, differing)
}

// differs names the rule of docs/schedules.md by which we come to other instants in a
// window around a change of the clock.
func differs(zone *time.Location, expression string, change time.Time) string {
	_, before := change.Add(-2 * time.Hour).In(zone).Zone()
	_, after := change.Add(2 * time.Hour).In(zone).Zone()
	fields := strings.Fields(expression)
	switch {
	case after < before && before-after != 60*60:
		return "of two times the first is meant, also where a clock is not set back by an hour"
	case after < before:
		return ""
	case expression == "@hourly", len(fields) == 5 && strings.ContainsAny(fields[1], "*/"):
		return "what goes by elapsed time is not shifted"
	case len(fields) == 5 && strings.ContainsAny(fields[0]+fields[1], ",-*/"):
		return "each of several times in a gap is shifted"
	}
	return ""
}

// farFrom are instants that are not within three hours of a change.
func farFrom(change, from time.Time, minutes string) (list []string) {
	for text := range strings.FieldsSeq(minutes) {
		n, _ := strconv.Atoi(text)
		if d := from.Add(time.Duration(n) * time.Minute).Sub(change).Abs(); d > 3*time.Hour {
			list = append(list, text)
		}
	}
	return list
}
