package naming_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/naming"
)

func TestARefIsAnIDOrAName(t *testing.T) {
	for _, c := range []struct {
		in   string
		want naming.Ref
	}{
		{`7`, naming.ByID(7)}, {`"7"`, naming.Ref{Name: "7"}}, {`"Customers"`, naming.Ref{Name: "Customers"}},
	} {
		var got naming.Ref
		require.NoError(t, json.Unmarshal([]byte(c.in), &got), c.in)
		require.Equal(t, c.want, got)
		out, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, c.in, string(out))
	}
	for _, wrong := range []string{`true`, `{}`, `1.5`, `[1]`} {
		var got naming.Ref
		require.ErrorContains(t, json.Unmarshal([]byte(wrong), &got), "must be an id or a name", wrong)
	}
	for text, want := range map[string]naming.Ref{"7": naming.ByID(7), "-7": {Name: "-7"}, "0": {Name: "0"}, "": {}} {
		var got naming.Ref
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.Equal(t, want, got)
	}
	var spaced naming.Ref
	require.NoError(t, spaced.UnmarshalText([]byte(" news ")))
	require.Equal(t, "news", spaced.Name)
	require.True(t, naming.Ref{}.IsZero())
	require.Nil(t, naming.IDs(nil))
	require.Equal(t, []int64{7, 8}, naming.IDs([]naming.Ref{naming.ByID(7), naming.ByID(8)}))
}
