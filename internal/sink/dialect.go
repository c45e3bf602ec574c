package sink

import (
	"io"
	"net/http"
	"slices"
)

// Dialect has an HTTP receiver speak a provider's own API: it reads one request, of
// which body is the whole. It is called by many goroutines at once.
type Dialect func(r *http.Request, body []byte) Exchange

// Exchange is what a Dialect makes of one request.
type Exchange struct {
	// Messages are Carillon's ids of the messages that the request asks the provider
	// to take, in their order; none if it asks for something else, such as an access
	// token, or is turned away before anybody looks at them.
	Messages []int64
	// Reply answers it. verdicts are what became of each of Messages.
	Reply func(w http.ResponseWriter, verdicts []Answer)
}

// speak serves one request in the receiver's dialect.
func (s *HTTP) speak(w http.ResponseWriter, r *http.Request) {
	o := &s.options
	began := s.began()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked has left
	}
	e := o.Dialect(r, body)
	if len(e.Messages) == 0 {
		e.Reply(w, nil)
		return
	}
	if o.Seen != nil {
		o.Seen(Delivery{ID: e.Messages[0], Header: r.Header.Clone(), Body: body})
	}
	verdicts := make([]Answer, len(e.Messages))
	for i, id := range e.Messages {
		s.askedFor(id, began)
		if n := s.asked.Add(1); o.Answer != nil {
			verdicts[i] = o.Answer(n, id)
		}
	}
	for _, a := range verdicts {
		if !o.wait(a, s.done) {
			hangUp(w, r) // to return would be an answer
			return
		}
	}
	if dropped(verdicts, BeforeAccepting) {
		hangUp(w, r)
		return
	}
	for i, a := range verdicts {
		if a.accepts() {
			s.arrived(e.Messages[i])
		}
	}
	switch a := verdicts[0]; {
	case dropped(verdicts, AfterAccepting):
		hangUp(w, r)
	case a.Code != 0 && alike(verdicts):
		a.write(w)
	default:
		e.Reply(w, verdicts)
	}
}

func dropped(verdicts []Answer, when Drop) bool {
	return slices.ContainsFunc(verdicts, func(a Answer) bool { return a.Drop == when })
}

// alike reports whether the whole of a request has one answer.
func alike(verdicts []Answer) bool {
	return !slices.ContainsFunc(verdicts, func(a Answer) bool { return a.Code != verdicts[0].Code || a.Text != verdicts[0].Text })
}
