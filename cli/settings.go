package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"carillon/access"
	"carillon/api"
	"carillon/providers"
)

func (c *cli) addSettings(root *cobra.Command) {
	root.AddCommand(group("settings", "What holds for all that the account sends", c.settingsShow(), c.settingsSet()))
}

func settingsPath() path { return v1("settings") }

const quietUsage = "when campaigns write to nobody, on the recipient's clock, such as 20:00-08:00; none takes them away"

// quietHours reads quiet hours as they are typed.
func quietHours(text string) (api.QuietHoursChange, error) {
	if text == "none" {
		return api.QuietHoursChange{}, nil
	}
	from, to, ok := strings.Cut(text, "-")
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	if !ok || from == "" || to == "" {
		return api.QuietHoursChange{}, usagef("--quiet-hours %s: write them as 20:00-08:00, or none", text)
	}
	return api.QuietHoursChange{From: from, To: to}, nil
}

// quietWords are quiet hours as they are typed.
func quietWords(q *providers.QuietHours) string {
	if q == nil {
		return "none"
	}
	return q.From + "-" + q.To
}

func settingsTable(w *tabwriter.Writer, s api.AccountSettings) {
	obey := "pass"
	if s.QuietTransactional {
		obey = "obey them, too"
	}
	approval := "not asked for"
	if s.Approval.Required {
		approval = "every campaign, by another person"
	}
	fields(w, "Quiet hours", quietWords(s.QuietHours), "Transactional messages", obey, "Approval", approval,
		"Time zone", s.Timezone, "Public address", cmp.Or(s.PublicURL, "the installation's"), "Brand name", s.BrandName,
		"Brand colour", s.BrandColor, "Report mails", reportWords(s.ReportMail), "Shown of contacts", maskWords(s.Masked),
		"Country of numbers", s.Country, "APIs of others", cmp.Or(strings.Join(s.APIs, ", "), "none"))
}

// masksOf reads what --mask says.
func masksOf(said []string) (access.Masks, error) {
	masks := access.Masks{}
	if slices.Equal(said, []string{"none"}) || len(said) == 0 {
		return masks, nil
	}
	for _, mask := range said {
		field, role, both := strings.Cut(mask, "=")
		if !both {
			return nil, usagef("--mask %s: write a field and a role, such as addresses=editor, or none", mask)
		}
		masks[access.Field(field)] = access.Role(role)
	}
	return masks, nil
}

// maskWords say what is masked.
func maskWords(masks access.Masks) string {
	var words []string
	for _, field := range slices.Sorted(maps.Keys(masks)) {
		from := "editors and admins"
		if masks[field] == access.Admin {
			from = "admins"
		}
		words = append(words, fmt.Sprintf("%s to %s", field, from))
	}
	return cmp.Or(strings.Join(words, ", "), "everything to every role")
}

// reportWords say who gets mails about the account.
func reportWords(m api.ReportMail) string {
	var about []string
	if m.Weekly {
		about = append(about, "each week")
	}
	if m.Troubles {
		about = append(about, "troubles")
	}
	if len(about) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s to %s through channel %d", strings.Join(about, " and "), strings.Join(m.To, ", "), m.ChannelID)
}

func (c *cli) settingsShow() *cobra.Command {
	return plain(&cobra.Command{Use: "show", Short: "Show the account's settings"}, func(ctx context.Context) error {
		return show(ctx, c, get(settingsPath()), settingsTable)
	})
}

func (c *cli) settingsSet() *cobra.Command {
	var quiet, timezone, name, color, channel, country, public string
	var transactional, approval, weekly, troubles bool
	var to, apis, masked []string
	cmd := &cobra.Command{
		Use: "set", Short: "Change the account's settings",
		Long: "Changes what the flags name and leaves the rest. New quiet hours take effect at once, also for campaigns that are under way.",
		Example: "  carillon settings set --quiet-hours 20:00-08:00\n  carillon settings set --quiet-hours none\n" +
			"  carillon settings set --report-channel news --report-to boss@example.org --weekly-report --trouble-mail\n" +
			"  carillon settings set --mask addresses=editor,attributes.birthday=admin",
	}
	flags := cmd.Flags()
	flags.StringVar(&quiet, "quiet-hours", "", quietUsage)
	flags.BoolVar(&transactional, "quiet-transactional", false, "transactional messages obey quiet hours, too; =false lets them pass again")
	flags.BoolVar(&approval, "approval", false, "no campaign is started that another person has not approved; =false asks for none")
	flags.StringVar(&timezone, "timezone", "", "the zone whose days statistics count, such as Europe/Berlin; '' is UTC")
	flags.StringVar(&public, "public-url", "", "where recipients reach this server, such as https://news.example.org; '' is the installation's address")
	flags.StringVar(&name, "brand-name", "", "who writes, as it stands on the pages of recipients; '' takes it away")
	flags.StringVar(&color, "brand-color", "", "the colour of the pages of recipients, such as #14532d; '' takes it away")
	flags.StringSliceVar(&masked, "mask", nil, "from which role on fields of contacts are seen, instead of what held before: field=editor or field=admin, "+
		"separated by commas; fields are addresses, names, attributes, and one such as attributes.birthday; 'none' shows all to everybody")
	flags.StringVar(&channel, "report-channel", "", "the e-mail channel for mails about the account, by name or id; '' takes it away")
	flags.StringSliceVar(&to, "report-to", nil, "who gets mails about the account, separated by commas, instead of those before")
	flags.BoolVar(&weekly, "weekly-report", false, "mail a summary of each week on the Monday after; =false ends it")
	flags.BoolVar(&troubles, "trouble-mail", false, "mail what was stopped by itself: a channel, a campaign, a webhook that failed for a day; =false ends it")
	flags.StringVar(&country, "country", "", "the country of phone numbers that programs give without one, such as IT; '' for none")
	flags.StringSliceVar(&apis, "apis", nil,
		"the APIs of others that are served, separated by commas: chat44mp, chatapi, chatwoot, messengerpeople, xms; '' for none")
	cmd.MarkFlagsOneRequired("quiet-hours", "quiet-transactional", "approval", "timezone", "brand-name", "brand-color", "report-channel", "report-to",
		"weekly-report", "trouble-mail", "country", "apis", "mask", "public-url")
	return plain(cmd, func(ctx context.Context) error {
		var change api.SettingsChange
		if flags.Changed("quiet-hours") {
			q, err := quietHours(quiet)
			if err != nil {
				return err
			}
			change.QuietHours = &q
		}
		if flags.Changed("quiet-transactional") {
			change.QuietTransactional = &transactional
		}
		if flags.Changed("approval") {
			change.Approval = &api.ApprovalSettings{Required: approval}
		}
		if flags.Changed("timezone") {
			change.Timezone = &timezone
		}
		if flags.Changed("public-url") {
			change.PublicURL = &public
		}
		if flags.Changed("brand-name") {
			change.BrandName = &name
		}
		if flags.Changed("brand-color") {
			change.BrandColor = &color
		}
		if flags.Changed("mask") {
			masks, err := masksOf(masked)
			if err != nil {
				return err
			}
			change.Masked = &masks
		}
		var mail api.ReportMailChange
		if flags.Changed("report-channel") {
			mail.ChannelID = new(int64)
			if channel != "" {
				ch, err := c.findChannel(ctx, channel)
				if err != nil {
					return err
				}
				*mail.ChannelID = ch.ID
			}
			change.ReportMail = &mail
		}
		if flags.Changed("country") {
			change.Country = &country
		}
		if flags.Changed("apis") {
			change.APIs = &apis
		}
		if flags.Changed("report-to") {
			mail.To, change.ReportMail = &to, &mail
		}
		if flags.Changed("weekly-report") {
			mail.Weekly, change.ReportMail = &weekly, &mail
		}
		if flags.Changed("trouble-mail") {
			mail.Troubles, change.ReportMail = &troubles, &mail
		}
		return show(ctx, c, patch(settingsPath(), change), settingsTable)
	})
}
