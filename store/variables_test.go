package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fault"
	"carillon/store/storetest"
	"carillon/variables"
)

func TestVariables(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, clock := t.Context(), s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		service := variables.NewService(s)
		first := clock.Now()
		v := variables.Variable{AccountID: account, Name: "b", Value: json.RawMessage(`{"from": 9}`), Group: "g", Description: "d"}
		got, err := service.Set(ctx, v)
		require.NoError(t, err)
		v.CreatedAt, v.UpdatedAt = first, first
		require.Equal(t, v, got)
		clock.Advance(time.Minute)
		v.Value, v.Disabled, v.UpdatedAt = json.RawMessage("3"), true, clock.Now()
		_, err = service.Set(ctx, v)
		require.NoError(t, err)
		got, err = service.Get(ctx, account, "b")
		require.NoError(t, err)
		require.Equal(t, v, got)
		for _, name := range []string{"a", "B", "b-", "b.c"} {
			_, err := service.Set(ctx, variables.Variable{AccountID: account, Name: name, Value: json.RawMessage("null")})
			require.NoError(t, err)
		}
		var names []string
		for after := ""; ; {
			page, err := service.List(ctx, account, after, 2)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, v := range page {
				names, after = append(names, v.Name), v.Name
			}
		}
		require.Equal(t, []string{"B", "a", "b", "b-", "b.c"}, names, "both stores sort alike")
		_, err = s.SetVariable(ctx, variables.Variable{AccountID: account, Name: "more", Value: json.RawMessage("1")}, 5)
		require.True(t, fault.Is(err, fault.Conflict))
		_, err = s.SetVariable(ctx, variables.Variable{AccountID: account, Name: "a", Value: json.RawMessage("1")}, 5)
		require.NoError(t, err)
		_, err = service.Get(ctx, other, "b")
		require.True(t, fault.Is(err, fault.NotFound))
		require.NoError(t, service.Delete(ctx, account, "b"))
		require.True(t, fault.Is(service.Delete(ctx, account, "b"), fault.NotFound))
		for what, wrong := range map[string]variables.Variable{
			"name":  {Name: "4", Value: json.RawMessage("1")},
			"value": {Name: "x", Value: json.RawMessage("{")},
			"group": {Name: "x", Value: json.RawMessage("1"), Group: "a\x00"},
		} {
			wrong.AccountID = account
			_, err := service.Set(ctx, wrong)
			require.True(t, fault.Is(err, fault.Invalid), what)
			require.ErrorContains(t, err, what)
		}
	})
}
