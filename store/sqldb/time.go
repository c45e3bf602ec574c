package sqldb

import (
	"fmt"
	"time"
)

// Time is the one type in which times are read: stored are UTC milliseconds since
// 1970. The zero time is NULL.
type Time struct{ time.Time }

// Scan reads a stored time.
func (m *Time) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		m.Time = time.Time{}
	case int64:
		m.Time = time.UnixMilli(v).UTC()
	default:
		return fmt.Errorf("scan time: unexpected %T", value)
	}
	return nil
}

// Ptr is the time, nil where there is none.
func (m Time) Ptr() *time.Time {
	if m.IsZero() {
		return nil
	}
	t := m.Time
	return &t
}

// Millis is a time as it is stored; nil for the zero time.
func Millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// MillisPtr is Millis for a time that may be missing.
func MillisPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return Millis(*t)
}

// Rounded is a time in the precision in which it is stored.
func Rounded(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
