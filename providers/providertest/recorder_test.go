package providertest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a testing.TB that a check may fail without failing the test.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	failed   bool
	cleanups []func()
}

// record holds a subject to one check and returns what was wrong, one text for each
// failure; none if the check passed.
func record(t *testing.T, c check) []string {
	t.Helper()
	r := &recorder{TB: t}
	r.run(func() { c.hold(r) })
	for len(r.cleanups) > 0 {
		last := len(r.cleanups) - 1
		clean := r.cleanups[last]
		r.cleanups = r.cleanups[:last]
		r.run(clean)
	}
	if r.failed && len(r.failures) == 0 {
		return []string{"failed"}
	}
	return r.failures
}

// run runs f in a goroutine of its own, which FailNow ends.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

func (r *recorder) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = true
	if text != "" {
		r.failures = append(r.failures, text)
	}
}

func (r *recorder) Fail()                     { r.note("") }
func (r *recorder) FailNow()                  { r.note(""); runtime.Goexit() }
func (r *recorder) Error(args ...any)         { r.note(fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)) }
func (r *recorder) Fatal(args ...any)         { r.note(fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(f string, a ...any) { r.note(fmt.Sprintf(f, a...)); runtime.Goexit() }
func (r *recorder) Failed() bool              { r.mu.Lock(); defer r.mu.Unlock(); return r.failed }
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Log(...any)                {}
func (r *recorder) Logf(string, ...any)       {}

// find is the check of a subject by its name.
func (s Subject) find(t *testing.T, name string) check {
	t.Helper()
	all := s.checks()
	i := slices.IndexFunc(all, func(c check) bool { return c.name == name })
	if i < 0 {
		t.Fatalf("there is no check %s", name)
	}
	return all[i]
}

// words are failures in one line, as they can be searched.
func words(failures []string) string {
	return strings.Join(strings.Fields(strings.Join(failures, " ")), " ")
}
