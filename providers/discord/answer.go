package discord

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// answered is what Discord answers: the message or the webhook, or what is wrong.
type answered struct {
	ID      string  `json:"id"`
	Code    int     `json:"code"`
	Message *string `json:"message"`
	// RetryAfter is in seconds.
	RetryAfter float64 `json:"retry_after"`
}

// dead are the codes for a webhook by which nobody is reached until a person has done something,
// and what each means.
var dead = map[int]string{
	10003:  "the webhook's channel is no more",
	10004:  "the webhook's server is no more",
	10015:  "Discord knows no such webhook, or it was removed",
	50001:  "the webhook may not see its channel",
	50013:  "the webhook may not write there",
	50027:  "Discord does not take the webhook's token",
	50083:  "the thread is archived",
	220001: "the webhook's channel is a forum, in which only threads can be written to; put ?thread_id= behind its URL",
	220003: "the webhook's channel is no forum",
}

// longest bounds, in seconds, what may be asked for.
const longest = 24 * 60 * 60

// read reads an answer; failure is what one that refuses means.
func (p *Provider) read(answer *http.Response, of room.Room) (a answered, failure *providers.Error) {
	text := line.Text(answer)
	ours := json.Unmarshal([]byte(text), &a) == nil
	header := answer.Header
	if ours && a.RetryAfter > 0 {
		header = header.Clone()
		header.Set("Retry-After", strconv.Itoa(int(math.Ceil(min(a.RetryAfter, longest)))))
	}
	failure = providers.ClassifyHTTP(answer.StatusCode, header, p.deps.Clock.Now())
	if ours && failure == nil {
		return a, nil
	}
	if !ours || a.Message == nil || answer.StatusCode/100 == 3 {
		return a, p.rooms.Foreign(failure, answer, text)
	}
	if a.Code != 0 {
		failure.Code = strconv.Itoa(a.Code)
	}
	if why, ok := dead[a.Code]; ok {
		return a, room.Dead(of, failure.Code, why)
	}
	if failure.Kind == providers.ErrorRecipient {
		failure.Bounce = "" // the address is a name of ours
	}
	failure.Err = fmt.Errorf("refused by Discord%s", p.rooms.Quoted(*a.Message))
	return a, failure
}
