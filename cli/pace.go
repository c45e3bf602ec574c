package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"carillon/api"
	"carillon/campaigns"
	"carillon/internal/words"
	"carillon/providers"
)

// warmUpFlag is a warm-up as it is typed: 200:50000, 200:50000:1.5, or none.
type warmUpFlag struct{ of *providers.WarmUp }

func (f warmUpFlag) String() string {
	if f.of == nil || !f.of.On() {
		return ""
	}
	text := fmt.Sprintf("%d:%d", f.of.First, f.of.Ceiling)
	if f.of.Factor != 0 {
		text += ":" + strconv.FormatFloat(f.of.Factor, 'g', -1, 64)
	}
	return text
}

func (warmUpFlag) Type() string { return "FIRST:CEILING[:FACTOR]" }

// Set reads it. What is out of range the server refuses.
func (f warmUpFlag) Set(text string) (err error) {
	if text == "none" {
		*f.of = providers.WarmUp{}
		return nil
	}
	var w providers.WarmUp
	parts := strings.Split(text, ":")
	wrong := fmt.Errorf("write it as 200:50000 (people on the first day, and what it grows to), 200:50000:1.5 (and by how much a day), or none")
	if len(parts) != 2 && len(parts) != 3 {
		return wrong
	}
	if w.First, err = strconv.Atoi(parts[0]); err != nil {
		return wrong
	}
	if w.Ceiling, err = strconv.Atoi(parts[1]); err != nil {
		return wrong
	}
	if len(parts) == 3 {
		if w.Factor, err = strconv.ParseFloat(parts[2], 64); err != nil {
			return wrong
		}
	}
	*f.of = w
	return nil
}

// mailboxFlag are limits of mailbox providers as they are typed: google=20,5000/day,200:50000.
type mailboxFlag struct{ of *providers.Mailboxes }

func (f mailboxFlag) String() string {
	if f.of == nil {
		return ""
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(*f.of)) {
		limits := (*f.of)[name]
		parts := []string{strconv.FormatFloat(limits.PerSecond, 'f', -1, 64)}
		if limits.RecipientsPerDay > 0 {
			parts = append(parts, strconv.Itoa(limits.RecipientsPerDay)+perDay)
		}
		if limits.WarmUp.On() {
			parts = append(parts, warmUpFlag{&limits.WarmUp}.String())
		}
		all = append(all, name+"="+strings.Join(parts, ","))
	}
	return strings.Join(all, " ")
}

func (mailboxFlag) Type() string { return "NAME=LIMITS" }

// perDay is what stands behind a number of recipients a day.
const perDay = "/day"

// Set reads one. What is out of range, or nobody's name, the server refuses.
func (f mailboxFlag) Set(text string) error {
	if text == "none" {
		*f.of = nil
		return nil
	}
	name, typed, named := strings.Cut(text, "=")
	var limits providers.MailboxLimits
	wrong := fmt.Errorf("write it as google=20 (messages a second), google=20,5000/day (and recipients a day), google=20,200:50000 (and a warm-up), or none")
	if !named || name == "" {
		return wrong
	}
	for part := range strings.SplitSeq(typed, ",") {
		var err error
		switch day, daily := strings.CutSuffix(part, perDay); {
		case daily:
			limits.RecipientsPerDay, err = strconv.Atoi(day)
		case strings.Contains(part, ":"):
			err = warmUpFlag{&limits.WarmUp}.Set(part)
		default:
			limits.PerSecond, err = strconv.ParseFloat(part, 64)
		}
		if err != nil {
			return wrong
		}
	}
	if *f.of == nil {
		*f.of = providers.Mailboxes{}
	}
	(*f.of)[name] = limits
	return nil
}

// ofMailbox names the mailbox provider whose limit decides, if one does.
func ofMailbox(f api.Forecast) string {
	if !strings.HasPrefix(f.LimitedBy, "mailbox.") {
		return ""
	}
	return " of " + f.Mailboxes.At[0].Mailbox
}

// showMailboxes says how long a campaign takes at mailbox providers, and of whom that is not known.
func showMailboxes(w *tabwriter.Writer, f api.Forecast) {
	if f.Mailboxes == nil {
		return
	}
	for _, at := range f.Mailboxes.At {
		fields(w, "At "+at.Mailbox, words.Count(at.Recipients, "recipient")+" by their domains, "+seconds(at.Seconds)+" at least")
	}
	if n := f.Mailboxes.Elsewhere; n > 0 {
		fields(w, "Elsewhere", words.Count(n, "recipient")+" at other domains: who hosts them is found out when they are sent to, and is not in the estimate")
	}
}

// batchFlag is a batch as it is typed: 500/10m, or 500/10m/1.5.
type batchFlag struct{ of *campaigns.Batch }

func (f batchFlag) String() string {
	if f.of == nil || !f.of.On() {
		return ""
	}
	text := fmt.Sprintf("%d/%s", f.of.Size, f.of.Every)
	if f.of.Growth != 0 {
		text += "/" + strconv.FormatFloat(f.of.Growth, 'f', -1, 64)
	}
	return text
}

func (batchFlag) Type() string { return "SIZE/EVERY[/GROWTH]" }

// Set reads it. What is out of range the server refuses.
func (f batchFlag) Set(text string) error {
	size, every, ok := strings.Cut(text, "/")
	every, growth, grows := strings.Cut(every, "/")
	n, err := strconv.Atoi(strings.TrimSpace(size))
	b := campaigns.Batch{Size: n, Every: strings.TrimSpace(every)}
	if grows && err == nil {
		b.Growth, err = strconv.ParseFloat(strings.TrimSpace(growth), 64)
	}
	if !ok || err != nil || b.Every == "" {
		return fmt.Errorf("write it as 500/10m: so many messages, and as many again after so long; " +
			"500/10m/1.5 has each batch be 1.5 times as large as the one before")
	}
	*f.of = b
	return nil
}
