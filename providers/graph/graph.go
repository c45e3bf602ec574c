// Package graph owns what the channels of Meta's Graph API have in common: how it is asked, what
// its refusals say, and who it is that posts to a webhook. It must not know what is sent.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// API is Meta's as one channel uses it.
type API struct {
	// Product is what people call that which refuses, such as WhatsApp.
	Product string
	// Address is where the API is, with its version.
	Address string
	// Token proves who asks. AppSecret is what Meta signs with, VerifyToken what it repeats when it
	// asks whether an address is one to post to; each may be empty, and nothing is taken then.
	Token, AppSecret, VerifyToken secret.String
	Deps                          providers.Deps
	Line                          *line.Line
	// Means is what a problem means for a message; known is false where only the status of the
	// answer says.
	Means func(e *Problem) (m Meaning, known bool)
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

// Meaning is what a code of the Graph API means for a message.
type Meaning struct {
	Kind   providers.ErrorKind
	Bounce providers.BounceKind
	// After is how long to wait at least; 0 for what the answer says.
	After time.Duration
	// Closed says that they have not written lately (providers.Error.WindowClosed).
	Closed bool
	// Advice is what a person can do.
	Advice string
}

// Open makes an API ready.
func Open(a API) *API {
	a.scrub = line.Scrub(append(a.Deps.Taken("app_secret", a.AppSecret), a.Token, a.VerifyToken)...)
	return &a
}

// Scrub takes the secrets out of what the other side says.
func (a *API) Scrub(said string) string { return a.scrub(said) }

// Request is one to a place of the API.
func (a *API) Request(ctx context.Context, method, place string, query url.Values) (*http.Request, error) {
	address := strings.TrimSuffix(a.Address, "/") + "/" + place
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	r, err := line.Request(ctx, method, address, "api")
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+a.Token.Reveal())
	}
	return r, err
}

// maxList is how much of a list is read, in bytes: templates are some kilobytes each.
const maxList = 8 << 20

// Look reads something of the API. Nothing is sent by it, so that nothing is in doubt.
func (a *API) Look(ctx context.Context, place string, query url.Values, into any) error {
	err := a.Line.Look(ctx, func(ctx context.Context) (*http.Request, error) { return a.Request(ctx, http.MethodGet, place, query) },
		func(answer *http.Response) error {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, maxList))
			if failure := a.Refusal(answer, string(text)); failure != nil {
				return failure
			}
			if json.Unmarshal(text, into) != nil {
				return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer is not the Graph API's: check config.api")}
			}
			return nil
		})
	if err == nil {
		return nil
	}
	failure := *providers.AsError(err)
	if failure.Kind == providers.ErrorInDoubt {
		failure.Kind = providers.ErrorTemporary
	}
	return &failure
}

// Problem is what the Graph API says of an error, in an answer and in a webhook. Its title and
// message change without notice, so that only the code says what it means.
type Problem struct {
	Code    *int   `json:"code"`
	Subcode int    `json:"error_subcode"`
	Title   string `json:"title"`
	Message string `json:"message"`
	Href    string `json:"href"`
	// Transient says that the same request may pass later.
	Transient bool `json:"is_transient"`
	Data      struct {
		Details string `json:"details"`
	} `json:"error_data"`
}

// Said is what a problem says in words: the details, which say what is wrong with this request,
// behind the title.
func (e *Problem) Said() string {
	said := e.Message
	if said == "" {
		said = e.Title
	}
	if details := e.Data.Details; details != "" && details != said {
		if said != "" {
			said += ": "
		}
		said += details
	}
	return said
}

// Refusal is what an answer means that is none of a request that was taken; nil if it is one.
func (a *API) Refusal(answer *http.Response, text string) *providers.Error {
	var said struct {
		Error *Problem `json:"error"`
	}
	if json.Unmarshal([]byte(text), &said) != nil || said.Error == nil {
		return a.foreign(answer, text)
	}
	failure := providers.ClassifyHTTP(max(answer.StatusCode, http.StatusBadRequest), answer.Header, a.Deps.Clock.Now())
	m, known := a.Means(said.Error)
	if known {
		failure.Kind, failure.Bounce, failure.WindowClosed = m.Kind, m.Bounce, m.Closed
		failure.RetryAfter = max(failure.RetryAfter, m.After)
	} else if said.Error.Transient {
		failure.Kind, failure.Bounce = providers.ErrorTemporary, ""
	}
	if said.Error.Code != nil {
		failure.Code = strconv.Itoa(*said.Error.Code)
	}
	words := "refused by " + a.Product
	if quoted := line.Quote(a.scrub(said.Error.Said())); quoted != "" {
		words += ": " + quoted
	}
	if m.Advice != "" {
		words += "; " + m.Advice
	}
	failure.Err = errors.New(words)
	return failure
}

// foreign is what an answer means that is not in the Graph API's words: somebody else's. nil is
// an answer that refuses nothing.
func (a *API) foreign(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, a.Deps.Clock.Now())
	switch {
	case failure == nil:
		return nil
	}
	return line.Foreign(failure, answer, "the words of the Graph API", a.scrub(text))
}
