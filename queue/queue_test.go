package queue

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/testenv"
)

func envelope(id int64, items int) Envelope {
	e := Envelope{ID: id, ChannelID: 7, RunID: 3, CampaignID: 2}
	for i := range items {
		e.Items = append(e.Items, Item{MessageID: id*1000 + int64(i), Attempt: 1})
	}
	return e
}

func transactional(id int64) Envelope {
	e := envelope(id, 1)
	e.Transactional = true
	return e
}

// serve starts a server that the test stops at the latest when it ends.
func serve(t testing.TB, q *Queue, concurrency int, h Handler) *Server {
	t.Helper()
	s, err := q.Serve(7, 1, Handlers{Bulk: concurrency, Transactional: concurrency}, h)
	require.NoError(t, err)
	t.Cleanup(s.Stop)
	return s
}

func window(t *testing.T, q *Queue) Window {
	t.Helper()
	w, err := q.Window(t.Context(), 7)
	require.NoError(t, err)
	return w
}

func lost(t *testing.T, q *Queue, ids ...int64) []int64 {
	t.Helper()
	found, err := q.Lost(t.Context(), 7, false, ids)
	require.NoError(t, err)
	return found
}

// onBoth runs a test on the embedded Redis, on a server, and on one over TLS with the rights that are documented.
func onBoth(t *testing.T, test func(t *testing.T, o Options)) {
	t.Run("embedded", func(t *testing.T) { test(t, Options{}) })
	t.Run("redis", func(t *testing.T) { test(t, Options{URL: testenv.SharedRedis(t).NewDatabase(t)}) })
	t.Run("redis with the least rights", func(t *testing.T) {
		server, caFile := limited(t, strings.Fields(forTests)...)
		test(t, Options{URL: "rediss://carillon:a-password@" + server.SecureAddr() + "/1?ca_file=" + caFile})
	})
}

// eventually waits for a condition that no signal tells of.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 20*time.Second, 5*time.Millisecond, what)
}

func TestEnvelopesArriveOnEveryKindOfRedis(t *testing.T) {
	t.Parallel()
	onEveryRedis(t, func(t *testing.T, q *Queue) {
		got := make(chan Envelope, 10)
		s := serve(t, q, 4, func(_ context.Context, e Envelope) error {
			got <- e
			return nil
		})
		sent := map[int64]Envelope{1: envelope(1, 3), 2: envelope(2, MaxItems), 3: transactional(3)}
		require.NoError(t, q.Enqueue(t.Context(), sent[1]))
		require.NoError(t, q.EnqueueAll(t.Context(), []Envelope{sent[2], sent[3]}))
		for len(sent) > 0 {
			e := <-got
			require.Equal(t, sent[e.ID], e)
			delete(sent, e.ID)
		}
		s.Stop()
		require.Zero(t, window(t, q))
		require.Equal(t, []int64{1, 2}, lost(t, q, 1, 2))
		memory, err := q.Memory(t.Context())
		require.NoError(t, err)
		require.Positive(t, memory)
		require.NoError(t, q.Ping(t.Context()))
	})
}

func TestEnvelopeIsEnqueuedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		for range 3 {
			require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
		}
		require.NoError(t, q.EnqueueAll(t.Context(), []Envelope{envelope(1, 1), envelope(2, 1), transactional(1)}))
		require.Equal(t, Window{Bulk: 2, Transactional: 1}, window(t, q))
		require.NoError(t, q.EnqueueAll(t.Context(), nil))
	})
}

func TestWrongEnvelopesAreRefused(t *testing.T) {
	q := open(t, Options{})
	for _, e := range []Envelope{{}, envelope(0, 1), envelope(1, 0), envelope(1, MaxItems+1), {ID: 1, Items: make([]Item, 1)}} {
		require.True(t, fault.Is(q.Enqueue(t.Context(), e), fault.Invalid))
		require.True(t, fault.Is(q.EnqueueAll(t.Context(), []Envelope{e}), fault.Invalid))
	}
	_, err := q.Serve(0, 1, Handlers{1, 1}, nil)
	require.True(t, fault.Is(err, fault.Invalid))
	for _, n := range []Handlers{{0, 1}, {1, 0}} {
		_, err = q.Serve(1, 1, n, nil)
		require.True(t, fault.Is(err, fault.Invalid))
	}
}

// Neither kind of envelope waits for the other's handlers.
func TestEachQueueHasHandlersOfItsOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		require.NoError(t, q.EnqueueAll(t.Context(), []Envelope{envelope(1, 1), envelope(2, 1), transactional(3), transactional(4)}))
		got, finish := make(chan Envelope, 4), make(chan struct{})
		serve(t, q, 1, func(_ context.Context, e Envelope) error {
			got <- e
			<-finish
			return nil
		})
		first, second := <-got, <-got
		require.NotEqual(t, first.Transactional, second.Transactional)
		eventually(t, "all others wait", func() bool {
			i, err := q.Inspect(t.Context(), 7)
			return err == nil && i.Bulk.Active == 1 && i.Bulk.Pending == 1 && i.Transactional.Active == 1 && i.Transactional.Pending == 1
		})
		close(finish)
		require.NotZero(t, (<-got).ID)
		require.NotZero(t, (<-got).ID)
	})
}

// states brings tasks into every state that there is, with asynq's own tools.
func states(t *testing.T, q *Queue) (release func()) {
	t.Helper()
	q.retry = time.Hour
	taken := make(chan struct{}, 2)
	held := make(chan struct{})
	require.NoError(t, q.EnqueueAll(t.Context(), []Envelope{envelope(1, 1), envelope(2, 1)}))
	s := serve(t, q, 2, func(_ context.Context, e Envelope) error {
		taken <- struct{}{}
		if e.ID == 2 {
			return context.DeadlineExceeded // retry
		}
		<-held // active
		return nil
	})
	<-taken
	<-taken
	eventually(t, "a task waits for its retry", func() bool {
		i, err := q.Inspect(t.Context(), 7)
		return err == nil && i.Bulk.Retry == 1 && i.Bulk.Active == 1
	})
	inspector := asynq.NewInspectorFromRedisClient(q.client)
	require.NoError(t, inspector.PauseQueue(QueueName(7, false)))
	require.NoError(t, inspector.PauseQueue(QueueName(7, true)))
	for id := int64(3); id <= 6; id++ { // 3 and 4 stay pending
		require.NoError(t, q.Enqueue(t.Context(), envelope(id, 1)))
	}
	require.NoError(t, inspector.ArchiveTask(QueueName(7, false), taskID(5)))
	require.NoError(t, inspector.DeleteTask(QueueName(7, false), taskID(6)))
	_, err := q.asynq.EnqueueContext(t.Context(), asynq.NewTask(taskType, nil), asynq.TaskID(taskID(6)),
		asynq.Queue(QueueName(7, false)), asynq.ProcessIn(time.Hour))
	require.NoError(t, err)
	return func() {
		close(held)
		s.Stop()
	}
}

func TestInspectionAgreesWithAsynq(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		release := states(t, q)
		defer release()
		require.NoError(t, q.Enqueue(t.Context(), transactional(9)))
		got, err := q.Inspect(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, 1, got.Bulk.Active)
		require.Equal(t, 2, got.Bulk.Pending)
		require.Equal(t, 1, got.Bulk.Scheduled)
		require.Equal(t, 1, got.Bulk.Retry)
		require.Equal(t, 1, got.Bulk.Archived)
		inspector := asynq.NewInspectorFromRedisClient(q.client)
		info, err := inspector.GetQueueInfo(QueueName(7, false))
		require.NoError(t, err)
		want := QueueState{Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled, Retry: info.Retry,
			Archived: info.Archived, Completed: info.Completed, Oldest: got.Bulk.Oldest}
		require.Equal(t, want, got.Bulk)
		require.Positive(t, got.Bulk.Oldest)
		require.InDelta(t, info.Latency, got.Bulk.Oldest, float64(5*time.Second))
		require.Equal(t, 5, window(t, q).Bulk, "an archived task is not under way")
		empty, err := q.Inspect(t.Context(), 8)
		require.NoError(t, err)
		require.Zero(t, empty)
	})
}

func TestLostTasks(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		fake := clock.NewFake(clock.System{}.Now())
		o.Clock = fake
		q := open(t, o)
		release := states(t, q)
		require.Equal(t, []int64{5, 99}, lost(t, q, 1, 2, 3, 4, 5, 6, 99), "archived and missing")
		fake.Advance(2 * time.Minute) // as if the worker had not renewed its lease
		require.Equal(t, []int64{1, 5}, lost(t, q, 1, 2, 3, 4, 5, 6))
		require.Equal(t, 4, window(t, q).Bulk, "the dead worker's task leaves its place to another")
		release()
		require.Nil(t, lost(t, q))
		ids := make([]int64, 3*lostPiece+1)
		for i := range ids {
			ids[i] = int64(1000 + i)
		}
		require.Equal(t, ids, lost(t, q, ids...))
	})
}

func TestRemoveSparesActiveTasks(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		release := states(t, q)
		defer release()
		for id := int64(1); id <= 7; id++ {
			require.NoError(t, q.Remove(t.Context(), 7, false, id))
		}
		i, err := q.Inspect(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, QueueState{Active: 1}, i.Bulk)
		require.Equal(t, []int64{2, 3, 4, 5, 6}, lost(t, q, 1, 2, 3, 4, 5, 6))
	})
}

func TestPurgeSparesActiveTasks(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		release := states(t, q)
		defer release()
		var many []Envelope
		for id := range int64(2*purgePiece + 30) {
			many = append(many, envelope(100+id, 1), transactional(100+id))
		}
		other := envelope(1, 1)
		other.ChannelID = 8
		require.NoError(t, q.EnqueueAll(t.Context(), append(many, other)))
		require.NoError(t, q.Purge(t.Context(), 7))
		i, err := q.Inspect(t.Context(), 7)
		require.NoError(t, err)
		require.Equal(t, QueueState{Active: 1}, i.Bulk)
		w, err := q.Window(t.Context(), 8)
		require.NoError(t, err)
		require.Equal(t, 1, w.Bulk)
		keys, err := q.client.Keys(t.Context(), "asynq:{ch7:*:t:*").Result()
		require.NoError(t, err)
		require.Len(t, keys, 1, "payloads go with their tasks")
		require.NoError(t, q.Enqueue(t.Context(), envelope(100, 1)), "its id is free again")
		require.Equal(t, 2, window(t, q).Bulk)
	})
}

func TestFlushedQueueIsRegisteredAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
		require.NoError(t, q.client.FlushDB(t.Context()).Err())
		require.Equal(t, []int64{1}, lost(t, q, 1))
		require.NoError(t, q.Enqueue(t.Context(), envelope(1, 1)))
		queues, err := asynq.NewInspectorFromRedisClient(q.client).Queues()
		require.NoError(t, err)
		require.Equal(t, []string{"ch7:bulk"}, queues)
	})
}

// asynq must not copy the envelopes that are under way again and again.
func TestWorkersListHoldsNoEnvelopes(t *testing.T) {
	t.Parallel()
	q := open(t, Options{URL: testenv.SharedRedis(t).NewDatabase(t)})
	taken, held := make(chan struct{}), make(chan struct{})
	e := envelope(1, MaxItems)
	require.NoError(t, q.Enqueue(t.Context(), e))
	serve(t, q, 1, func(context.Context, Envelope) error {
		close(taken)
		<-held
		return nil
	})
	defer close(held)
	<-taken
	keys := func() []string { return q.client.Keys(t.Context(), "asynq:workers:*").Val() }
	eventually(t, "asynq lists its workers", func() bool { return len(keys()) > 0 })
	for _, values := range q.client.HGetAll(t.Context(), keys()[0]).Val() {
		require.NotContains(t, values, encode(&e))
	}
}

// What a window costs Redis does not depend on what its messages say.
func TestAQueuedMessageCostsRedisAFewBytes(t *testing.T) {
	for name, url := range map[string]string{"embedded": "", "redis": testenv.SharedRedis(t).NewDatabase(t)} {
		t.Run(name, func(t *testing.T) {
			q := open(t, Options{URL: url})
			require.NoError(t, q.Enqueue(t.Context(), envelope(1000, 1)))
			before, err := q.Memory(t.Context())
			require.NoError(t, err)
			const n = 16
			for id := range int64(n) {
				require.NoError(t, q.Enqueue(t.Context(), envelope(id+1, MaxItems)))
			}
			after, err := q.Memory(t.Context())
			require.NoError(t, err)
			perMessage := float64(after-before) / (n * MaxItems)
			t.Logf("%.1f bytes a queued message", perMessage)
			require.Less(t, perMessage, 16.0)
		})
	}
}

func TestOpenChecksThePolicy(t *testing.T) {
	server := testenv.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { require.NoError(t, client.Close()) }()
	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	_, err := Open(t.Context(), Options{URL: server.URL(), Logger: quiet()})
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	require.ErrorContains(t, err, "allkeys-lru")
	require.ErrorContains(t, err, "noeviction")

	require.NoError(t, client.Do(t.Context(), "ACL", "SETUSER", "limited", "on", ">pw", "~*", "&*", "+@all", "-info", "-config").Err())
	var log bytes.Buffer
	open(t, Options{URL: "redis://limited:pw@" + server.Addr(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Contains(t, log.String(), "must be noeviction")

	require.NoError(t, client.ConfigSet(t.Context(), "maxmemory-policy", "noeviction").Err())
	log.Reset()
	open(t, Options{URL: server.URL(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.Empty(t, log.String())
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for url, says := range map[string]string{
		"localhost:6379":                       "scheme",
		"http://localhost":                     "scheme",
		"http+cluster://localhost":             "scheme",
		"redis+other://localhost":              "scheme",
		"redis+sentinel://localhost:1":         "master",
		"redis-sentinel://localhost:1":         "master",
		"redis-other://localhost":              "scheme",
		"redis://:topsecret@localhost:x/0":     "port",
		"redis://:topsecret@localhost/0/1":     "redis+cluster",
		"redis+cluster://:topsecret@h:x,h2":    "port",
		"redis+cluster://:topsecret@h1,h2?a=b": "every parameter one of go-redis's",
	} {
		_, err := Open(t.Context(), Options{URL: url, Logger: quiet()})
		require.True(t, fault.Is(err, fault.Invalid), "%s: %v", url, err)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "topsecret")
	}
	_, err := Open(t.Context(), Options{URL: "redis://:topsecret@127.0.0.1:1?max_retries=-1", Logger: quiet()})
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
	require.NotContains(t, err.Error(), "topsecret")
}

func TestURLs(t *testing.T) {
	client, err := connect("rediss+sentinel://user:p%40ss@h1:1,h2:2/3?master=m&sentinel_username=su&sentinel_password=sp&pool_size=4")
	require.NoError(t, err)
	o := client.(*redis.Client).Options()
	require.Equal(t, []any{"user", "p@ss", 3, 4, true}, []any{o.Username, o.Password, o.DB, o.PoolSize, o.TLSConfig != nil})
	require.NoError(t, client.Close())
	client, err = connect("redis+cluster://user:pass@h1:1,h2,[::1]?read_timeout=9s")
	require.NoError(t, err)
	c := client.(*redis.ClusterClient).Options()
	require.Equal(t, []string{"h1:1", "h2:6379", "[::1]:6379"}, c.Addrs)
	require.Equal(t, []any{"user", "pass", 9 * time.Second}, []any{c.Username, c.Password, c.ReadTimeout})
	require.NoError(t, client.Close())
}

// However a URL is mistyped, the error shows no part of the password.
func TestAWrongURLDoesNotShowItsPassword(t *testing.T) {
	for _, password := range []string{"tOp/SeCrEt", "tOp?SeCrEt", "tOp#SeCrEt", "tOp%SeCrEt", "tOp[SeCrEt", "tOp SeCrEt", "0#SeCrEt", "0/SeCrEt", "0?SeCrEt=1"} {
		for _, scheme := range []string{"redis", "rediss", "redis+cluster", "redis+sentinel"} {
			for _, rest := range []string{"@db.example.org/0?master=m", "@db.example.org:x/1?master=m", "@db.example.org/one?master=m", "@[db/0?master=m"} {
				client, err := connect(scheme + "://user:" + password + rest)
				if err == nil {
					require.NoError(t, client.Close())
					t.Fatalf("%s://user:%s%s is read", scheme, password, rest)
				}
				require.True(t, fault.Is(err, fault.Invalid))
				require.NotContains(t, err.Error(), "SeCrEt", scheme+" "+password+rest)
				require.NotContains(t, err.Error(), "tOp", scheme+" "+password+rest)
			}
		}
	}
}

func TestClosedQueueAnswersWithErrors(t *testing.T) {
	onBoth(t, func(t *testing.T, o Options) {
		q := open(t, o)
		require.NoError(t, q.Close())
		require.NoError(t, q.Close(), "again")
		_, window := q.Window(t.Context(), 7)
		_, lost := q.Lost(t.Context(), 7, false, []int64{1})
		_, inspect := q.Inspect(t.Context(), 7)
		for _, err := range []error{
			q.Ping(t.Context()), window, lost, inspect, q.Purge(t.Context(), 7), q.Remove(t.Context(), 7, true, 1),
			q.Enqueue(t.Context(), envelope(1, 1)), q.EnqueueAll(t.Context(), []Envelope{envelope(1, 1)}),
		} {
			require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		}
	})
}

func BenchmarkEnqueueAndProcess(b *testing.B) {
	for _, where := range []string{"embedded", "redis"} {
		b.Run(where, func(b *testing.B) {
			o := Options{}
			if where == "redis" {
				o.URL = testenv.SharedRedis(b).NewDatabase(b)
			}
			q := open(b, o)
			var done sync.WaitGroup
			serve(b, q, 16, func(context.Context, Envelope) error {
				done.Done()
				return nil
			})
			const batch = 16
			id := int64(0)
			for b.Loop() {
				var envelopes []Envelope
				for range batch {
					id++
					envelopes = append(envelopes, envelope(id, MaxItems))
				}
				done.Add(batch)
				if err := q.EnqueueAll(context0, envelopes); err != nil {
					b.Fatal(err)
				}
				done.Wait()
			}
			b.ReportMetric(float64(b.N)*batch*MaxItems/b.Elapsed().Seconds(), "items/s")
		})
	}
}
