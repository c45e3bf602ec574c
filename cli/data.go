package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// dataFlags are the values that templates see as row.
type dataFlags struct {
	pairs []string
	file  string
}

func (f *dataFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.pairs, "data", nil, "NAME=VALUE for the templates, {{ row.NAME }}; may be repeated")
	cmd.Flags().StringVar(&f.file, "data-file", "", "JSON file with an object of such values, which may be lists and objects, - for standard input; "+
		"--data wins over it")
}

// read is what the flags give.
func (f *dataFlags) read(c *cli) (map[string]any, error) {
	var data map[string]any
	if f.file != "" {
		if err := c.readJSON(f.file, &data); err != nil {
			return nil, err
		}
	}
	pairs, err := pairsOf("data", f.pairs)
	for name, value := range pairs {
		if data == nil {
			data = map[string]any{}
		}
		data[name] = value
	}
	return data, err
}

// pairsOf reads NAME=VALUE, which a flag may have more than once.
func pairsOf(flag string, list []string) (map[string]string, error) {
	pairs := make(map[string]string, len(list))
	for _, pair := range list {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, usagef("--%s %s: must be NAME=VALUE", flag, pair)
		}
		pairs[name] = value
	}
	return pairs, nil
}
