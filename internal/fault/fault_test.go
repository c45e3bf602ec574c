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

func TestLines(t *testing.T) {
	fields := []fault.Field{
		{Location: "listen", Message: "must have a port", Value: "x\ny", Source: "c.yaml:2"},
		{Location: "key", Message: "is too short", Source: "CARILLON_KEY"},
		{Location: "weight", Message: "must be from 1 to 100", Value: 0},
		{Location: "at", Message: "is over"},
	}
	err := &fault.Error{Op: "start", Message: "is not valid", Fields: fields, Err: io.EOF}
	require.Equal(t, "run: start: is not valid\n"+
		"  listen: must have a port (got \"x\\ny\" from c.yaml:2)\n"+
		"  key: is too short (from CARILLON_KEY)\n"+
		"  weight: must be from 1 to 100 (got \"0\")\n"+
		"  at: is over: EOF", fault.Lines(fmt.Errorf("run: %w", err)))
	require.Equal(t, `start: is not valid (listen: must have a port (c.yaml:2), got "x\ny"; key: is too short (CARILLON_KEY); weight: must be from 1 to 100, `+
		`got "0"; at: is over): EOF`, err.Error())
	require.Equal(t, "EOF", fault.Lines(io.EOF))
	require.Equal(t, "there is no run 7", fault.Lines(fault.New(fault.NotFound, "there is no run 7")))
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
