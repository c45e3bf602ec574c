package queue

import (
	"context"
	_ "embed" // for the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"carillon/internal/clock"
)

// limiterBase is the script's origin of time, in Unix seconds.
const limiterBase = 1750000000

// seedPiece is how many recipients one call of the script seeds.
const seedPiece = 500

//go:embed limiter.lua
var limiterSource string

// redisLimits runs limiter.lua. go-redis sends its hash (EVALSHA) and the script
// itself where Redis doesn't know it yet or has forgotten it.
type redisLimits struct {
	client redis.UniversalClient
	script *redis.Script
	clock  clock.Clock
	// now replaces Redis's clock in tests: µs since limiterBase.
	now func() float64
}

func newRedisLimits(client redis.UniversalClient, c clock.Clock) *redisLimits {
	return &redisLimits{client: client, clock: c, script: redis.NewScript(limiterSource)}
}

// limiterKey is a key of a channel, of a mailbox provider on it, or of a pool. The keys of an account share one hash tag, and with
// it one node of a cluster: its limit and its channels' are charged in one step.
func limiterKey(c Channel, name string) string {
	switch {
	case c.pool != "":
		return accountKey(c.AccountID, "pool:"+c.pool+":"+name)
	case c.Mailbox != "":
		name = "at:" + c.Mailbox + ":" + name
	}
	return accountKey(c.AccountID, "ch"+strconv.FormatInt(c.ID, 10)+":"+name)
}

func accountKey(accountID int64, name string) string {
	return "carillon:{acc" + strconv.FormatInt(accountID, 10) + "}:" + name
}

func exact(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func sinceBase(t time.Time) float64 {
	return float64(t.UnixMicro() - limiterBase*1_000_000)
}

func (b *redisLimits) time() string {
	if b.now == nil {
		return ""
	}
	return exact(b.now())
}

func (b *redisLimits) run(ctx context.Context, keys []string, args []any) (reply, error) {
	numbers, err := b.script.Run(ctx, b.client, keys, args...).Int64Slice()
	if err != nil {
		return reply{}, err
	}
	if len(numbers) < 8 || int64(len(numbers)) != 8+numbers[0] {
		return reply{}, fmt.Errorf("limiter script answered %d numbers", len(numbers))
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return reply{
		waits: numbers[8:], retry: us(numbers[1]), fresh: numbers[2] == 1,
		blocked: us(numbers[3]), factor: float64(numbers[4]) / 1e6, paid: us(numbers[5]), campaignPaid: us(numbers[6]),
		now: numbers[7],
	}, nil
}

func (b *redisLimits) keys(c Channel, pool string, campaignID int64, more int) []string {
	keys := make([]string, 4, 4+more)
	keys[0] = limiterKey(c, "limit")
	keys[1] = limiterKey(c, "campaign:"+strconv.FormatInt(campaignID, 10))
	keys[2] = limiterKey(dayOf(c, pool), "day")
	keys[3] = accountKey(c.AccountID, "limit")
	return keys
}

func recipientKey(c Channel, recipient string) string {
	return limiterKey(c, "to:"+recipient)
}

// next is a reservation of one item for nobody in particular, whose rules know
// nothing of recipients.
func (b *redisLimits) next(ctx context.Context, r *reservation) (reply, error) {
	return b.run(ctx, b.keys(r.channel(), "", r.CampaignID, 0), []any{"next", b.time(), exact(r.Limits.PerSecond), r.burst, r.Epoch,
		1, 0, 0, exact(r.CampaignPerSecond), 0, 0, 0, 0, exact(r.AccountPerSecond), 0, 0, 0, 1, ""})
}

func (b *redisLimits) reserve(ctx context.Context, r *reservation) (reply, error) {
	n := len(r.Recipients)
	keys := b.keys(r.channel(), r.Limits.RecipientsPool, r.CampaignID, n)
	args := make([]any, 0, 19+n)
	seedFirst := 0
	if r.SeedFirst {
		seedFirst = 1
	}
	args = append(args, "reserve", b.time(), exact(r.Limits.PerSecond), r.burst, r.Epoch, n, exact(micros(r.MaxAhead)), exact(micros(r.lost)),
		exact(r.CampaignPerSecond), exact(micros(r.Limits.PerRecipient)), r.Limits.RecipientsPerDay, seedFirst, r.Missed,
		exact(r.AccountPerSecond), exact(micros(r.MaxGap)), len(r.groups), exact(micros(r.Near)), r.recipientBurst, r.CountedAs)
	if r.Limits.PerRecipient > 0 {
		for _, recipient := range r.Recipients {
			keys = append(keys, recipientKey(r.channel(), recipient))
		}
	}
	counts := r.Limits.RecipientsPerDay > 0
	for _, g := range r.groups {
		of := Channel{AccountID: r.AccountID, ID: r.ChannelID, Mailbox: g.Name}
		keys = append(keys, limiterKey(of, "limit"), limiterKey(of, "day"), limiterKey(of, "line:"+strconv.FormatInt(r.CampaignID, 10)))
		args = append(args, exact(g.PerSecond), g.RecipientsPerDay)
		counts = counts || g.RecipientsPerDay > 0
	}
	for _, group := range r.groupOf {
		args = append(args, group)
	}
	if counts {
		for i := range r.Recipients {
			args = append(args, r.counted(i))
		}
	}
	return b.run(ctx, keys, args)
}

func (b *redisLimits) throttle(ctx context.Context, c Channel, epoch int64, retryAfter time.Duration) (reply, error) {
	if c.Mailbox != "" {
		if err := b.noteSlowed(ctx, c, retryAfter+easedAfter); err != nil {
			return reply{}, err
		}
	}
	return b.run(ctx, b.keys(c, "", 0, 0), []any{"throttle", b.time(), 0, 1, epoch, exact(micros(retryAfter))})
}

// slowedKey is a sorted set of the mailbox providers that were throttled on a channel, by until when
// that is of interest, by the clock of who wrote it: it is only told to people.
func slowedKey(c Channel) string {
	c.Mailbox = ""
	return limiterKey(c, "slowed")
}

func (b *redisLimits) noteSlowed(ctx context.Context, c Channel, lasts time.Duration) error {
	_, err := b.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		now := b.clock.Now()
		p.ZRemRangeByScore(ctx, slowedKey(c), "-inf", exact(sinceBase(now)))
		p.ZAdd(ctx, slowedKey(c), redis.Z{Score: sinceBase(now.Add(lasts)), Member: c.Mailbox})
		p.PExpire(ctx, slowedKey(c), maxThrottle+easedAfter)
		return nil
	})
	return err
}

func (b *redisLimits) slowed(ctx context.Context, c Channel) ([]string, error) {
	return b.client.ZRangeByScore(ctx, slowedKey(c), &redis.ZRangeBy{Min: exact(sinceBase(b.clock.Now())), Max: "+inf"}).Result()
}

func (b *redisLimits) state(ctx context.Context, c Channel, epoch int64) (reply, error) {
	return b.run(ctx, b.keys(c, "", 0, 0), []any{"state", b.time(), 0, 1, epoch})
}

func (b *redisLimits) seed(ctx context.Context, c Channel, s Seed) error {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return exact(sinceBase(t))
	}
	interval := 0.0
	if s.CampaignPerSecond > 0 {
		interval = campaignInterval(s.CampaignPerSecond)
	}
	for first := true; first || len(s.Recipients) > 0; first = false {
		piece := s.Recipients[:min(len(s.Recipients), seedPiece)]
		s.Recipients = s.Recipients[len(piece):]
		keys := b.keys(c, s.RecipientsPool, s.CampaignID, len(piece))
		counted := s.CountedAs
		if len(s.Recipients) > 0 {
			counted = "" // until all of them are there
		}
		args := []any{"seed", b.time(), 0, 1, 0, at(s.LastSlot), exact(micros(s.PerRecipient)), exact(interval), at(s.CampaignLastSlot), counted,
			exact(micros(s.owed()))}
		for i, r := range piece {
			key := -1
			if s.PerRecipient > 0 {
				key = i
				keys = append(keys, recipientKey(c, r.Key))
			}
			args = append(args, key, r.Key, exact(sinceBase(r.At)))
		}
		if _, err := b.run(ctx, keys, args); err != nil {
			return err
		}
	}
	return nil
}

// memory is part of what Redis says itself.
func (b *redisLimits) memory() int64 { return 0 }
