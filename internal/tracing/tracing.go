// Package tracing follows a message from the request or the plan that made it through the
// queue to its provider and to what that reports later, as one OpenTelemetry trace.
//
// Between these lie processes, hours and a Redis that carries no more than ids, so a message's
// trace has its ids from the message's own (and the installation's name): whoever knows the
// message knows its trace, and whether it is among those that are followed. One that was made
// by a request with a traceparent belongs to that trace instead, which the store keeps.
package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// header is W3C Trace Context's.
const header = "traceparent"

var w3c = propagation.TraceContext{}

// Tracer makes spans. A nil one makes none, and costs nothing.
type Tracer struct {
	tracer       trace.Tracer
	installation string
	// bound is below which the first bits of a trace's id must lie to be followed.
	bound uint64
}

// New makes a tracer whose spans go to a provider, made with Sampler and IDs. Ratio is which
// part of the messages is followed, from 0 to 1, besides those of followed requests.
func New(provider trace.TracerProvider, installation string, ratio float64) *Tracer {
	return &Tracer{tracer: provider.Tracer("carillon"), installation: installation, bound: bound(ratio)}
}

// bound is as TraceIDRatioBased of OpenTelemetry has it.
func bound(ratio float64) uint64 { return uint64(min(max(ratio, 0), 1) * (1 << 63)) }

// derived is the trace of something with an id, by that alone.
func (t *Tracer) derived(what string, id int64) trace.SpanContext {
	sum := sha256.Sum256(fmt.Appendf(nil, "carillon %s\x00%s\x00%d", what, t.installation, id))
	config := trace.SpanContextConfig{TraceID: trace.TraceID(sum[:16]), SpanID: trace.SpanID(sum[16:24]), Remote: true}
	if binary.BigEndian.Uint64(sum[8:16])>>1 < t.bound {
		config.TraceFlags = trace.FlagsSampled
	}
	return trace.NewSpanContext(config)
}

// Request begins the span of a request that was made to this program. It is in the trace of who
// made it if that is no stranger: those could have everything followed. End ends it with the
// status that was answered.
func (t *Tracer) Request(r *http.Request, route string, stranger bool) (ctx context.Context, end func(status int)) {
	if t == nil {
		return r.Context(), func(int) {}
	}
	ctx = r.Context()
	if !stranger {
		ctx = w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	ctx, span := t.tracer.Start(ctx, route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Kept is what the store is to keep of the trace that a message is made in: its traceparent,
// empty where the trace is not followed.
func Kept(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier[header]
}

// Inject says in a request's header to which trace it belongs, if that is followed.
func Inject(ctx context.Context, h http.Header) {
	if trace.SpanContextFromContext(ctx).IsSampled() {
		w3c.Inject(ctx, propagation.HeaderCarrier(h))
	}
}

// Message is one that may be followed.
type Message struct {
	ID, RunID, ChannelID int64
	// Kept is what Kept was when it was made.
	Kept string
}

func (m Message) attributes() []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.Int64("carillon.message", m.ID), attribute.Int64("carillon.channel", m.ChannelID)}
	if m.RunID > 0 {
		list = append(list, attribute.Int64("carillon.run", m.RunID))
	}
	return list
}

// of is the context of a message's trace; own says that the trace is the message's own. It is
// false for one that is not followed.
func (t *Tracer) of(ctx context.Context, m Message) (in context.Context, own, followed bool) {
	if m.Kept != "" {
		parent := trace.SpanContextFromContext(w3c.Extract(context.Background(), propagation.MapCarrier{header: m.Kept}))
		return trace.ContextWithRemoteSpanContext(ctx, parent), false, parent.IsSampled()
	}
	parent := t.derived("message", m.ID)
	return trace.ContextWithRemoteSpanContext(ctx, parent), true, parent.IsSampled()
}

// Try is one try to send a message.
type Try struct {
	Message
	Provider string
	Attempt  int
	// Queued is when it came into the queue, Loaded when a worker had it, Turn when its slot
	// had come.
	Queued, Loaded, Turn time.Time
}

// Sending begins the span of a try that goes to the provider now, and makes those of what was
// before. End is called with what became of it.
func (t *Tracer) Sending(ctx context.Context, try Try) (in context.Context, end func(state, kind, code string)) {
	if t == nil {
		return ctx, func(string, string, string) {}
	}
	in, own, followed := t.of(ctx, try.Message)
	if !followed {
		return ctx, func(string, string, string) {}
	}
	attributes := append(try.attributes(), attribute.String("carillon.provider", try.Provider), attribute.Int("carillon.attempt", try.Attempt))
	began := try.Queued
	if began.IsZero() {
		began = try.Loaded
	}
	var root trace.Span
	if own && try.Attempt <= 1 {
		options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithTimestamp(began), trace.WithAttributes(attributes...)}
		if try.RunID > 0 {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: t.derived("run", try.RunID)}))
		}
		_, root = t.tracer.Start(context.WithValue(in, forced{}, trace.SpanContextFromContext(in)), "message", options...)
	}
	_, queued := t.tracer.Start(in, "queue", trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	queued.End(trace.WithTimestamp(try.Loaded))
	_, turn := t.tracer.Start(in, "turn", trace.WithTimestamp(try.Loaded), trace.WithAttributes(attributes...))
	turn.End(trace.WithTimestamp(try.Turn))
	in, span := t.tracer.Start(in, "send", trace.WithTimestamp(try.Turn), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	return in, func(state, kind, code string) {
		span.SetAttributes(attribute.String("carillon.state", state))
		if kind != "" {
			span.SetAttributes(attribute.String("error.type", kind), attribute.String("carillon.code", code))
			span.SetStatus(codes.Error, kind)
		}
		span.End()
		if root != nil {
			root.End()
		}
	}
}

// Received makes the span of what a provider reported of a message.
func (t *Tracer) Received(ctx context.Context, m Message, status string, at time.Time) {
	if t == nil {
		return
	}
	in, _, followed := t.of(ctx, m)
	if !followed {
		return
	}
	_, span := t.tracer.Start(in, "receipt", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(at),
		trace.WithAttributes(append(m.attributes(), attribute.String("carillon.status", status))...))
	span.End()
}

// Planned makes the span of a piece of a run's plan, which began then, in the run's trace.
func (t *Tracer) Planned(ctx context.Context, runID int64, began time.Time, inserted int64) {
	if t == nil {
		return
	}
	parent := t.derived("run", runID)
	parent = parent.WithTraceFlags(trace.FlagsSampled) // a run is one among few
	_, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), "plan", trace.WithTimestamp(began),
		trace.WithAttributes(attribute.Int64("carillon.run", runID), attribute.Int64("carillon.messages", inserted)))
	span.End()
}
