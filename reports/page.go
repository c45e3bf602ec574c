package reports

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-analyze/charts"

	"carillon/providers"
	"carillon/statistics"
	"carillon/templates/email"
)

// files are the pages and what they have in common.
//
//go:embed pages
var files embed.FS

// pages are the templates of reports. They are part of the program, so that one that can't
// be read is found when its tests run.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"number": number, "percent": percent,
	"day":     func(t time.Time) string { return t.Format("Mon 2 Jan 2006") },
	"instant": func(t time.Time) string { return t.Format("2 Jan 2006 15:04") },
}).ParseFS(files, "pages/*.html"))

// shown is a report as a page shows it.
type shown struct {
	Of any
	// Mail says that it is shown in a mail, which has its charts as pictures.
	Mail   bool
	Charts []figure
}

// figure is a chart in a page.
type figure struct {
	Title string
	SVG   template.HTML // in a page
	PNG   template.URL  // in a mail
}

// figures draws the charts that have anything to show.
func figures(list []chart, mail bool) (drawn []figure, err error) {
	for _, c := range list {
		if c.empty() {
			continue
		}
		f := figure{Title: c.Title}
		if !mail {
			if f.SVG, err = c.onPage(); err != nil {
				return nil, err
			}
		} else {
			png, err := c.draw(charts.ChartOutputPNG)
			if err != nil {
				return nil, err
			}
			f.PNG = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
		}
		drawn = append(drawn, f)
	}
	return drawn, nil
}

// Page writes the report as one page of HTML, which loads nothing and can be printed.
func (r Campaign) Page(w io.Writer) error {
	drawn, err := figures(r.charts(), false)
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(w, "campaign.html", shown{Of: r, Charts: drawn})
}

// Page writes the summary as one page of HTML.
func (w Week) Page(to io.Writer) error {
	drawn, err := figures(w.charts(), false)
	if err != nil {
		return err
	}
	return pages.ExecuteTemplate(to, "week.html", shown{Of: w, Charts: drawn})
}

// Mailer makes mails of reports; *email.Builder does.
type Mailer interface {
	// Build writes styles into their elements, and makes the text.
	Build(ctx context.Context, src email.Source) (email.Built, error)
}

// Mail is the report as the content of a mail.
func (r Campaign) Mail(ctx context.Context, m Mailer) (providers.Content, error) {
	lines := slices.Concat([]string{r.Name}, r.Words)
	for _, l := range r.Links {
		lines = append(lines, fmt.Sprintf("%s: %s people clicked", l.Address, number(l.People)))
	}
	return mail(ctx, m, mailed{"campaign.html", "Report: " + r.Name, lines, shown{Of: r, Mail: true}}, r.charts())
}

// Mail is the summary as the content of a mail.
func (w Week) Mail(ctx context.Context, m Mailer) (providers.Content, error) {
	sunday := w.To.AddDate(0, 0, -1)
	subject := fmt.Sprintf("%s: %s messages from %s to %s", w.Account, number(w.Messages.Total), w.From.Format("2 Jan"), sunday.Format("2 Jan 2006"))
	lines := slices.Clone(w.Words)
	for _, n := range w.Notes {
		lines = append(lines, n.Words)
	}
	for _, c := range w.Campaigns {
		lines = append(lines, fmt.Sprintf("%s: %s messages, %s delivered, %s clicked", c.Campaign, number(c.Total), percent(c.DeliveryRate), percent(c.ClickRate)))
	}
	return mail(ctx, m, mailed{"week.html", subject, lines, shown{Of: w, Mail: true}}, w.charts())
}

// mailed is a mail that is made of a page; lines are its text part.
type mailed struct {
	page, subject string
	lines         []string
	shown         shown
}

func mail(ctx context.Context, m Mailer, of mailed, list []chart) (c providers.Content, err error) {
	if of.shown.Charts, err = figures(list, true); err != nil {
		return c, err
	}
	var html bytes.Buffer
	if err := pages.ExecuteTemplate(&html, of.page, of.shown); err != nil {
		return c, err
	}
	built, err := m.Build(ctx, email.Source{HTML: html.String(), Text: strings.Join(of.lines, "\n\n") + "\n"})
	return providers.Content{Subject: of.subject, HTML: built.HTML, Text: built.Text}, err
}

// charts are those of a campaign's report.
func (r Campaign) charts() []chart {
	course := chart{Title: "Messages by " + string(r.Interval), series: []string{"sent", "delivered", "read", "clicked"}, values: make([][]float64, 4)}
	for _, row := range r.Course {
		course.labels = append(course.labels, label(row.Start, r.Interval))
		for i, n := range []int64{row.Sent, row.Delivered, row.Read, row.Clicked} {
			course.values[i] = append(course.values[i], float64(n))
		}
	}
	arrivals := chart{Title: "How long messages took to arrive", series: []string{"messages"}, values: make([][]float64, 1)}
	for i, n := range r.Arrivals.Histogram() {
		text := "longer"
		if i < len(statistics.ArrivedWithin) {
			text = "≤ " + short(statistics.ArrivedWithin[i])
		}
		arrivals.labels = append(arrivals.labels, text)
		arrivals.values[0] = append(arrivals.values[0], float64(n))
	}
	return []chart{course.trimmed(), arrivals}
}

// trimmed leaves out the series of which there is nothing.
func (c chart) trimmed() chart {
	kept := chart{Title: c.Title, labels: c.labels}
	for i, series := range c.values {
		if !(chart{values: [][]float64{series}}).empty() {
			kept.series, kept.values = append(kept.series, c.series[i]), append(kept.values, series)
		}
	}
	return kept
}

// charts are those of a week.
func (w Week) charts() []chart {
	days := chart{Title: "Messages by day", series: []string{"sent", "delivered", "read", "failed"}, values: make([][]float64, 4)}
	for _, d := range w.Days {
		days.labels = append(days.labels, d.Start.Format("Mon 2 Jan"))
		for i, n := range []int64{d.Sent, d.Delivered, d.Read, d.Failed + d.Rejected} {
			days.values[i] = append(days.values[i], float64(n))
		}
	}
	return []chart{days.trimmed()}
}

// label is a window at an axis.
func label(start time.Time, interval statistics.Interval) string {
	switch interval {
	case statistics.Hour:
		return start.Format("2 Jan 15:04")
	case statistics.Month:
		return start.Format("Jan 2006")
	}
	return start.Format("2 Jan")
}

// short is a time as it stands at an axis.
func short(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d h", d/time.Hour)
}
