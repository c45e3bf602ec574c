package slack

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// dead are the words for a webhook by which nobody is reached until a person has done something,
// and what each means.
var dead = map[string]string{
	"no_service":                        "Slack knows no such webhook, or it was removed or switched off",
	"no_service_id":                     "Slack knows no such webhook",
	"no_active_hooks":                   "the webhook is switched off",
	"invalid_token":                     "Slack does not take the webhook's token",
	"no_team":                           "Slack knows no such workspace",
	"team_disabled":                     "the workspace is switched off",
	"channel_not_found":                 "the webhook's channel is no more",
	"channel_is_archived":               "the webhook's channel is archived",
	"action_prohibited":                 "an administrator does not let the webhook post there",
	"posting_to_general_channel_denied": "an administrator lets few post in the general channel, and not the webhook",
	"user_not_found":                    "whom the webhook writes to is no more",
}

// wrongly are the words for a message that Slack does not take, wherever it goes.
var wrongly = map[string]bool{
	"invalid_payload": true, "no_text": true, "invalid_blocks": true, "too_many_attachments": true, "msg_too_long": true,
}

// word is a word of Slack's, in an answer that has no other.
var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

// read reads an answer, which is a word alone: ok, or what is wrong.
func (p *Provider) read(answer *http.Response, of room.Room) (providers.Accepted, error) {
	text := line.Text(answer)
	said := strings.TrimSpace(text)
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil && said == "ok" {
		return providers.Accepted{Response: answer.Status + " " + said}, nil
	}
	if failure == nil || answer.StatusCode/100 == 3 || !word.MatchString(said) {
		return providers.Accepted{}, p.rooms.Foreign(failure, answer, text)
	}
	if why, ok := dead[said]; ok {
		return providers.Accepted{}, room.Dead(of, said, why)
	}
	failure.Code = said
	if wrongly[said] {
		failure.Kind, failure.Bounce, failure.RetryAfter = providers.ErrorContent, "", 0
	}
	if failure.Kind == providers.ErrorRecipient {
		failure.Bounce = "" // the address is a name of ours
	}
	failure.Err = fmt.Errorf("refused by Slack%s", p.rooms.Quoted(said))
	return providers.Accepted{}, failure
}
