package gate

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	for code, status := range map[fault.Code]int{
		fault.Invalid: 422, fault.NotFound: 404, fault.MethodNotAllowed: 405, fault.Conflict: 409, fault.Unauthorized: 401, fault.Forbidden: 403,
		fault.TooLarge: 413, fault.TooSlow: 408, fault.RateLimited: 429, fault.Unavailable: 503, fault.Mismatch: 422, fault.Internal: 500,
	} {
		require.Equal(t, status, StatusOf(fault.New(code, "x")), code)
		require.Equal(t, status, StatusOf(fmt.Errorf("ask: %w", fault.New(code, "x"))), code)
	}
	require.Equal(t, 500, StatusOf(errors.New("who knows")))
	require.Equal(t, 499, StatusOf(fmt.Errorf("ask: %w", context.Canceled)))
}

func TestAProblemTellsNobodyOfOurOwnFaults(t *testing.T) {
	for _, err := range []error{errors.New("dial 10.1.2.3"), fault.New(fault.Internal, "10.1.2.3"), fault.New(fault.Unavailable, "10.1.2.3")} {
		w := httptest.NewRecorder()
		WriteProblem(w, err)
		require.NotContains(t, w.Body.String(), "10.1.2.3")
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		require.Equal(t, w.Code == 503, w.Header().Get("Retry-After") == "2")
	}
	p := ProblemOf(fault.InvalidFields([]fault.Field{
		{Location: "b", Message: "too long", Value: int64(1)}, {Location: "query.z", Message: "no"}, {Location: "a", Message: "missing"},
	}), "body")
	require.Equal(t, []ProblemField{
		{Location: "body.a", Message: "missing"}, {Location: "body.b", Message: "too long", Value: int64(1)}, {Location: "query.z", Message: "no"},
	}, p.Errors, "in the same order every time")
}
