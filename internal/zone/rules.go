package zone

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What Rules looks at: what lies before is over, and nobody decrees what lies behind.
var (
	rulesFrom = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	rulesTo   = time.Date(2045, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Rules names the rules of all time zones as this process knows them: two processes
// whose zone databases set any clock differently, between 2025 and 2045, give other
// names. The databases have versions, but Go does not tell them.
var Rules = sync.OnceValue(func() string {
	h := fnv.New64a()
	for name := range strings.FieldsSeq(ianaNames) {
		location, err := Load(name)
		if err != nil {
			continue
		}
		for at, ends := rulesFrom, true; ends && at.Before(rulesTo); {
			_, offset := at.In(location).Zone()
			_, _ = fmt.Fprintln(h, name, at.Unix(), offset) // a hash does not fail
			at, ends = Evenly(at, location)
		}
	}
	return strconv.FormatUint(h.Sum64(), 36)
})
