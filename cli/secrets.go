package cli

import (
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"

	"carillon/api"
	"carillon/internal/secret"
)

// secretFields say of each secret when it was set and by whom, and until when what it was before
// counts.
func secretFields(w *tabwriter.Writer, set map[string]api.SecretSetting) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		s := set[name]
		words := "not recorded when, nor by whom"
		if s.SetAt != nil {
			words = at(s.SetAt) + " by " + clean(s.SetBy)
		}
		switch {
		case s.Replaced == nil:
		case s.Replaced.EndsAt == nil:
			words += "; the one before counts, too, until another is made or it is ended"
		default:
			words += "; the one before counts, too, until " + at(s.Replaced.EndsAt)
		}
		fields(w, "Set "+clean(name), words)
	}
}

func overlapFlag(flags *pflag.FlagSet, into *time.Duration, usage string) {
	flags.DurationVar(into, "overlap", 0, usage)
}

// overlapSeconds is an overlap as the API takes it: whole seconds, within the bound.
func overlapSeconds(overlap time.Duration) (int64, error) {
	if overlap%time.Second != 0 {
		return 0, usagef("--overlap %s: must be whole seconds, such as 24h or 90s", overlap)
	}
	if overlap < 0 || overlap > secret.LongestOverlap {
		return 0, usagef("--overlap %s: must be 0 to %gh, which is 30 days", overlap, secret.LongestOverlap.Hours())
	}
	return int64(overlap / time.Second), nil
}
