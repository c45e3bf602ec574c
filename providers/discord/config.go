package discord

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/providers/room"
)

// hosts give webhooks: Discord, by its name of before too, and its versions for trying out.
var hosts = []string{"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"}

// webhooks is the path of one: its id and its token. Behind it /slack and /github would have
// messages of others read.
var webhooks = regexp.MustCompile(`^/api(/v[0-9]+)?/webhooks/[0-9]+/[A-Za-z0-9_-]+$`)

func check(c *room.Config) []fault.Field { return room.Check(c, wrong) }

// wrong says why a URL is not that of a webhook.
func wrong(u *url.URL) string {
	switch {
	case !slices.Contains(hosts, strings.ToLower(u.Hostname())) || !webhooks.MatchString(u.Path):
		return "must be as Copy Webhook URL gives it, such as https://discord.com/api/webhooks/, the webhook's number, / and its token"
	case u.RawQuery != "" && !strings.HasPrefix(u.RawQuery, "thread_id="):
		return "must hold no query but thread_id, the thread of the channel that is written to"
	}
	return ""
}
