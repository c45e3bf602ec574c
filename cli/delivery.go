package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/api"
	"carillon/campaigns"
	"carillon/campaigns/hours"
)

// deliveryFlags say when, once a campaign has fired, each recipient has a turn.
type deliveryFlags struct {
	recipientTime       bool
	hours, days         string
	spread, expireAfter string
}

func (f *deliveryFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.recipientTime, "recipient-time", false, "the time is meant on each recipient's own clock: it goes out in waves, from zone to zone")
	flags.StringVar(&f.hours, "hours", "", "when it may be sent to somebody, on their clock, such as 09:00-20:00 (default always)")
	flags.StringVar(&f.days, "days", "", "days on which --hours are, such as mon,tue,wed (default every day)")
	flags.StringVar(&f.spread, "spread-over", "", "spread the recipients evenly over so long, such as 2h")
	flags.StringVar(&f.expireAfter, "expires-after", "", "skip who has not been sent to so long after their time, such as 12h")
}

// into lays the flags over what a campaign says.
func (f *deliveryFlags) into(d *campaigns.Delivery) error {
	if f.recipientTime {
		d.RecipientTime = true
	}
	if f.hours != "" {
		from, to, ok := strings.Cut(f.hours, "-")
		if !ok {
			return usagef("--hours %s: write them as 09:00-20:00", f.hours)
		}
		d.Hours = &hours.Hours{From: strings.TrimSpace(from), To: strings.TrimSpace(to)}
	}
	if f.days != "" {
		if d.Hours == nil {
			return usagef("--days needs --hours")
		}
		d.Hours.Days = strings.Split(f.days, ",")
	}
	if f.spread != "" {
		d.SpreadOver = f.spread
	}
	if f.expireAfter != "" {
		d.ExpiresAfter = f.expireAfter
	}
	return nil
}

// deliveryWords are what a campaign says of its recipients' turns, in one line.
func deliveryWords(d campaigns.Delivery) string {
	var words []string
	if d.RecipientTime {
		words = append(words, "on each recipient's clock")
	}
	if h := d.Hours; h != nil {
		days := "every day"
		if len(h.Days) > 0 {
			days = strings.Join(h.Days, ", ")
		}
		words = append(words, fmt.Sprintf("within %s-%s, %s", h.From, h.To, days))
	}
	if d.SpreadOver != "" {
		words = append(words, "spread over "+d.SpreadOver)
	}
	if d.ExpiresAfter != "" {
		words = append(words, "until "+d.ExpiresAfter+" later")
	}
	return strings.Join(words, "; ")
}

// showWaves lists when the recipients of each zone have their turn.
func showWaves(w *tabwriter.Writer, f api.Forecast) {
	if f.OutsideHours > 0 {
		fields(w, "Wait for hours", f.OutsideHours)
	}
	if o := f.OutsideWindow; o != nil && o.Template > 0 {
		fields(w, "Have not written", fmt.Sprintf("%d get the template of window_template", o.Template))
	}
	if o := f.OutsideWindow; o != nil && o.Skipped > 0 {
		fields(w, "Have not written", fmt.Sprintf("%d are skipped, unless they write before", o.Skipped))
	}
	for _, wave := range f.Waves {
		zones := slices.Clone(wave.Zones)
		if more := wave.ZoneCount - len(zones); more > 0 {
			zones = append(zones, fmt.Sprintf("%d more", more))
		}
		words := fmt.Sprintf("%d to %s", wave.Recipients, strings.Join(zones, ", "))
		if wave.Waits {
			words += " (waits for hours)"
		}
		fields(w, "Wave "+at(&wave.At), words)
	}
}
