package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"carillon/configs"
	"carillon/internal/fault"
	"carillon/internal/tracing"
	"carillon/messages"
	"carillon/store"
)

// telemetryPatience is how long a stopping process hands over what it has still to tell.
const telemetryPatience = 3 * time.Second

// telemetry sends traces and logs to a collector, by OTLP over HTTP. A nil one sends nothing.
type telemetry struct {
	traces *sdktrace.TracerProvider
	logs   *sdklog.LoggerProvider
	ratio  float64
	// log is the process's own, which goes to no collector.
	log *slog.Logger
}

// openTelemetry prepares what the configuration asks for; it does not wait for the collector.
// What of its settings is not here, such as headers and certificates, is taken from the
// standard variables (OTEL_EXPORTER_OTLP_HEADERS ...), which the exporter reads.
func openTelemetry(ctx context.Context, c configs.Config, log *slog.Logger) (*telemetry, error) {
	if c.OTLPEndpoint == "" {
		return nil, nil
	}
	endpoint := strings.TrimRight(c.OTLPEndpoint, "/")
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "otlp_endpoint", err)
	}
	lines, err := otlploghttp.New(ctx, otlploghttp.WithEndpointURL(endpoint+"/v1/logs"))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "otlp_endpoint", err)
	}
	// A collector that is away is no reason to stop: what it misses is lost, and said here.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces or logs did not get to the collector", "error", err)
	}))
	who := resource.NewSchemaless(attribute.String("service.name", "carillon"), attribute.String("service.version", Version),
		attribute.String("service.instance.id", processName(c.WorkerName)))
	return &telemetry{
		ratio: c.TraceRatio, log: log,
		traces: sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans), sdktrace.WithResource(who), sdktrace.WithIDGenerator(tracing.IDs{}),
			sdktrace.WithSampler(tracing.Sampler(c.TraceRatio))),
		logs: sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(lines)), sdklog.WithResource(who)),
	}, nil
}

// logger is a log that goes to the collector, too, with the trace to which a line belongs.
func (t *telemetry) logger(log *slog.Logger) *slog.Logger {
	if t == nil {
		return log
	}
	return slog.New(slog.NewMultiHandler(traced{log.Handler()}, leveled{otelslog.NewHandler("carillon", otelslog.WithLoggerProvider(t.logs)), log.Handler()}))
}

// tracer makes the spans of an installation; nil where nothing is sent.
func (t *telemetry) tracer(installation string) *tracing.Tracer {
	if t == nil {
		return nil
	}
	return tracing.New(t.traces, installation, t.ratio)
}

// stop hands over what is left, as far as the collector takes it.
func (t *telemetry) stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), telemetryPatience)
	defer cancel()
	if err := errors.Join(t.traces.Shutdown(ctx), t.logs.Shutdown(ctx)); err != nil {
		t.log.Warn("the last traces and logs did not get to the collector", "error", err)
	}
}

// traced says in each line to which trace it belongs.
type traced struct{ slog.Handler }

// Handle adds the trace.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if of := trace.SpanContextFromContext(ctx); of.IsSampled() {
		r.AddAttrs(slog.String("trace_id", of.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs is slog.Handler's.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup is slog.Handler's.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }

// leveled takes what another handler takes.
type leveled struct {
	slog.Handler
	as slog.Handler
}

// Enabled is the other's.
func (h leveled) Enabled(ctx context.Context, level slog.Level) bool { return h.as.Enabled(ctx, level) }

// WithAttrs is slog.Handler's.
func (h leveled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return leveled{h.Handler.WithAttrs(attrs), h.as}
}

// WithGroup is slog.Handler's.
func (h leveled) WithGroup(name string) slog.Handler { return leveled{h.Handler.WithGroup(name), h.as} }

// followReceipts has what providers report stand in the traces of its messages.
func followReceipts(s *store.Store, w *store.Writer, t *tracing.Tracer, log *slog.Logger) {
	if t == nil {
		return
	}
	w.Follow(func(ctx context.Context, channelID int64, list []messages.Received) {
		single := make([]int64, 0, len(list))
		for _, r := range list {
			if r.RunID == 0 {
				single = append(single, r.MessageID)
			}
		}
		kept, err := s.Traces(ctx, single)
		if err != nil {
			log.DebugContext(ctx, "receipts are not traced", "error", err)
			return
		}
		for _, r := range list {
			t.Received(ctx, tracing.Message{ID: r.MessageID, RunID: r.RunID, ChannelID: channelID, Kept: kept[r.MessageID]}, string(r.Status), r.At)
		}
	})
}
