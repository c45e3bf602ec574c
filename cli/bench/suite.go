package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Servers name servers that may be used instead of private ones; empty for none.
type Servers struct {
	// PostgresDSN is an empty database, which is filled.
	PostgresDSN string
	RedisURL    string
}

// Suite is what is measured one after the other, with which servers, and where the
// results go.
type Suite struct {
	Servers Servers
	// Save is a file for the results as JSON; empty for none.
	Save string
	// Profiles is a folder for profiles of what sends; empty for none.
	Profiles string
	// JSON prints the results as JSON instead of tables.
	JSON bool
	// Out gets the results, Progress what is going on.
	Out, Progress io.Writer
}

// ErrUnbalanced says that a run lost a message or counted one twice.
var ErrUnbalanced = errors.New("a run does not balance; that is a fault of Carillon, please report it")

// MinContacts are the fewest contacts that rules are measured with.
const MinContacts = 1000

// Run measures scenarios, each in a process of its own. The error is ErrUnbalanced
// if all were measured and not all balance.
func (s Suite) Run(ctx context.Context, scenarios []Scenario) error {
	if s.Profiles != "" {
		if err := os.MkdirAll(s.Profiles, 0o755); err != nil {
			return err
		}
	}
	balances := true
	err := report(s, writeTable, func(private *servers) (results []Result, err error) {
		for i, scenario := range scenarios {
			if s.Profiles != "" {
				scenario.Profile = filepath.Join(s.Profiles, fmt.Sprintf("%02d-%s-%s-%s", i+1, scenario.Content, scenario.Transport, scenario.Store))
			}
			_, _ = fmt.Fprintf(s.Progress, "%d of %d: %s\n", i+1, len(scenarios), scenario)
			result, err := s.one(ctx, private, scenario)
			if err != nil {
				return results, fmt.Errorf("%s: %w", scenario, err)
			}
			results = append(results, result)
			balances = balances && result.Verified
		}
		return results, nil
	})
	if err == nil && !balances {
		err = ErrUnbalanced
	}
	return err
}

// one runs one scenario in a process of its own.
func (s Suite) one(ctx context.Context, private *servers, scenario Scenario) (result Result, err error) {
	if err := private.serve(ctx, &scenario); err != nil {
		return result, err
	}
	defer func() { _ = os.RemoveAll(scenario.Dir) }()
	return runInChild(ctx, scenario, s.Progress)
}

// balanced is a result that says whether everything was accounted for.
type balanced interface{ balances() bool }

// sized is how large a thing is measured on which stores.
type sized struct {
	stores     []string
	recipients int
}

// onEach measures one thing on each of the stores: sqlite and postgres if none is
// named. The error is a Problem if a value is wrong, and ErrUnbalanced if all were
// measured and not all balance.
func onEach[R balanced](ctx context.Context, s Suite, of sized, table func(io.Writer, []R) error, measure func(Scenario) (R, error)) error {
	if of.recipients < MinContacts {
		return &Problem{"recipients", fmt.Sprint(of.recipients), fmt.Sprintf("at least %d", MinContacts)}
	}
	if len(of.stores) == 0 {
		of.stores = []string{"sqlite", "postgres"}
	}
	for _, store := range of.stores {
		if !slices.Contains(Stores(), store) {
			return &Problem{"store", store, "one of " + strings.Join(Stores(), ", ")}
		}
	}
	balances := true
	err := report(s, table, func(private *servers) (results []R, err error) {
		for _, store := range of.stores {
			scenario := Scenario{Content: "5k", Transport: "smtp", Store: store, Recipients: of.recipients}
			if err := private.serve(ctx, &scenario); err != nil {
				return results, err
			}
			_, _ = fmt.Fprintf(s.Progress, "%s, %d recipients\n", store, of.recipients)
			result, err := measure(scenario)
			if err = errors.Join(err, os.RemoveAll(scenario.Dir)); err != nil {
				return results, fmt.Errorf("%s: %w", store, err)
			}
			balances = balances && result.balances()
			results = append(results, result)
		}
		return results, nil
	})
	if err == nil && !balances {
		err = ErrUnbalanced
	}
	return err
}

// RunTargeting measures rules over so many contacts on each of the stores: sqlite
// and postgres if none is named. An error is a Problem if a value is wrong.
func (s Suite) RunTargeting(ctx context.Context, stores []string, contacts int) error {
	if contacts < MinContacts {
		return &Problem{"contacts", fmt.Sprint(contacts), fmt.Sprintf("at least %d", MinContacts)}
	}
	known := []string{"sqlite", "postgres"}
	if len(stores) == 0 {
		stores = known
	}
	for _, store := range stores {
		if !slices.Contains(known, store) {
			return &Problem{"store", store, "with --targeting one of sqlite, postgres"}
		}
	}
	return report(s, writeTargetingTable, func(private *servers) (results []targetingResult, err error) {
		for _, store := range stores {
			more, err := s.rules(ctx, private, store, contacts)
			if err != nil {
				return results, fmt.Errorf("%s: %w", store, err)
			}
			results = append(results, more...)
		}
		return results, nil
	})
}

// rules measures rules on one store.
func (s Suite) rules(ctx context.Context, private *servers, store string, contacts int) ([]targetingResult, error) {
	dir, err := os.MkdirTemp("", "carillon-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scenario := targetingScenario{Contacts: contacts, Dir: dir}
	if store == "postgres" {
		if scenario.StoreDSN, err = private.postgresDSN(ctx); err != nil {
			return nil, err
		}
	}
	return runTargeting(ctx, scenario, s.Progress)
}

// report measures with private servers, saves the results where asked and prints
// them, as JSON or by table; also those from before an error, which may have taken
// an hour. The servers are gone by then: whoever reads the results may leave in the
// middle, as head does, and end the program.
func report[R any](s Suite, table func(io.Writer, []R) error, measure func(*servers) ([]R, error)) error {
	private := servers{named: s.Servers}
	results, err := measure(&private)
	err = errors.Join(err, private.close())
	if len(results) == 0 {
		return err
	}
	encoded, failed := json.MarshalIndent(results, "", "  ")
	if failed != nil {
		return errors.Join(err, failed)
	}
	if s.Save != "" {
		err = errors.Join(err, os.WriteFile(s.Save, append(encoded, '\n'), 0o644))
	}
	if s.JSON {
		_, failed = fmt.Fprintln(s.Out, string(encoded))
	} else {
		failed = table(s.Out, results)
	}
	return errors.Join(err, failed)
}
