package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// DefaultDrainTimeout is how long a stopping Server lets its handlers finish
// before it ends their context.
const DefaultDrainTimeout = 10 * time.Second

// Options say which Redis to use.
type Options struct {
	// URL is the address of Redis; redis://host:port is the plain form, connect documents the others. Empty means an
	// embedded one that lives and dies with this process.
	URL string
	// Logger receives what asynq and the queue have to say; nil means
	// slog.Default.
	Logger *slog.Logger
	// Clock is used for leases, waiting times and the embedded limiter; nil means
	// the machine's.
	Clock clock.Clock
	// DrainTimeout bounds how long Server.Stop lets handlers finish before it ends
	// their context; zero means DefaultDrainTimeout.
	DrainTimeout time.Duration
	// Signer signs envelopes, the same for all processes that share the Redis; nil is one
	// of this Queue's own.
	Signer Signer
}

// SignedFor is the purpose of signatures of envelopes.
const SignedFor = "carillon envelope"

// Queue carries envelopes from feeders to workers. It is safe for concurrent use.
type Queue struct {
	client   redis.UniversalClient
	asynq    *asynq.Client
	embedded *embedded // nil with a Redis of its own
	limiter  *Limiter
	log      *slog.Logger
	clock    clock.Clock
	drain    atomic.Int64  // nanoseconds
	retry    time.Duration // how long a task waits after an error
	closed   atomic.Bool
	signer   Signer
	refused  atomic.Int64
}

// Refused is how many envelopes this process refused, because they were not its
// installation's, or damaged.
func (q *Queue) Refused() int64 { return q.refused.Load() }

// Open connects to Redis and checks that it can be used: it must answer, its user
// must have the rights that are needed, and its maxmemory-policy must be noeviction, because a Redis that evicts keys
// loses tasks and limits. Where Redis does not tell its policy a warning is
// logged. A wrong URL or policy is a fault of code Invalid, a Redis that does
// not answer one of code Unavailable.
func Open(ctx context.Context, o Options) (*Queue, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = DefaultDrainTimeout
	}
	if o.Signer == nil {
		o.Signer = secret.NewRing(secret.New(rand.Text())).Signer(SignedFor)
	}
	silence()
	q := &Queue{log: o.Logger, clock: o.Clock, retry: retryDelay, signer: o.Signer}
	q.drain.Store(int64(o.DrainTimeout))
	if o.URL == "" {
		e, err := startEmbedded()
		if err != nil {
			return nil, fault.Wrap(fault.Internal, "start embedded redis", err)
		}
		q.embedded, q.client = e, e.client()
		q.limiter = newLimiter(newMemoryLimits(o.Clock), o.Clock)
	} else {
		client, err := connect(o.URL)
		if err != nil {
			return nil, err
		}
		q.client = client
		q.limiter = newLimiter(newRedisLimits(client, o.Clock), o.Clock)
	}
	q.asynq = asynq.NewClientFromRedisClient(q.client)
	if err := q.Check(ctx); err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// DrainWithin changes for how long a Server that is stopped from now on lets its
// handlers finish: a process that stops has only what is left of its time. It can't
// be more than DrainTimeout was.
func (q *Queue) DrainWithin(d time.Duration) {
	q.drain.Store(min(q.drain.Load(), int64(max(d, 0))))
}

func (q *Queue) drainTimeout() time.Duration { return time.Duration(q.drain.Load()) }

// Close ends the connections, and the embedded Redis with all it holds. Servers
// must have been stopped before. It may be called again.
func (q *Queue) Close() error {
	if q.closed.Swap(true) {
		return nil
	}
	err := q.client.Close()
	if q.embedded != nil {
		q.embedded.close()
	}
	if err != nil {
		return fault.Wrap(fault.Internal, "close redis", err)
	}
	return nil
}

// Embedded reports whether Redis is part of this process.
func (q *Queue) Embedded() bool { return q.embedded != nil }

// Limiter is the rate limiter that all workers of a channel share.
func (q *Queue) Limiter() *Limiter { return q.limiter }

// NextSlot is the Limiter's Wait, for those who need nothing else of it.
func (q *Queue) NextSlot(ctx context.Context, r Reservation) (time.Duration, error) {
	return q.limiter.Wait(ctx, r)
}

// Ping asks Redis for a sign of life. The error is a fault of code Unavailable.
func (q *Queue) Ping(ctx context.Context) error {
	return refusal("reach Redis (redis_url, CARILLON_REDIS_URL)", q.client.Ping(ctx).Err())
}

// Memory is what Redis uses, in bytes: used_memory, summed over the masters of a
// cluster. For the embedded Redis it is an estimate of what its keys hold.
func (q *Queue) Memory(ctx context.Context) (int64, error) {
	if q.embedded != nil {
		n, err := q.embedded.memory(ctx, q.client)
		return n + q.limiter.memory(), unavailable("measure redis", err)
	}
	var total atomic.Int64
	err := q.eachMaster(ctx, func(ctx context.Context, node redis.UniversalClient) error {
		info, err := node.Info(ctx, "memory").Result()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(infoField(info, "used_memory"), 10, 64)
		total.Add(n)
		return err
	})
	return total.Load(), unavailable("measure redis", err)
}

// Time is what Redis takes the time to be.
func (q *Queue) Time(ctx context.Context) (time.Time, error) {
	at, err := q.client.Time(ctx).Result()
	return at, unavailable("ask redis for the time", err)
}

// Check reports whether Redis answers, lets its user do what is needed, and evicts
// nothing; it is Invalid if it does not.
func (q *Queue) Check(ctx context.Context) error {
	if err := q.Ping(ctx); err != nil {
		return err
	}
	if q.embedded != nil {
		return nil
	}
	return q.eachMaster(ctx, func(ctx context.Context, node redis.UniversalClient) error {
		if err := checkRights(ctx, node); err != nil {
			return err
		}
		policy := maxmemoryPolicy(ctx, node)
		switch policy {
		case "noeviction":
			return nil
		case "":
			q.log.WarnContext(ctx, "redis does not tell its maxmemory-policy: it must be noeviction, or messages and limits get lost")
			return nil
		default:
			return fault.New(fault.Invalid, "redis has maxmemory-policy %q, which may evict tasks and limits: set it to noeviction"+
				" (redis-cli CONFIG SET maxmemory-policy noeviction, and in redis.conf)", policy)
		}
	})
}

// maxmemoryPolicy is empty where Redis does not tell. Managed Redis often
// forbids CONFIG and allows INFO.
func maxmemoryPolicy(ctx context.Context, node redis.UniversalClient) string {
	if info, err := node.Info(ctx, "memory").Result(); err == nil {
		if policy := infoField(info, "maxmemory_policy"); policy != "" {
			return policy
		}
	}
	config, err := node.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		return ""
	}
	return config["maxmemory-policy"]
}

func (q *Queue) eachMaster(ctx context.Context, do func(context.Context, redis.UniversalClient) error) error {
	cluster, ok := q.client.(*redis.ClusterClient)
	if !ok {
		return do(ctx, q.client)
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return do(ctx, node) })
}

func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// unavailable marks an error of Redis; nil stays nil, and an error that has a
// code keeps it.
func unavailable(op string, err error) error {
	if err == nil {
		return nil
	}
	var coded *fault.Error
	if errors.As(err, &coded) {
		return err
	}
	return fault.Wrap(fault.Unavailable, op, err)
}
