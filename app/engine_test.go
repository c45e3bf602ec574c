package app

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/configs"
	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/messages"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/targeting"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(hangingChild); what != "" {
		if err := hang(what); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("stopped")
		os.Exit(0)
	}
	// Most of what these tests do is wait. -parallel says otherwise.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	testenv.Main(m)
}

// eachEngine runs a test on the embedded parts and on real Redis and PostgreSQL.
func eachEngine(t *testing.T, run func(t *testing.T, config configs.Config)) {
	t.Helper()
	engines(t, func(*testing.T) {}, run)
}

// bothEngines does the same with both at once, and beside other tests. It is for tests that wait most
// of their time.
func bothEngines(t *testing.T, run func(t *testing.T, config configs.Config)) {
	t.Helper()
	t.Parallel()
	engines(t, (*testing.T).Parallel, run)
}

func engines(t *testing.T, begin func(t *testing.T), run func(t *testing.T, config configs.Config)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		begin(t)
		config := testConfig(t)
		require.NoError(t, os.Rename(storetest.NewestSQLite(t), config.Store()))
		run(t, config)
	})
	t.Run("Redis and PostgreSQL", func(t *testing.T) {
		begin(t)
		config := testConfig(t)
		config.StoreDSN = secret.New(storetest.NewestPostgres(t))
		config.RedisURL = secret.New(testenv.Redis(t).URL())
		run(t, config)
	})
}

func testConfig(t *testing.T) configs.Config {
	t.Helper()
	return configs.Config{
		DataDir: t.TempDir(), MasterKey: secret.New("a master key for tests alone"), MaxUploadMB: 64, ShutdownSeconds: 10,
		AllowPrivateAddresses: true,
	}
}

func startTestEngine(t *testing.T, config configs.Config, roles Roles) *Engine {
	t.Helper()
	e, err := StartEngine(t.Context(), Options{Config: config, Roles: roles,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop()) })
	return e
}

// testFixture is an account with a channel and an upload of n people.
type testFixture struct {
	account int64
	channel providers.Channel
	upload  contacts.Upload
}

// testChannel is the channel of a fixture: its provider, that one's settings as
// JSON, and its limits.
type testChannel struct {
	// account is whose it is; 0 for that of the test.
	account          int64
	provider, config string
	limits           providers.Limits
	// suffix tells the channels of one test apart.
	suffix string
	// domain is that of a person's address; nil for example.com.
	domain func(person int) string
}

func newFixture(t *testing.T, e *Engine, channel testChannel, n int) testFixture {
	t.Helper()
	ctx := t.Context()
	account := channel.account
	if account == 0 {
		own, _, err := e.Store.EnsureAccount(ctx, "test")
		require.NoError(t, err)
		account = own.ID
	}
	f := testFixture{account: account}
	address, err := e.Registry.Address(channel.provider, json.RawMessage(channel.config))
	require.NoError(t, err)
	f.channel, err = e.Store.CreateChannel(ctx, providers.Channel{
		AccountID: account, Name: t.Name() + channel.suffix, Provider: channel.provider, Config: json.RawMessage(channel.config), Address: address,
		Limits: channel.limits, Timezone: "UTC", Status: providers.ChannelActive,
	})
	require.NoError(t, err)
	var csv strings.Builder
	csv.WriteString("email,first_name,coupon\n")
	for i := range n {
		domain := "example.com"
		if channel.domain != nil {
			domain = channel.domain(i)
		}
		fmt.Fprintf(&csv, "person%d@%s,Name%d,C%d\n", i, domain, i, i)
	}
	f.upload, err = e.Importer.Take(ctx, account, "people.csv", strings.NewReader(csv.String()), contacts.ImportOptions{})
	require.NoError(t, err)
	// The engine's own scheduler may have been faster.
	if err := e.Importer.Run(ctx, f.upload.ID); !fault.Is(err, fault.Conflict) {
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool {
		u, err := e.Store.GetUpload(ctx, account, f.upload.ID)
		return err == nil && u.State == contacts.UploadFinished
	}, time.Minute, 5*time.Millisecond)
	return f
}

func (f testFixture) campaign(t *testing.T, e *Engine, text string) campaigns.Campaign {
	t.Helper()
	c, err := e.Campaigns.Create(t.Context(), campaigns.Campaign{
		AccountID: f.account, Name: t.Name(), ChannelID: f.channel.ID,
		Audience: targeting.Audience{Uploads: []int64{f.upload.ID}},
		Content:  providers.Content{Subject: "Hello {{ contact.first_name }}", Text: text},
	})
	require.NoError(t, err)
	return c
}

// finish waits until the campaign says that it is finished.
func finish(t *testing.T, e *Engine, c campaigns.Campaign) campaigns.Run {
	t.Helper()
	var run campaigns.Run
	require.Eventually(t, func() bool {
		runs, err := e.Store.ListRuns(t.Context(), c.AccountID, c.ID, 0, 1)
		require.NoError(t, err)
		if len(runs) == 0 {
			return false
		}
		run = runs[0]
		return run.Status == campaigns.RunFinished
	}, 60*time.Second, 20*time.Millisecond)
	v, err := e.Store.VerifyRun(t.Context(), run.ID)
	require.NoError(t, err)
	require.Empty(t, v.Problems)
	return run
}

func TestACampaignFromCSVToTheLastReceipt(t *testing.T) {
	eachEngine(t, func(t *testing.T, config configs.Config) {
		e := startTestEngine(t, config, AllRoles)
		const n = 3000
		f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"fail_rate":0.02,"reject_rate":0.02,"receipts":"chaotic","read_rate":0.3,"seed":7}`}, n)
		c := f.campaign(t, e, "Your coupon is {{ row.coupon }}.")
		_, err := e.Campaigns.Start(t.Context(), f.account, c.ID, true)
		require.NoError(t, err)
		e.Wake()
		run := finish(t, e, c)
		require.Equal(t, int64(n), run.Counts.Total())
		require.Positive(t, run.Counts[messages.Failed])
		require.Positive(t, run.Counts[messages.Rejected])
		require.Zero(t, run.Counts[messages.Unknown])
		require.Eventually(t, func() bool {
			run, err := e.Store.GetRun(t.Context(), f.account, run.ID)
			require.NoError(t, err)
			return run.Counts[messages.Sent] == 0 && run.Counts[messages.Read] > 0
		}, 30*time.Second, 20*time.Millisecond, "every message that was sent gets its receipt")
	})
}

// A day's limit outlives Redis: the embedded one forgets everything with the
// process, and the store tells the new one.
func TestRecipientsPerDayHoldAcrossARestart(t *testing.T) {
	config := testConfig(t)
	e := startTestEngine(t, config, AllRoles)
	f := newFixture(t, e, testChannel{provider: "sandbox", config: `{"receipts":"none"}`, limits: providers.Limits{RecipientsPerDay: 7}}, 20)
	c := f.campaign(t, e, "Hello")
	c, err := e.Campaigns.Start(t.Context(), f.account, c.ID, true)
	require.NoError(t, err)
	waits := func(e *Engine) messages.Counts {
		var run campaigns.Run
		require.Eventually(t, func() bool {
			run, err = e.Store.GetRun(t.Context(), f.account, c.RunID)
			require.NoError(t, err)
			if !run.PlanDone || run.Counts[messages.Queued]+run.Counts[messages.Sending] > 0 {
				return false
			}
			waiting, err := e.Store.ListMessages(t.Context(), messages.MessageFilter{AccountID: f.account, RunID: c.RunID, Reason: messages.ReasonRecipientPerDay})
			require.NoError(t, err)
			return int64(len(waiting)) == run.Counts[messages.Pending]
		}, 30*time.Second, 20*time.Millisecond)
		return run.Counts
	}
	require.Equal(t, messages.Counts{messages.Sent: 7, messages.Pending: 13}, waits(e))
	require.NoError(t, e.Stop())

	e = startTestEngine(t, config, AllRoles)
	// A new address has to wait too; one that was written to today may be again.
	m, err := e.Store.CreateMessage(t.Context(), messages.Outgoing{AccountID: f.account, ChannelID: f.channel.ID, Address: "new@example.com",
		Content: []byte(`{"text":"x"}`)})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		m, err = e.Store.GetMessage(t.Context(), f.account, m.ID)
		require.NoError(t, err)
		return m.Reason == messages.ReasonRecipientPerDay
	}, 30*time.Second, 20*time.Millisecond)
	require.Equal(t, messages.Pending, m.State)
	require.Equal(t, messages.Counts{messages.Sent: 7, messages.Pending: 13}, waits(e))
}
