package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/internal/fault"
	"carillon/store"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/targeting"
)

// everyone is the audience of all contacts.
var everyone = targeting.Audience{All: true}

// people makes n contacts without values.
func people(t testing.TB, s *storetest.Store, account int64, n int) {
	t.Helper()
	store.WithValues(t, s.Store, store.Valued{Account: account, Key: "none", N: n, Value: func(int) string { return "" }})
}

// finish runs every job to its end and returns how many batches there were.
func finish(t testing.TB, s *storetest.Store) (batches int) {
	t.Helper()
	for {
		worked, err := s.RunJobBatch(t.Context())
		require.NoError(t, err)
		if !worked {
			return batches
		}
		batches++
	}
}

func TestBulkActions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, now := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("other")
		const n = store.BulkAtOnce + 5
		people(t, s, account, n)
		people(t, s, other, 3)
		jobs := targeting.NewJobs(s)
		testProperties(t, s, property.Property{AccountID: account, Key: "plan", Type: property.Enum, Rule: "Free,Plus", Expires: time.Hour})
		run := func(b targeting.Bulk) targeting.Job {
			job, err := jobs.Start(ctx, account, b, "me")
			require.NoError(t, err)
			require.Equal(t, targeting.JobQueued, job.State)
			finish(t, s)
			job, err = jobs.Get(ctx, account, job.ID)
			require.NoError(t, err)
			require.Equal(t, targeting.JobFinished, job.State, job.Error)
			require.Equal(t, "me", job.Actor)
			require.NotNil(t, job.FinishedAt)
			return job
		}
		status := func(status string) int {
			return s.Int("SELECT COUNT(*) FROM contacts WHERE account_id = ? AND status = ?", account, status)
		}
		ids, err := sqldb.IDs(ctx, s.Reader(), "SELECT id FROM contacts WHERE account_id = ? ORDER BY id", account)
		require.NoError(t, err)
		some := targeting.Audience{Contacts: []int64{ids[0], ids[1], ids[n-1], ids[n-1] + 1, 1 << 40}}

		job := run(targeting.Bulk{Action: targeting.BulkStop, Audience: some})
		require.EqualValues(t, 3, job.Changed, "no other account's")
		require.Equal(t, 3, status("inactive"))
		job = run(targeting.Bulk{Action: targeting.BulkBlock, Audience: targeting.Audience{Contacts: ids[:1]}})
		require.EqualValues(t, 1, job.Changed)
		job = run(targeting.Bulk{Action: targeting.BulkStart, Audience: everyone})
		require.EqualValues(t, 2, job.Changed, "blocked ones stay")
		require.EqualValues(t, n, job.Total)
		require.EqualValues(t, n, job.Done)
		run(targeting.Bulk{Action: targeting.BulkUnblock, Audience: everyone})
		require.Equal(t, n, status("active"))

		for _, kind := range contacts.NamedKinds() {
			list, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: kind, Name: "bulk"})
			require.NoError(t, err)
			require.EqualValues(t, n, run(targeting.Bulk{Action: targeting.BulkAdd, ListID: list.ID, Audience: everyone}).Changed)
			require.EqualValues(t, 0, run(targeting.Bulk{Action: targeting.BulkAdd, ListID: list.ID, Audience: some}).Changed)
			require.EqualValues(t, 3, run(targeting.Bulk{Action: targeting.BulkRemove, ListID: list.ID, Audience: some}).Changed)
			list, err = s.GetList(ctx, account, kind, list.ID)
			require.NoError(t, err)
			require.EqualValues(t, n-3, list.Members)
		}
		require.Equal(t, n+3, s.Int("SELECT COUNT(*) FROM consents WHERE source = 'bulk' AND actor = 'me'"))

		set := targeting.Bulk{Action: targeting.BulkSet, Property: "plan", Value: json.RawMessage(`"plus"`), Audience: everyone}
		require.EqualValues(t, n, run(set).Changed)
		require.JSONEq(t, `{"plan":"Plus"}`, store.ColumnsOf(t, s.Store, "attributes")[n-1])
		require.JSONEq(t, `{"name":"name 0","attributes.plan":"plus"}`, store.ColumnsOf(t, s.Store, "folded")[0])
		require.EqualValues(t, 0, run(set).Changed, "the same again")
		now.Advance(time.Minute)
		require.EqualValues(t, n, run(set).Changed, "the value stays longer")
		set.Value = json.RawMessage("null")
		require.EqualValues(t, 3, run(targeting.Bulk{Action: targeting.BulkSet, Property: "plan", Value: set.Value, Audience: some}).Changed)

		require.EqualValues(t, 3, run(targeting.Bulk{Action: targeting.BulkDelete, Audience: some}).Changed)
		require.Equal(t, 3, status("deleted"))
		require.EqualValues(t, 0, run(targeting.Bulk{Action: targeting.BulkBlock, Audience: some}).Changed, "deleted ones are passed over")
		require.EqualValues(t, n-3, run(targeting.Bulk{Action: targeting.BulkSet, Property: "plan", Value: set.Value, Audience: everyone}).Changed)
		require.Equal(t, 3, s.Int("SELECT COUNT(*) FROM contacts WHERE account_id = ? AND status = 'active'", other))

		list, err := jobs.List(ctx, account, 0, 2)
		require.NoError(t, err)
		require.Len(t, list, 2)
		require.Greater(t, list[0].ID, list[1].ID)
		_, err = jobs.Get(ctx, other, list[0].ID)
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

// A rule that what the job does makes untrue: everybody has one turn all the
// same, and the list that the rule stands in may be in between.
func TestBulkByRule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		const n = store.BulkAtOnce + 7
		testProperties(t, s, property.Property{AccountID: account, Key: "plan", Type: property.Text})
		store.WithValues(t, s.Store, store.Valued{Account: account, Key: "plan", N: 2 * n, Value: func(i int) string { return []string{`"Free"`, `"Plus"`}[i%2] }})
		text := json.RawMessage(`{"condition": "AND", "rules": [{"field": "attributes.plan", "operator": "equal", "value": "FREE"}]}`)
		saved, err := targeting.NewRules(s).Create(ctx, account, "free ones", text)
		require.NoError(t, err)
		jobs := targeting.NewJobs(s)
		for value, audience := range map[string]targeting.Audience{`"Gold"`: {Rule: text}, `"Silver"`: {Targeting: []int64{saved.ID}}} {
			job, err := jobs.Start(ctx, account, targeting.Bulk{Action: targeting.BulkSet, Property: "plan", Value: json.RawMessage(value), Audience: audience}, "me")
			require.NoError(t, err)
			require.EqualValues(t, n, job.Total)
			finish(t, s)
			job, err = jobs.Get(ctx, account, job.ID)
			require.NoError(t, err)
			require.Equal(t, []int64{n, n}, []int64{job.Done, job.Changed}, job.Error)
			require.Equal(t, n, s.Int("SELECT COUNT(*) FROM contacts WHERE attributes ->> 'plan' = ?", strings.Trim(value, `"`)))
			back, err := jobs.Start(ctx, account, targeting.Bulk{
				Action: targeting.BulkSet, Property: "plan", Value: json.RawMessage(`"Free"`),
				Audience: targeting.Audience{Rule: json.RawMessage(strings.Replace(string(text), `"FREE"`, value, 1))},
			}, "me")
			require.NoError(t, err)
			finish(t, s)
			back, err = jobs.Get(ctx, account, back.ID)
			require.NoError(t, err)
			require.EqualValues(t, n, back.Changed)
		}
	})
}

func TestBulkRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		testProperties(t, s, property.Property{AccountID: account, Key: "age", Type: property.Number, Rule: "<=130"})
		jobs := targeting.NewJobs(s)
		for location, b := range map[string]targeting.Bulk{
			"action":           {Action: "explode", Audience: everyone},
			"audience":         {Action: targeting.BulkStop},
			"list":             {Action: targeting.BulkAdd, ListID: 9, Audience: everyone},
			"property":         {Action: targeting.BulkSet, Property: "height", Value: json.RawMessage("1"), Audience: everyone},
			"value":            {Action: targeting.BulkSet, Property: "age", Value: json.RawMessage("131"), Audience: everyone},
			"audience.exclude": {Action: targeting.BulkStop, Audience: targeting.Audience{All: true, Exclude: &targeting.Exclude{Groups: []int64{1}}}},
		} {
			_, err := jobs.Start(ctx, account, b, "me")
			var wrong *fault.Error
			require.ErrorAs(t, err, &wrong, location)
			require.Len(t, wrong.Fields, 1)
			require.Equal(t, location, wrong.Fields[0].Location)
		}
		for _, b := range []targeting.Bulk{
			{Action: targeting.BulkAdd, Audience: everyone}, {Action: targeting.BulkStop, ListID: 1, Audience: everyone},
			{Action: targeting.BulkSet, Audience: everyone},
			{Action: targeting.BulkSet, Property: "age", Audience: everyone}, {Action: targeting.BulkStop, Property: "age", Audience: everyone},
		} {
			_, err := jobs.Preview(ctx, account, &b)
			require.True(t, fault.Is(err, fault.Invalid))
		}
		require.Zero(t, finish(t, s))
	})
}

// A job whose list or property went away says so, and the next one has its turn.
func TestJobsThatCannotGoOnFail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		people(t, s, account, 3)
		testProperties(t, s, property.Property{AccountID: account, Key: "age", Type: property.Number})
		group, err := s.CreateGroup(ctx, account, "gone")
		require.NoError(t, err)
		jobs := targeting.NewJobs(s)
		var started []targeting.Job
		for _, b := range []targeting.Bulk{
			{Action: targeting.BulkAdd, ListID: group.ID, Audience: everyone},
			{Action: targeting.BulkSet, Property: "age", Value: json.RawMessage("5"), Audience: everyone},
			{Action: targeting.BulkStop, Audience: everyone},
		} {
			job, err := jobs.Start(ctx, account, b, "me")
			require.NoError(t, err)
			started = append(started, job)
		}
		require.NoError(t, s.DeleteGroup(ctx, account, group.ID))
		_, err = s.DeleteProperty(ctx, account, "age")
		require.NoError(t, err)
		finish(t, s)
		for i, want := range []string{"there is no group", "there is no such property", ""} {
			job, err := jobs.Get(ctx, account, started[i].ID)
			require.NoError(t, err)
			require.Contains(t, job.Error, want)
			require.Equal(t, want == "", job.State == targeting.JobFinished)
			require.NotNil(t, job.FinishedAt)
		}
	})
}

// Two processes that both believe they lead do nothing twice.
func TestTwoProcessesDoNothingTwice(t *testing.T) {
	dsns := map[string]string{"SQLite": storetest.SQLite(t), "PostgreSQL": storetest.Postgres(t)}
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			s := storetest.Open(t, dsn)
			account := s.Account("one")
			const n = 3*store.BulkAtOnce + 1
			people(t, s, account, n)
			news, err := s.CreateList(ctx, contacts.List{AccountID: account, Kind: contacts.Category, Name: "News"})
			require.NoError(t, err)
			job, err := targeting.NewJobs(s).Start(ctx, account, targeting.Bulk{Action: targeting.BulkAdd, ListID: news.ID, Audience: everyone}, "me")
			require.NoError(t, err)
			done := make(chan error, 3)
			for i := range 3 {
				other := storetest.Open(t, dsn)
				go func() {
					for {
						worked, err := other.RunJobBatch(ctx)
						if err != nil || (!worked && i > 0) {
							done <- err
							return
						}
						if at, err := other.GetJob(ctx, account, job.ID); err != nil || at.FinishedAt != nil {
							done <- err
							return
						}
					}
				}()
			}
			for range 3 {
				require.NoError(t, <-done)
			}
			at, err := s.GetJob(ctx, account, job.ID)
			require.NoError(t, err)
			require.Equal(t, []int64{n, n}, []int64{at.Done, at.Changed}, strings.TrimSpace(fmt.Sprint(at.Error)))
			require.Equal(t, n, s.Int("SELECT COUNT(*) FROM consents"))
		})
	}
}
