package slack

import (
	"net/url"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/providers/room"
)

// hosts give webhooks: Slack, and Slack for governments.
var hosts = []string{"hooks.slack.com", "hooks.slack-gov.com"}

func check(c *room.Config) []fault.Field { return room.Check(c, wrong) }

// wrong says why a URL is not that of an incoming webhook.
func wrong(u *url.URL) string {
	switch {
	case !slices.Contains(hosts, strings.ToLower(u.Hostname())):
		return "must be at hooks.slack.com, as Slack shows it under Incoming Webhooks"
	case !strings.HasPrefix(u.Path, "/services/"):
		return "must begin with https://hooks.slack.com/services/: what begins otherwise is a workflow's, which takes other messages"
	}
	return ""
}
