package viber

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// answered is what Viber answers, with 200 whatever it says.
type answered struct {
	Status *int   `json:"status"`
	Words  string `json:"status_message"`
	// Token is the id of a message: more digits than a float64 keeps.
	Token json.Number `json:"message_token"`
}

// meaning is what a status means for a message.
type meaning struct {
	kind   providers.ErrorKind
	bounce providers.BounceKind
	// advice is what a person can do.
	advice string
}

// hourly is for how long somebody is left alone who has been sent as much as Viber takes in an
// hour without an answer of theirs, before it is tried again.
const hourly = 10 * time.Minute

const newToken = "see the token of the bot in Viber's admin panel, and set config.token"

// meanings are Viber's statuses; what it calls a general error has any other number.
var meanings = map[int]meaning{
	1:  {kind: providers.ErrorContent, advice: "an address in it can't be used"},
	2:  {kind: providers.ErrorAuth, advice: newToken},
	3:  {kind: providers.ErrorContent},
	4:  {kind: providers.ErrorContent},
	5:  {kind: providers.ErrorRecipient, bounce: providers.BounceHard, advice: "nobody in Viber has this id any more"},
	6:  {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, advice: "they have not subscribed to the bot, or no longer do"},
	7:  {kind: providers.ErrorAccount, advice: "Viber has blocked the bot: see its admin panel"},
	8:  {kind: providers.ErrorAccount, advice: "there is no such bot any more: see Viber's admin panel"},
	9:  {kind: providers.ErrorAccount, advice: "Viber has suspended the bot: see its admin panel"},
	10: {kind: providers.ErrorAccount, advice: "a bot sends nothing before set_webhook has been called for it"},
	11: {kind: providers.ErrorRecipient, bounce: providers.BounceSoft, advice: "none of their devices can show it"},
	12: {kind: providers.ErrorRecipientBusy, advice: "Viber takes 100 messages in an hour for somebody who does not answer"},
	13: {kind: providers.ErrorContent},
	14: {kind: providers.ErrorContent},
	15: {kind: providers.ErrorAuth, advice: "the bot may not do this: see Viber's admin panel"},
	16: {kind: providers.ErrorContent},
	17: {kind: providers.ErrorAccount},
	18: {kind: providers.ErrorAccount},
	21: {kind: providers.ErrorRecipient, advice: "Viber delivers nothing of bots to their country"},
	22: {kind: providers.ErrorContent},
	23: {kind: providers.ErrorQuota, advice: "the free messages of the bot are used up"},
	24: {kind: providers.ErrorQuota, advice: "see to the balance of the bot"},
}

// read reads an answer; failure says what it means that the message was not taken.
func (p *Provider) read(answer *http.Response) (a *answered, failure *providers.Error) {
	text := line.Text(answer)
	a = &answered{}
	if json.Unmarshal([]byte(text), a) != nil || a.Status == nil {
		return nil, p.foreign(answer, text)
	}
	if *a.Status == 0 {
		if failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now()); failure != nil {
			return nil, failure
		}
		return a, nil
	}
	m, known := meanings[*a.Status]
	if !known {
		m.kind = providers.ErrorTemporary
	}
	failure = &providers.Error{Kind: m.kind, Bounce: m.bounce, Code: strconv.Itoa(*a.Status)}
	if m.kind == providers.ErrorRecipientBusy {
		failure.RetryAfter = hourly
	}
	words := "refused by Viber"
	if said := line.Quote(p.scrub(a.Words)); said != "" {
		words += ": " + said
	}
	if m.advice != "" {
		words += "; " + m.advice
	}
	failure.Err = errors.New(words)
	return nil, failure
}

// foreign is what an answer means that is not in Viber's words: somebody else's.
func (p *Provider) foreign(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	switch {
	case failure == nil:
		return inDoubt()
	}
	return line.Foreign(failure, answer, "the words of Viber", p.scrub(text))
}
