package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
)

func TestErrorText(t *testing.T) {
	field := fault.Field{Location: "at", Message: "is over"}
	other := fault.Field{Location: "weight", Message: "must be from 1 to 100", Value: 0}
	for _, c := range []struct {
		want string
		err  *fault.Error
	}{
		{"there is no run 7", fault.New(fault.NotFound, "there is no run %d", 7)},
		{"open file: EOF", fault.Wrap(fault.Unavailable, "open file", io.EOF)},
		{`the input is not valid (weight: must be from 1 to 100, got "0")`, fault.InvalidField("weight", 0, "must be from %d to %d", 1, 100)},
		{"the input is not valid (at: is over)", fault.InvalidField("at", nil, "is over")},
		{`read: bad (at: is over; weight: must be from 1 to 100, got "0"): EOF`, &fault.Error{
			Op: "read", Message: "bad", Fields: []fault.Field{field, other}, Err: io.EOF,
		}},
		{"(at: is over)", &fault.Error{Fields: []fault.Field{field}}},
		{"EOF", &fault.Error{Err: io.EOF}},
		{"", &fault.Error{}},
	} {
		require.Equal(t, c.want, c.err.Error())
	}
}

func TestTheOutermostCodeCounts(t *testing.T) {
	inner := fault.New(fault.NotFound, "gone")
	for _, c := range []struct {
		err  error
		want fault.Code
	}{
		{inner, fault.NotFound},
		{fmt.Errorf("look up: %w", inner), fault.NotFound},
		{fmt.Errorf("twice: %w", fmt.Errorf("look up: %w", inner)), fault.NotFound},
		{errors.Join(io.EOF, inner), fault.NotFound},
		{fault.Wrap(fault.Unavailable, "reach", fmt.Errorf("x: %w", inner)), fault.Unavailable},
		{io.EOF, fault.Internal},
		{nil, fault.Internal},
	} {
		require.Equal(t, c.want, fault.CodeOf(c.err), c.err)
		require.Equal(t, c.err != nil, fault.Is(c.err, c.want), c.err)
		require.False(t, fault.Is(c.err, fault.Conflict))
	}
	require.ErrorIs(t, fault.Wrap(fault.Internal, "read", io.EOF), io.EOF)
}

func TestInvalidFields(t *testing.T) {
	require.NoError(t, fault.InvalidFields(nil), "nil, and no *Error that is nil")
	err := fault.InvalidFields([]fault.Field{{Location: "a", Message: "is wrong"}, {Location: "b", Message: "too"}})
	require.True(t, fault.Is(err, fault.Invalid))
	require.EqualError(t, err, "the input is not valid (a: is wrong; b: too)")
}
