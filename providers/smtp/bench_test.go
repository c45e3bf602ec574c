package smtp_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/smtp"
)

// newsletter is a message as campaigns send it: a kilobyte of text and three of
// HTML, not ASCII.
func newsletter(id int64) providers.Message {
	paragraph := "Liebe Zoë, zum Frühling läuten wir die Glocken: kommen Sie am Samstag um zehn Uhr auf den Markt. "
	text := strings.Repeat(paragraph+"\n\n", 10)
	html := "<html><body>" + strings.Repeat("<p style=\"margin:0 0 16px\">"+paragraph+"<a href=\"https://example.com/x\">mehr</a></p>\n", 18) + "</body></html>"
	return providers.Message{
		ID: id, Attempt: 1, To: fmt.Sprintf("someone%d@example.com", id), ToName: "Zoë Ångström",
		Content:        providers.Content{Subject: "Grüße zum Frühling", Text: text, HTML: html, Preheader: "Am Samstag um zehn"},
		UnsubscribeURL: "https://example.com/u/abcdefghijklmnop",
	}
}

func BenchmarkSendSMTP(b *testing.B) {
	short := providers.Content{Subject: "Hello", Text: "Hello Zoe,\n\nhow are you?\n\nYours\n"}
	for _, size := range []string{"Short", "Newsletter"} {
		for name, plain := range map[string]bool{"Pipelining": false, "Plain": true} {
			for _, concurrency := range []int{32, 64} {
				b.Run(fmt.Sprintf("%s/%s/%d", size, name, concurrency), func(b *testing.B) {
					s, err := sink.NewSMTP(sink.Options{Plain: plain})
					require.NoError(b, err)
					defer func() { require.NoError(b, s.Close()) }()
					p, err := smtp.Kind().New(json.RawMessage(fmt.Sprintf(
						`{"host": "127.0.0.1", "port": %d, "tls": "none", "from": "news@example.org"}`, s.Port())),
						providers.Deps{Concurrency: concurrency, Dialer: providers.Dialer{AllowPrivate: true}})
					require.NoError(b, err)
					defer func() { require.NoError(b, p.Close()) }()
					m := newsletter(1)
					if size == "Short" {
						m.Content = short
					}
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
}

// BenchmarkComposeGoMail is what go-mail's composing of the same message costs:
// the reason for a composer of our own.
func BenchmarkComposeGoMail(b *testing.B) {
	m := newsletter(1)
	b.ReportAllocs()
	for b.Loop() {
		message := gomail.NewMsg()
		require.NoError(b, message.FromFormat("Die Glöckner", "news@example.org"))
		require.NoError(b, message.AddToFormat(m.ToName, m.To))
		message.Subject(m.Content.Subject)
		message.SetMessageIDWithValue("1.3@example.org")
		message.SetDate()
		message.SetGenHeader("List-Unsubscribe", "<"+m.UnsubscribeURL+">")
		message.SetBodyString(gomail.TypeTextPlain, m.Content.Text)
		message.AddAlternativeString(gomail.TypeTextHTML, m.Content.HTML)
		_, err := message.WriteTo(io.Discard)
		require.NoError(b, err)
	}
}
