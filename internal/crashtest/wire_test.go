package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/Shopify/toxiproxy/v2/stream"
	"github.com/Shopify/toxiproxy/v2/toxics"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// wire is the network before a server, which can be made bad.
type wire struct {
	name  string
	proxy *toxiproxy.Proxy
	// meter counts what leaves for the server; nil where nobody asks.
	meter *meter
}

// marks are how each message begins that is counted, and how it ends: an empty end counts what
// has begun.
type marks struct{ begin, end string }

// newWire leads to a server. What comes past is counted by its marks, or not without.
func newWire(t *testing.T, name, upstream string, by ...marks) *wire {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics have a logger of their own
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	w := &wire{name: name, proxy: toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)}
	if len(by) > 0 {
		toxics.Register(meterName, new(meter))
		made, err := w.proxy.Toxics.AddToxicJson(bytes.NewBufferString(fmt.Sprintf(`{"type":%q,"stream":"upstream"}`, meterName)))
		require.NoError(t, err)
		w.meter = made.Toxic.(*meter)
		w.meter.begin, w.meter.end = []byte(by[0].begin), []byte(by[0].end)
	}
	require.NoError(t, w.proxy.Start())
	t.Cleanup(w.proxy.Stop)
	return w
}

// addr is host:port at which the server is reached by this wire.
func (w *wire) addr() string { return w.proxy.Listen }

const meterName = "meter"

// meter is the toxic that does nothing but note when messages come past: before the others of a
// wire, so that what these hold up and let go at once is none of the sender's haste.
type meter struct {
	begin, end []byte
	mu         sync.Mutex
	past       []time.Time
}

// flow is what a meter knows of a connection.
type flow struct {
	// tail may be the beginning of a mark that is cut in two.
	tail []byte
	// begun is when the message began of which the end has not come past. One that is broken off
	// before is none, and is begun again on another connection.
	begun time.Time
}

// NewState is kept for a connection while other toxics come and go.
func (m *meter) NewState() any { return new(flow) }

// Pipe passes everything on.
func (m *meter) Pipe(stub *toxics.ToxicStub) {
	for {
		select {
		case <-stub.Interrupt:
			return
		case chunk := <-stub.Input:
			if chunk == nil {
				stub.Close()
				return
			}
			m.count(stub.State.(*flow), chunk)
			stub.Output <- chunk
		}
	}
}

func (m *meter) count(f *flow, chunk *stream.StreamChunk) {
	m.mu.Lock()
	defer m.mu.Unlock()
	text := slices.Concat(f.tail, chunk.Data)
	for {
		began, ended := bytes.Index(text, m.begin), -1
		if len(m.end) > 0 {
			ended = bytes.Index(text, m.end)
		}
		switch {
		case began < 0 && ended < 0:
			f.tail = text[max(0, len(text)-max(len(m.begin), len(m.end))+1):]
			return
		case ended >= 0 && (began < 0 || ended < began):
			m.past, text = append(m.past, f.begun), text[ended+len(m.end):]
		case len(m.end) > 0:
			f.begun, text = chunk.Timestamp, text[began+len(m.begin):]
		default:
			m.past, text = append(m.past, chunk.Timestamp), text[began+len(m.begin):]
		}
	}
}

// times are when requests came past, in order.
func (m *meter) times() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(slices.Values(m.past), time.Time.Compare)
}

// mostInASecond is the most requests within any second, wherever it begins.
func (m *meter) mostInASecond() (most int) {
	times, first := m.times(), 0
	for last, at := range times {
		for at.Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// between counts the requests of a time.
func (m *meter) between(from, to time.Time) (n int) {
	for _, at := range m.times() {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// evil is a way in which a network is bad.
type evil struct {
	name string
	// toxic is the toxic's type with its attributes; nil has the connections cut and none made.
	toxic func(r *rand.Rand) (kind string, attributes object)
}

// evils are those that every wire meets.
var evils = []evil{
	{"cut", nil},
	{"slow", func(r *rand.Rand) (string, object) {
		latency := 20 + r.IntN(200)
		return "latency", object{"latency": latency, "jitter": r.IntN(latency)}
	}},
	{"reset", func(r *rand.Rand) (string, object) { return "reset_peer", object{"timeout": r.IntN(200)} }},
	{"half-open", func(*rand.Rand) (string, object) { return "timeout", object{"timeout": 0} }},
	{"hanging up", func(r *rand.Rand) (string, object) { return "timeout", object{"timeout": 1 + r.IntN(500)} }},
	{"narrow", func(r *rand.Rand) (string, object) { return "bandwidth", object{"rate": 2 + r.IntN(30)} }},
	{"crumbs", func(r *rand.Rand) (string, object) {
		return "slicer", object{"average_size": 20 + r.IntN(100), "size_variation": 10, "delay": r.IntN(2000)}
	}},
	{"slow to close", func(r *rand.Rand) (string, object) { return "slow_close", object{"delay": r.IntN(3000)} }},
	{"broken off", func(r *rand.Rand) (string, object) { return "limit_data", object{"bytes": 200 + r.IntN(4000)} }},
}

// hurt makes a wire bad in a way, one of its two directions at random, and returns what heals
// it again.
func (w *wire) hurt(t *testing.T, e evil, r *rand.Rand) (said string, heal func()) {
	t.Helper()
	said = w.name + " is " + e.name
	if e.toxic == nil {
		w.proxy.Stop()
		return said, func() { require.NoError(t, w.proxy.Start(), w.name) }
	}
	kind, attributes := e.toxic(r)
	direction := []string{"upstream", "downstream"}[r.IntN(2)]
	text, err := json.Marshal(object{"name": e.name, "type": kind, "stream": direction, "attributes": attributes})
	require.NoError(t, err)
	_, err = w.proxy.Toxics.AddToxicJson(bytes.NewReader(text))
	require.NoError(t, err)
	return fmt.Sprintf("%s %s %v", said, direction, attributes), func() {
		require.NoError(t, w.proxy.Toxics.RemoveToxic(context.Background(), e.name))
	}
}
