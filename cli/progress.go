package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress draws one line that shows how far something is.
type progress struct {
	w        io.Writer
	live     bool
	terminal bool
	label    string
	width    int
	last     string
}

// newProgress draws on standard error if a person looks at it, or wants it.
func (c *cli) newProgress(label string) *progress {
	return &progress{w: c.err, live: c.terminal || c.progress, terminal: c.terminal, label: label}
}

const barWidth = 30

// set shows done of total, and a remark such as the rate.
func (p *progress) set(done, total int64, remark string) {
	if !p.live {
		return
	}
	share := 0.0
	if total > 0 {
		share = min(float64(done)/float64(total), 1)
	}
	filled := int(share * barWidth)
	line := fmt.Sprintf("%s [%s%s] %3.0f%%  %d/%d  %s", p.label, strings.Repeat("#", filled), strings.Repeat(".", barWidth-filled), share*100, done, total, remark)
	if total == 0 { // nobody knows how much there is
		line = fmt.Sprintf("%s %d %s", p.label, done, remark)
	}
	line = strings.TrimRight(line, " ")
	if line == p.last {
		return
	}
	p.last = line
	if !p.terminal {
		sayln(p.w, line)
		return
	}
	pad := max(p.width-len(line), 0)
	p.width = len(line)
	sayf(p.w, "\r%s%s", line, strings.Repeat(" ", pad))
}

// note says something on a line of its own, above the progress.
func (p *progress) note(text string) {
	if p.live && p.terminal && p.last != "" {
		sayf(p.w, "\r%s\r", strings.Repeat(" ", p.width))
	}
	sayln(p.w, text)
	p.last = ""
}

// end leaves the line as it is and goes to the next.
func (p *progress) end() {
	if p.live && p.terminal && p.last != "" {
		sayln(p.w)
	}
}

// pollEvery is how often a command looks how far something is.
const pollEvery = 250 * time.Millisecond
