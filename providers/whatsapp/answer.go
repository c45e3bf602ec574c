package whatsapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"carillon/providers"
	"carillon/providers/line"
)

// maxList is how much of a list is read, in bytes: templates are some kilobytes each.
const maxList = 8 << 20

// whole is what an answer says that may be long.
func whole(answer *http.Response) string {
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxList))
	return string(text)
}

// problem is what the Graph API says of an error, in an answer and in a webhook. Its title and
// message change without notice, so that only the code says what it means.
type problem struct {
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

// refusal is what an answer means that is none of a request that was taken; nil if it is one.
func (p *Provider) refusal(answer *http.Response, text string) *providers.Error {
	var a struct {
		Error *problem `json:"error"`
	}
	if json.Unmarshal([]byte(text), &a) != nil || a.Error == nil {
		return p.foreign(answer, text)
	}
	failure := providers.ClassifyHTTP(max(answer.StatusCode, http.StatusBadRequest), answer.Header, p.deps.Clock.Now())
	m, known := a.Error.means()
	if known {
		failure.Kind, failure.Bounce = m.kind, m.bounce
		failure.RetryAfter = max(failure.RetryAfter, m.after)
	} else if a.Error.Transient {
		failure.Kind, failure.Bounce = providers.ErrorTemporary, ""
	}
	if a.Error.Code != nil {
		failure.Code = strconv.Itoa(*a.Error.Code)
	}
	words := "refused by WhatsApp"
	if said := line.Quote(p.scrub(a.Error.said())); said != "" {
		words += ": " + said
	}
	if m.advice != "" {
		words += "; " + m.advice
	}
	failure.Err = errors.New(words)
	return failure
}

// said is what a problem says in words: the details, which say what is wrong with this request,
// behind the title.
func (e *problem) said() string {
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

// foreign is what an answer means that is not in the Graph API's words: somebody else's. nil is
// an answer that refuses nothing.
func (p *Provider) foreign(answer *http.Response, text string) *providers.Error {
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	switch {
	case failure == nil:
		return nil
	case answer.StatusCode/100 == 3:
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	}
	failure.Err = fmt.Errorf("%w, and not in the words of the Graph API: check config.api", failure.Err)
	if quoted := line.Quote(p.scrub(text)); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}
