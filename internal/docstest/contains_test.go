package docstest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// containsJSON checks that the last line of an output that is JSON has
// everything that a page shows: fields may be missing on the page, items of a
// list may not.
func containsJSON(shown, output string) error {
	var want, got any
	if err := json.Unmarshal([]byte(shown), &want); err != nil {
		return fmt.Errorf("the block is no JSON: %w", err)
	}
	for line := range strings.Lines(output) {
		var answer any
		if json.Unmarshal([]byte(line), &answer) == nil {
			got = answer
		}
	}
	if got == nil {
		return fmt.Errorf("no line of the output is JSON:\n%s", output)
	}
	if err := contains("", want, got); err != nil {
		return fmt.Errorf("%w; the output:\n%s", err, output)
	}
	return nil
}

func contains(path string, want, got any) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is no object but %v", path, got)
		}
		if len(want) == 0 && len(object) > 0 {
			return fmt.Errorf("%s is not empty but %v", path, got)
		}
		for key, value := range want {
			if err := contains(path+"."+key, value, object[key]); err != nil {
				return err
			}
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%s is no list of %d but %v", path, len(want), got)
		}
		for i := range want {
			if err := contains(fmt.Sprintf("%s[%d]", path, i), want[i], list[i]); err != nil {
				return err
			}
		}
	default:
		if want != got {
			return fmt.Errorf("%s: the page says %v, the answer %v", path, want, got)
		}
	}
	return nil
}

func TestContainsJSON(t *testing.T) {
	require.NoError(t, containsJSON(`{"a": [{"b": 1}], "e": {}}`, "x\n{}\n"+`{"a": [{"b": 1, "c": 2}], "d": null, "e": {}}`+"\n\n"))
	for _, wrong := range []string{`{"a": 2}`, `{"a": []}`, `{"a": [{"b": 1}, {}]}`, `{"e": {"f": 1}}`, `{"d": {}}`, `{`} {
		require.Error(t, containsJSON(wrong, `{"a": [{"b": 1}], "d": {"x": 1}, "e": {}}`), wrong)
	}
	require.Error(t, containsJSON("{}", "no JSON"))
}
