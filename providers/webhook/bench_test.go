package webhook_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/webhook"
)

func BenchmarkSendHTTP(b *testing.B) {
	for _, concurrency := range []int{32, 64} {
		for size, content := range map[string]providers.Content{
			"Short":      {Text: "Hello Zoe,\n\nhow are you?\n\nYours\n"},
			"Newsletter": {Subject: "Grüße", Text: strings.Repeat("Liebe Zoë, ", 90), HTML: strings.Repeat("<p>Liebe Zoë</p>", 180)},
		} {
			b.Run(fmt.Sprintf("%s/%d", size, concurrency), func(b *testing.B) {
				s, err := sink.NewHTTP(sink.Options{})
				require.NoError(b, err)
				defer func() { require.NoError(b, s.Close()) }()
				p, err := webhook.Kind().New(config(s.URL()), providers.Deps{Concurrency: concurrency, Dialer: providers.Dialer{AllowPrivate: true}})
				require.NoError(b, err)
				defer func() { require.NoError(b, p.Close()) }()
				m := providers.Message{Attempt: 1, To: "zoe@example.com", Content: content}
				var id atomic.Int64
				b.SetParallelism(concurrency / 2)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					m := m
					for pb.Next() {
						m.ID = id.Add(1)
						if _, err := p.Send(b.Context(), m); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
				b.ReportMetric(float64(s.Connections()), "connections")
			})
		}
	}
}
