package reports

import (
	"fmt"
	"html/template"
	"math"
	"strconv"

	"github.com/go-analyze/charts"
)

// Sizes of charts in pixels. Those in mails are twice as wide as they are shown, for screens
// that have two pixels where there was one.
const (
	chartWidth  = 1200
	chartHeight = 400
)

// mostBars is how many groups of bars a chart shows; more are lines.
const mostBars = 31

// chart is a chart of what was counted: for each label a value of each series.
type chart struct {
	// Title says what it shows, to who can't see it, too.
	Title  string
	labels []string
	series []string
	values [][]float64 // by series, as many as there are labels
}

// empty reports whether there is nothing to show.
func (c chart) empty() bool {
	for _, series := range c.values {
		for _, v := range series {
			if v != 0 {
				return false
			}
		}
	}
	return true
}

// draw draws it as svg or png.
func (c chart) draw(format string) ([]byte, error) {
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: format, Width: chartWidth, Height: chartHeight})
	font := charts.FontStyle{FontSize: 13}
	category := charts.CategoryAxisOption{Labels: c.labels, LabelFontStyle: font}
	value := []charts.ValueAxisOption{{Min: charts.Ptr(0.0), LabelFontStyle: font, ValueFormatter: axisNumber}}
	legend := charts.LegendOption{SeriesNames: c.series, FontStyle: font, Show: charts.Ptr(len(c.series) > 1)}
	var err error
	if len(c.labels) <= mostBars {
		o := charts.NewBarChartOptionWithData(c.values)
		o.Theme, o.CategoryAxis, o.ValueAxis, o.Legend = theme, category, value, legend
		err = p.BarChart(o)
	} else {
		o := charts.NewLineChartOptionWithData(c.values)
		o.Theme, o.XAxis, o.YAxis, o.Legend, o.Symbol = theme, category, value, legend, charts.Symbol{Shape: charts.SymbolNone}
		err = p.LineChart(o)
	}
	if err != nil {
		return nil, fmt.Errorf("draw %q: %w", c.Title, err)
	}
	return p.Bytes()
}

// theme is that of all charts: colours that can be told apart also by who sees no red or no
// green (Okabe and Ito), on white.
var theme = charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{
	charts.ParseColor("#0072b2"), charts.ParseColor("#56b4e9"), charts.ParseColor("#009e73"), charts.ParseColor("#e69f00"), charts.ParseColor("#d55e00"),
})

// axisNumber is a number at an axis: whole ones alone, as nothing counted is less.
func axisNumber(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return number(int64(v))
}

// number is a number with its thousands apart.
func number(n int64) string {
	text := strconv.FormatInt(n, 10)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(text) - 3; i > start; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// percent is a rate as it is read; a dash where there is none.
func percent(rate *float64) string {
	if rate == nil {
		return "–"
	}
	return strconv.FormatFloat(math.Round(*rate*1000)/10, 'f', -1, 64) + " %"
}

// onPage is a chart as a page shows it: drawn in the page itself, so that it is sharp in
// print.
func (c chart) onPage() (template.HTML, error) {
	svg, err := c.draw(charts.ChartOutputSVG)
	// Its labels are ours: dates and the names of what is counted.
	return template.HTML(svg), err
}
