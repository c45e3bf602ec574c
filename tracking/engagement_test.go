package tracking_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"carillon/tracking"
)

const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		r    tracking.Request
		open bool
		want tracking.Why
	}{
		{tracking.Request{Agent: phone}, false, tracking.Person},
		{tracking.Request{Agent: "Mozilla/5.0 (Linux; Android 14; CUBOT KINGKONG) Chrome/120.0 Mobile Safari/537.36"}, false, tracking.Person},
		{tracking.Request{Agent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}, true, tracking.Person},
		{tracking.Request{Agent: "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"}, true, tracking.Person},
		{tracking.Request{Head: true, Agent: phone}, false, tracking.Head},
		{tracking.Request{Agent: phone, Purposes: []string{"prefetch;prerender"}}, false, tracking.Prefetch},
		{tracking.Request{Agent: phone, Purposes: []string{"preview"}}, false, tracking.Prefetch},
		{tracking.Request{}, false, tracking.NoAgent},
		{tracking.Request{Agent: "Mozilla/5.0"}, true, tracking.ApplePrivacy},
		{tracking.Request{Agent: "Mozilla/5.0"}, false, tracking.Scanner},
		{tracking.Request{Agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 " +
			"Safari/537.36 Edge/12.246 Mozilla/5.0"}, true, tracking.GmailPrefetch},
		{tracking.Request{Agent: "BarracudaCentral Link Protection"}, false, tracking.Scanner},
		{tracking.Request{Agent: "facebookexternalhit/1.1"}, false, tracking.Scanner},
		{tracking.Request{Agent: "python-requests/2.31"}, true, tracking.Scanner},
		{tracking.Request{Agent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}, false, tracking.Scanner},
	} {
		require.Equal(t, c.want, tracking.Judge(c.r, c.open), "%v", c.r)
	}
	for _, why := range tracking.Whys() {
		require.NotEmpty(t, why.Words())
	}
}

var sent = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func click(place, of int, after time.Duration) tracking.Event {
	return tracking.Event{Link: tracking.Link{Number: place, Place: place, Of: of}, At: sent.Add(after)}
}

// Who follows two links at once is no person, and what was counted of it is taken back.
func TestBurst(t *testing.T) {
	var e tracking.Engagement
	took := e.Add(click(1, 9, time.Hour), sent)
	require.True(t, took.First)
	require.Equal(t, []tracking.Change{{Number: 1, People: 1, Clicks: 1}}, took.Links)
	require.Equal(t, sent.Add(time.Hour), e.ClickedAt)
	took = e.Add(click(2, 9, time.Hour+time.Second), sent)
	require.Equal(t, tracking.Burst, took.Why)
	require.Equal(t, []tracking.Happened{
		{Number: 1, At: sent.Add(time.Hour).UnixMilli(), Why: tracking.Burst}, {Number: 2, At: sent.Add(time.Hour + time.Second).UnixMilli(), Why: tracking.Burst},
	}, e.Events)
	require.Equal(t, []tracking.Change{{Number: 1, People: -1, Clicks: -1, Machine: 1}, {Number: 2, Machine: 1}}, took.Links)
	require.Zero(t, e.Clicks)
	require.Equal(t, 2, e.MachineClicks)
	require.True(t, e.ClickedAt.IsZero())
	took = e.Add(click(3, 9, time.Hour+2*time.Second), sent)
	require.Equal(t, tracking.Burst, took.Why, "the same program goes on")
	took = e.Add(click(2, 9, 3*time.Hour), sent)
	require.Equal(t, tracking.Person, took.Why)
	require.True(t, took.First)
	require.Equal(t, sent.Add(3*time.Hour), e.ClickedAt)
	took = e.Add(click(2, 9, 3*time.Hour+time.Second), sent)
	require.Equal(t, tracking.Person, took.Why, "the same link twice is an impatient person")
	require.Equal(t, []tracking.Change{{Number: 2, Clicks: 1}}, took.Links)
	e.Add(click(4, 9, 5*time.Hour), sent)
	took = e.Add(click(5, 9, 5*time.Hour+time.Second), sent)
	require.Equal(t, tracking.Burst, took.Why)
	require.Equal(t, 2, e.Clicks, "what is certain stays")
	require.Equal(t, sent.Add(3*time.Hour), e.ClickedAt)
	require.Equal(t, sent.Add(3*time.Hour+time.Second), e.LastClickedAt)
}

// Who follows every link as soon as it was sent is no person, however slowly.
func TestAllLinks(t *testing.T) {
	var e tracking.Engagement
	e.Add(click(1, 3, 3*time.Second), sent)
	e.Add(click(2, 3, 9*time.Second), sent)
	require.Equal(t, 2, e.Clicks)
	took := e.Add(click(3, 3, 15*time.Second), sent)
	require.Equal(t, tracking.AllLinks, took.Why)
	require.Zero(t, e.Clicks)
	require.Equal(t, 3, e.MachineClicks)
	for _, later := range []struct {
		of      int
		after   time.Duration
		sent    time.Time
		persons int
	}{{3, time.Minute, sent, 3}, {4, 3 * time.Second, sent, 3}, {3, 3 * time.Second, time.Time{}, 3}} {
		var e tracking.Engagement
		for i := range 3 {
			e.Add(click(i+1, later.of, later.after+time.Duration(i)*5*time.Second), later.sent)
		}
		require.Equal(t, later.persons, e.Clicks, "%v", later)
	}
	var one tracking.Engagement
	require.Equal(t, tracking.Person, one.Add(click(1, 1, time.Second), sent).Why, "the only link is no proof")
}

// The changes of the links add up to what the message says, whatever comes.
func TestEngagementAddsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e tracking.Engagement
		clicks, people, machine := map[int]int{}, map[int]int{}, 0
		at := time.Duration(0)
		events := rapid.IntRange(1, 60).Draw(t, "events")
		for i := range events {
			at += time.Duration(rapid.IntRange(0, 4000).Draw(t, fmt.Sprint("pause", i))) * time.Millisecond
			ev := click(rapid.IntRange(0, 4).Draw(t, fmt.Sprint("link", i)), 5, at)
			ev.Open = rapid.IntRange(0, 9).Draw(t, fmt.Sprint("open", i)) == 0
			if rapid.IntRange(0, 5).Draw(t, fmt.Sprint("machine", i)) == 0 {
				ev.Why = tracking.Scanner
			}
			before := e.Clicks
			took := e.Add(ev, sent)
			require.Equal(t, !ev.Open && before == 0 && e.Clicks > 0 || ev.Open && ev.Why == "" && e.Opens == 1, took.First)
			for _, c := range took.Links {
				clicks[c.Number] += c.Clicks
				people[c.Number] += c.People
				machine += c.Machine
			}
		}
		sum := 0
		for number, n := range clicks {
			sum += n
			require.GreaterOrEqual(t, n, 0)
			want := 0
			if n > 0 {
				want = 1
			}
			require.Equal(t, want, people[number], "link %d", number)
		}
		require.Equal(t, e.Clicks, sum)
		require.Equal(t, e.MachineClicks, machine)
		require.Equal(t, events, e.Clicks+e.MachineClicks+e.Opens+e.MachineOpens)
		require.Equal(t, e.Clicks > 0, !e.ClickedAt.IsZero())
		require.False(t, e.LastClickedAt.Before(e.ClickedAt))
		require.LessOrEqual(t, len(e.Doubt.Held), 101)
		persons := 0
		for _, h := range e.Events {
			if h.Why == tracking.Person {
				persons++
			}
		}
		if events <= tracking.MostEvents {
			require.Equal(t, e.Clicks+e.Opens, persons)
		}
		require.Len(t, e.Events, min(events, tracking.MostEvents))
	})
}
