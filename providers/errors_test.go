package providers_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

func TestAsError(t *testing.T) {
	known := &providers.Error{Kind: providers.ErrorRecipient, Code: "550", Err: errors.New("no such user")}
	require.Same(t, known, providers.AsError(fmt.Errorf("send: %w", known)))
	require.Equal(t, "recipient 550: no such user", known.Error())
	foreign := errors.New("who knows")
	require.Equal(t, providers.ErrorInDoubt, providers.AsError(foreign).Kind)
	require.ErrorIs(t, providers.AsError(foreign), foreign)
}

// Every status has a kind, and only 2xx is a success.
func TestClassifyHTTPCoversEveryStatus(t *testing.T) {
	for status := 100; status < 1000; status++ {
		e := providers.ClassifyHTTP(status, http.Header{}, time.Time{})
		if status/100 == 2 {
			require.Nil(t, e)
			continue
		}
		require.NotEmpty(t, e.Kind)
		require.Equal(t, fmt.Sprint(status), e.Code)
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Sat, 21 Nov 2026 09:00:00 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		e := providers.ClassifyHTTP(429, http.Header{"Retry-After": {value}}, time.Unix(0, 0))
		require.GreaterOrEqual(t, e.RetryAfter, time.Duration(0))
		require.LessOrEqual(t, e.RetryAfter, 24*time.Hour)
	})
}
