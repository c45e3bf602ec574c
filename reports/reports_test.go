package reports

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"carillon/statistics"
	"carillon/templates/email"
)

// spring is the report of a campaign whose name and links are meant to break a page.
func spring() Campaign {
	r := Campaign{
		Account: "Bell Foundry", CampaignID: 7, Name: `Spring <script>alert(1)</script> & {{ x }}`, Kind: "newsletter", Status: "finished", Channel: "news",
		Subject: "A coupon", Timezone: "Europe/Berlin", Interval: statistics.Day,
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 8, 0, 0, 0, 0, time.UTC), MadeAt: time.Date(2026, 11, 9, 0, 0, 0, 0, time.UTC),
		Links:  []Link{{`https://example.org/?x=1&y="><img src=https://evil.example>`, 40, 55}},
		Errors: []statistics.ErrorRow{{Kind: "recipient", Code: "131026", Tries: 21}},
	}
	for i := range 7 {
		row := statistics.CampaignRow{Span: statistics.Span{Start: r.From.AddDate(0, 0, i)}}
		row.Add(statistics.CampaignRow{Sending: statistics.Sending{
			Total: int64(1000 * (i + 1)), Sent: int64(990 * (i + 1)), Delivered: int64(970 * (i + 1)), Read: int64(300 * i), Failed: int64(i), Rejected: 3,
		}, Clicked: int64(50 * i), OptedOut: 2})
		r.Course = append(r.Course, row)
		r.Total.Add(row)
	}
	r.Arrivals = statistics.ArrivalRow{Arrived: 133, Within1s: 40, Within5s: 60, Within15s: 30, Within1h: 3}
	r.Variants = []CampaignVariant{{"A", r.Total}}
	r.Words = r.words()
	return r
}

// requireHarmless requires that a page loads nothing and runs nothing.
func requireHarmless(t *testing.T, page string) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page))
	require.NoError(t, err)
	require.Zero(t, doc.Find("script, link, iframe, object, embed, form, [onload], [onclick], [href]").Length())
	doc.Find("[src]").Each(func(_ int, of *goquery.Selection) {
		require.True(t, strings.HasPrefix(of.AttrOr("src", ""), "data:image/png;base64,"), "it loads %s", of.AttrOr("src", ""))
	})
	require.NotContains(t, page, "@import")
	require.NotContains(t, page, "url(")
	return doc
}

func TestTheReportOfACampaignIsOnePage(t *testing.T) {
	var page bytes.Buffer
	require.NoError(t, spring().Page(&page))
	doc := requireHarmless(t, page.String())
	require.Equal(t, `Spring <script>alert(1)</script> & {{ x }}`, doc.Find("h1").Text())
	require.Contains(t, page.String(), "@media print")
	text := doc.Text()
	for _, part := range []string{
		"28,000 messages were handed to the provider, and it took 27,720 of them (99 %).", "14 opted out (0.1 %)", "131026",
		`y="><img src=https://evil.example>`, "1 Nov 2026 00:00",
	} {
		require.Contains(t, text, part)
	}
	require.Equal(t, 2, doc.Find("figure svg").Length(), "its course, and how long messages took")
	_, rest, _ := strings.Cut(page.String(), "<svg")
	picture, _, _ := strings.Cut(rest, "</svg>")
	requireXML(t, "<svg"+picture+"</svg>")
	for _, label := range []string{"sent", "delivered", "read", "clicked", "1 Nov", "7 Nov", "8,000"} {
		require.Contains(t, picture, ">"+label+"<")
	}

	var empty bytes.Buffer
	require.NoError(t, Campaign{Name: "New", Words: Campaign{}.words()}.Page(&empty))
	doc = requireHarmless(t, empty.String())
	require.Contains(t, doc.Text(), "Nothing has been sent in this time.")
	require.Zero(t, doc.Find("svg").Length(), "there is nothing to draw")
}

func requireXML(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestAMailHasItsChartsAsPictures(t *testing.T) {
	builder := email.NewBuilder()
	c, err := spring().Mail(t.Context(), builder)
	require.NoError(t, err)
	require.Equal(t, `Report: Spring <script>alert(1)</script> & {{ x }}`, c.Subject)
	require.Contains(t, c.Text, "28,000 messages were handed to the provider")
	require.NotContains(t, c.Text, "data:")
	doc := requireHarmless(t, c.HTML)
	require.Equal(t, `Spring <script>alert(1)</script> & {{ x }}`, doc.Find("h1").Text())
	require.NotEmpty(t, doc.Find("td").First().AttrOr("style", ""), "styles are in the elements")
	pictures := doc.Find("img")
	require.Equal(t, 2, pictures.Length())
	pictures.Each(func(_ int, of *goquery.Selection) {
		require.NotEmpty(t, of.AttrOr("alt", ""))
		picture, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(of.AttrOr("src", ""), "data:image/png;base64,"))
		require.NoError(t, err)
		drawn, err := png.Decode(bytes.NewReader(picture))
		require.NoError(t, err)
		require.Equal(t, []int{chartWidth, chartHeight}, []int{drawn.Bounds().Dx(), drawn.Bounds().Dy()})
		colours := map[any]bool{}
		for x := range chartWidth {
			for y := range chartHeight {
				colours[drawn.At(x, y)] = true
			}
		}
		require.Greater(t, len(colours), 3, "something is drawn")
	})
	require.Less(t, len(c.HTML), 256<<10)
}

// Many windows are lines, and a day without anything keeps its place.
func TestChartsOfManyWindows(t *testing.T) {
	c := chart{Title: "many", series: []string{"sent"}, values: [][]float64{nil}}
	for i := range 400 {
		c.labels, c.values[0] = append(c.labels, "1 Nov"), append(c.values[0], float64(i%7*1_000_000))
	}
	svg, err := c.draw("svg")
	require.NoError(t, err)
	requireXML(t, string(svg))
	require.Less(t, bytes.Count(svg, []byte(">1 Nov<")), 40, "not every window has a label")
}

func TestWeeksInWords(t *testing.T) {
	w := Week{
		Messages:       statistics.Sending{Total: 1500, Sent: 1400, Delivered: 1300, Read: 400, Failed: 60, Rejected: 40},
		MessagesBefore: statistics.Sending{Total: 1000, Failed: 10},
	}
	require.Equal(t, []string{
		"1,500 messages were handed to providers, 50 % more than in the week before.",
		"1,400 were taken (93.3 %), 1,300 have arrived and 400 were read so far.",
		"100 failed or were rejected (6.7 %; 1 % in the week before).",
	}, w.words()[:3])
	for _, c := range []struct {
		now, before int64
		says        string
	}{
		{0, 0, "Nothing was sent, nor in the week before."}, {0, 1200, "Nothing was sent; in the week before 1,200 messages were."},
		{7, 0, "7 messages were handed to providers, after none in the week before."}, {5, 5, "5 messages were handed to providers, as many as in the week before."},
		{5, 10, "5 messages were handed to providers, 50 % fewer than in the week before."},
	} {
		w.Messages, w.MessagesBefore = statistics.Sending{Total: c.now}, statistics.Sending{Total: c.before}
		require.Equal(t, c.says, w.words()[0])
	}
}

func TestNumbersAreReadEasily(t *testing.T) {
	for n, text := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		require.Equal(t, text, number(n))
	}
}
