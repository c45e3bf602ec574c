package bench

import (
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
)

// What the profiles of waiting look at: each block of that many nanoseconds, on
// average, and one in so many waits for a lock.
const (
	blockProfileRate     = 10_000
	mutexProfileFraction = 10
)

// profile records where the process spends its time, and waits, until finished is
// called, which writes the files <Profile>.cpu, .block, .mutex and .allocs for `go
// tool pprof`. It costs some of the speed.
func (b *bench) profile() (finished func() error, err error) {
	if b.s.Profile == "" {
		return func() error { return nil }, nil
	}
	file, err := os.Create(b.s.Profile + ".cpu")
	if err != nil {
		return nil, err
	}
	runtime.SetBlockProfileRate(blockProfileRate)
	runtime.SetMutexProfileFraction(mutexProfileFraction)
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		errs := []error{file.Close()}
		for _, name := range []string{"block", "mutex", "allocs"} {
			errs = append(errs, b.writeProfile(name))
		}
		runtime.SetBlockProfileRate(0)
		runtime.SetMutexProfileFraction(0)
		return errors.Join(errs...)
	}, nil
}

func (b *bench) writeProfile(name string) error {
	file, err := os.Create(b.s.Profile + "." + name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup(name).WriteTo(file, 0), file.Close())
}
