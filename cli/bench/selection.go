package bench

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultRecipients are few enough for a first look, FullRecipients what figures
// that are written down are measured with.
const (
	DefaultRecipients = 20_000
	FullRecipients    = 100_000
)

// Selection says what to measure. What is empty is chosen: nothing at all stands
// for a look at everything that fits two minutes, and Full for all that there is.
type Selection struct {
	Contents, Transports, Stores []string
	Latencies                    []int // milliseconds
	Recipients                   []int
	// Workers are numbers of worker processes of their own, which share PostgreSQL.
	Workers     []int
	Mixed, Full bool
	Concurrency int
	// Webhooks is how many programs are told what becomes of each message.
	Webhooks int
}

// Problem is a wrong value of a selection.
type Problem struct{ Flag, Value, Message string }

// Error says which flag is wrong, and what it may be.
func (p *Problem) Error() string { return fmt.Sprintf("--%s %s: %s", p.Flag, p.Value, p.Message) }

// The bounds of a selection.
const (
	maxRecipients  = 100_000_000
	maxLatencyMS   = 60_000
	maxConcurrency = 1000 // limits.concurrency
	maxWorkers     = 64
	maxWebhooks    = 50
)

func (s Selection) check() error {
	known := func(flag string, values, all []string) error {
		for _, v := range values {
			if !slices.Contains(all, v) {
				return &Problem{flag, v, "one of " + strings.Join(all, ", ")}
			}
		}
		return nil
	}
	within := func(flag string, values []int, least, most int) error {
		for _, v := range values {
			if v < least || v > most {
				return &Problem{flag, fmt.Sprint(v), fmt.Sprintf("from %d to %d", least, most)}
			}
		}
		return nil
	}
	for _, err := range []error{
		known("content", s.Contents, ContentNames()), known("transport", s.Transports, Transports()), known("store", s.Stores, Stores()),
		within("latency", s.Latencies, 0, maxLatencyMS), within("recipients", s.Recipients, 1000, maxRecipients),
		within("workers", s.Workers, 0, maxWorkers), within("concurrency", []int{s.Concurrency}, 0, maxConcurrency),
		within("webhooks", []int{s.Webhooks}, 0, maxWebhooks),
	} {
		if err != nil {
			return err
		}
	}
	for _, store := range s.Stores {
		if store != "postgres" && slices.ContainsFunc(s.Workers, func(n int) bool { return n > 0 }) {
			return &Problem{"store", store, "with --workers it is postgres, which processes can share"}
		}
	}
	return nil
}

// Scenarios are what a selection asks for, in the order in which they are
// measured. An error is a Problem.
func (s Selection) Scenarios() ([]Scenario, error) {
	if len(s.Workers) > 0 && len(s.Stores) == 0 {
		s.Stores = []string{"postgres"}
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	recipients := s.Recipients
	if len(recipients) == 0 {
		recipients = []int{DefaultRecipients}
		if s.Full {
			recipients = []int{FullRecipients}
		}
	}
	var list []Scenario
	for _, n := range recipients {
		for _, one := range s.shapes() {
			for _, workers := range or(s.Workers, 0) {
				one.Recipients, one.Concurrency, one.Workers, one.Webhooks = n, s.Concurrency, workers, s.Webhooks
				list = append(list, one)
			}
		}
	}
	return list, nil
}

// shapes are the scenarios without their size.
func (s Selection) shapes() []Scenario {
	chosen := len(s.Contents)+len(s.Transports)+len(s.Stores)+len(s.Latencies)+len(s.Workers) > 0 || s.Mixed
	switch {
	case !chosen && !s.Full:
		return glance()
	case !chosen:
		return everything()
	}
	return s.cross()
}

// glance is what one looks at first.
func glance() []Scenario {
	return slices.Concat(
		Selection{Contents: ContentNames()}.cross(),
		Selection{Stores: []string{"postgres"}}.cross(),
		Selection{Latencies: []int{20}}.cross(),
		Selection{Mixed: true}.cross())
}

// everything is all that there is.
func everything() []Scenario {
	both := []string{"sqlite", "postgres"}
	return slices.Concat(
		Selection{Contents: ContentNames(), Stores: Stores()}.cross(),
		Selection{Contents: []string{"json", "5k"}, Stores: both, Latencies: []int{20, 200}}.cross(),
		Selection{Stores: both, Mixed: true}.cross())
}

// cross combines every content, transport, store and latency with every other: 5k
// on SQLite without latency where none is named. Without transports each content
// goes by its own.
func (s Selection) cross() (list []Scenario) {
	for _, store := range or(s.Stores, "sqlite") {
		for _, latency := range or(s.Latencies, 0) {
			for _, c := range Contents() {
				if !slices.Contains(or(s.Contents, "5k"), c.Name) {
					continue
				}
				for _, transport := range or(s.Transports, c.Transport) {
					list = append(list, Scenario{Content: c.Name, Transport: transport, LatencyMS: latency, Store: store, Mixed: s.Mixed})
				}
			}
		}
	}
	return list
}

func or[T any](values []T, otherwise T) []T {
	if len(values) == 0 {
		return []T{otherwise}
	}
	return values
}
