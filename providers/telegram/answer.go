package telegram

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"carillon/providers"
	"carillon/providers/line"
)

// answered is what is answered to every call.
type answered struct {
	OK          *bool  `json:"ok"`
	ErrorCode   int    `json:"error_code"`
	Description string `json:"description"`
	Result      result `json:"result"`
	Parameters  struct {
		RetryAfter      int64 `json:"retry_after"`
		MigrateToChatID int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// result is a message that was taken, with the file that it has.
type result struct {
	MessageID int64 `json:"message_id"`
	// Photo is in several sizes, the largest last.
	Photo     []kept `json:"photo"`
	Video     *kept  `json:"video"`
	Audio     *kept  `json:"audio"`
	Voice     *kept  `json:"voice"`
	Animation *kept  `json:"animation"`
	Document  *kept  `json:"document"`
}

type kept struct {
	FileID string `json:"file_id"`
}

// file is Telegram's id for the file of a message; empty where it says none that can be kept.
func (r *result) file() string {
	all := []*kept{r.Video, r.Audio, r.Voice, r.Animation, r.Document}
	if n := len(r.Photo); n > 0 {
		all = []*kept{&r.Photo[n-1]}
	}
	for _, k := range all {
		if k != nil && len(k.FileID) <= providers.MaxMediaID && providers.Key(k.FileID) {
			return k.FileID
		}
	}
	return ""
}

// unknownFile are words for an id of a file that Telegram does not know.
var unknownFile = []string{"wrong file identifier", "wrong remote file identifier", "file_reference_", "wrong file_id", "invalid file_id"}

// What Telegram says of chats, in any case of its letters: the Bot API has no code for it.
var (
	// out are words for a bot that was put out, or a chat that is no more.
	out = []string{"bot was blocked by the user", "user is deactivated", "bot was kicked", "group chat was deleted"}
	// closed are words for a chat that can't be written to, in an answer that refuses the
	// request: with any other recipient the same message goes.
	closed = []string{"chat not found", "peer_id_invalid", "user not found", "rights to send", "chat_write_forbidden", "chat_restricted", "chat_send_",
		"need administrator rights", "topic_closed", "bot is not a member", "group is deactivated"}
)

// says reports whether a description has one of some words in it.
func says(description string, words []string) bool {
	description = strings.ToLower(description)
	for _, w := range words {
		if strings.Contains(description, w) {
			return true
		}
	}
	return false
}

// read reads an answer; failure is what one that refuses means.
func (p *Provider) read(answer *http.Response) (a answered, failure *providers.Error) {
	text := line.Text(answer)
	if json.Unmarshal([]byte(text), &a) != nil || a.OK == nil {
		return a, p.foreign(answer, text)
	}
	if *a.OK {
		return a, nil
	}
	return a, p.refusal(answer, &a)
}

// foreign is what an answer means that is not in Telegram's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	switch {
	case failure == nil:
		return inDoubt()
	}
	return line.Foreign(failure, answer, "the words of the Bot API", p.scrub(text))
}

// refusal is what Telegram means by one.
func (p *Provider) refusal(answer *http.Response, a *answered) *providers.Error {
	status := a.ErrorCode
	if status < http.StatusBadRequest {
		status = max(answer.StatusCode, http.StatusBadRequest)
	}
	header := answer.Header.Clone()
	if a.Parameters.RetryAfter > 0 {
		header.Set("Retry-After", strconv.FormatInt(a.Parameters.RetryAfter, 10))
	}
	failure := providers.ClassifyHTTP(status, header, p.deps.Clock.Now())
	hint := ""
	switch migrated := a.Parameters.MigrateToChatID; {
	case migrated != 0:
		failure.Kind, failure.MovedTo = providers.ErrorRecipient, strconv.FormatInt(migrated, 10)
		hint = fmt.Sprintf("; the group has the chat id %d now, and its contact gets it", migrated)
	case status == http.StatusUnauthorized, status == http.StatusNotFound:
		failure.Kind = providers.ErrorAuth
		hint = ": Telegram knows no bot with this token; @BotFather shows the right one, or gives a new one by /token"
	case status == http.StatusForbidden:
		failure.Kind = providers.ErrorRecipient // a chat's alone: a wrong token is a 401
		if says(a.Description, out) {
			failure.Bounce = providers.BounceHard
		}
	case status == http.StatusBadRequest && says(a.Description, closed):
		failure.Kind = providers.ErrorRecipient
	}
	failure.Err = errors.New("refused by Telegram" + hint)
	if quoted := line.Quote(p.scrub(a.Description)); quoted != "" {
		failure.Err = fmt.Errorf("refused by Telegram: %s%s", quoted, hint)
	}
	return failure
}
