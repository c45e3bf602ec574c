package tracing

import (
	"context"
	"crypto/rand"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// forced is the key of the ids that a root span is to have.
type forced struct{}

// IDs makes ids by chance, but for the root of a message's trace.
type IDs struct{}

// NewIDs are those of a root span.
func (IDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if of, is := ctx.Value(forced{}).(trace.SpanContext); is {
		return of.TraceID(), of.SpanID()
	}
	var id trace.TraceID
	random(id[:])
	return id, IDs{}.NewSpanID(ctx, id)
}

// NewSpanID is that of a span with a parent.
func (IDs) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	random(id[:])
	return id
}

func random(b []byte) {
	_, _ = rand.Read(b) // it never fails: crypto/rand ends the program instead
	b[0] |= 1           // an id of zeros is none
}

// sampler follows what its parent does, a message's own root, and a part of the requests.
type sampler struct{ requests sdktrace.Sampler }

// Sampler follows this part of the requests that belong to no trace.
func Sampler(ratio float64) sdktrace.Sampler {
	return sdktrace.ParentBased(sampler{sdktrace.TraceIDRatioBased(ratio)})
}

// ShouldSample is asked for spans without a parent.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if _, message := p.ParentContext.Value(forced{}).(trace.SpanContext); message {
		return sdktrace.SamplingResult{Decision: sdktrace.RecordAndSample}
	}
	return s.requests.ShouldSample(p)
}

// Description is the sampler in words.
func (sampler) Description() string { return "Carillon" }
