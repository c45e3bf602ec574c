package tracking_test

import (
	"fmt"
	"strings"
	"testing"

	"carillon/providers"
	"carillon/tracking"
)

// BenchmarkWrite writes the links of a newsletter of some 5 KB with eight links.
func BenchmarkWrite(b *testing.B) {
	var html, text strings.Builder
	html.WriteString(`<html><head><style>p { color: #123; margin: 0 }</style></head><body style="font-family: sans-serif">`)
	for i := range 8 {
		fmt.Fprintf(&html, `<table role="presentation" width="600"><tr><td style="padding:12px 24px;border-bottom:1px solid #ddd"><h2>Offer %d</h2>`+
			`<p style="line-height:1.5">%s</p><a href="https://shop.example/offers/%d?ref=news" style="color:#fff">See it</a></td></tr></table>`,
			i, strings.Repeat("Something nice. ", 20), i)
		fmt.Fprintf(&text, "Offer %d: %s https://shop.example/offers/%d?ref=news\n", i, strings.Repeat("Something nice. ", 20), i)
	}
	html.WriteString(`</body></html>`)
	c := providers.Content{HTML: html.String(), Text: text.String()}
	w := tracking.Writer{
		Settings: tracking.Settings{Links: true, Opens: true}, Table: tracking.NewTable(tracking.Collect([]providers.Content{c})),
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(c.HTML) + len(c.Text)))
	for b.Loop() {
		w.Write(c, numbered{})
	}
}
