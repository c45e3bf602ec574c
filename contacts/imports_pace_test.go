package contacts

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	p := newPace(0)
	require.EqualValues(t, minBatchRecords, p.next())
	p.took(minBatchRecords, 20*time.Millisecond)
	require.EqualValues(t, 2*minBatchRecords, p.next(), "it grows by steps")
	p.took(2*minBatchRecords, 0)
	require.EqualValues(t, maxBatchRecords, p.next())
	p.took(maxBatchRecords, 5*time.Millisecond)
	require.EqualValues(t, maxBatchRecords, p.next(), "up to a bound")
	p.took(100, time.Minute)
	require.EqualValues(t, maxBatchRecords, p.next(), "the end of a file says nothing")
	p.took(maxBatchRecords, 2*batchTime)
	require.EqualValues(t, maxBatchRecords/2, p.next(), "a slow batch is followed by a smaller one")
	p.took(maxBatchRecords/2, time.Minute)
	require.EqualValues(t, minBatchRecords, p.next())

	fixed := newPace(7)
	fixed.took(7, 0)
	require.EqualValues(t, 7, fixed.next())
}
