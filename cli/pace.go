package cli

import (
	"fmt"
	"strconv"
	"strings"

	"carillon/campaigns"
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
