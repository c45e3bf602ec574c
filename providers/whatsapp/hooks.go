package whatsapp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/graph"
	"carillon/providers/line"
)

// posted is what Meta posts: of several accounts and numbers in one request, each item read by
// itself, so that one of a form that nobody knew spoils none.
type posted struct {
	Entries []struct {
		Changes []struct {
			Field string `json:"field"`
			Value value  `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

type value struct {
	Metadata struct {
		PhoneNumberID string `json:"phone_number_id"`
	} `json:"metadata"`
	Statuses    []json.RawMessage `json:"statuses"`
	Messages    []json.RawMessage `json:"messages"`
	Preferences []json.RawMessage `json:"user_preferences"`
}

// loose is a text that comes as a number, too.
type loose string

// UnmarshalJSON reads either.
func (l *loose) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*l = loose(text)
		return nil
	}
	var n json.Number
	err := json.Unmarshal(raw, &n)
	*l = loose(n.String())
	return err
}

// instant reads seconds; zero for what is none.
func (l loose) instant() time.Time {
	seconds, err := strconv.ParseInt(string(l), 10, 64)
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// read checks who posts, and has what is about the channel's number, with its place.
func (p *Provider) read(header http.Header, body []byte, each func(place, field string, v *value)) error {
	var all posted
	if err := p.graph.Read(header, body, &all); err != nil {
		return err
	}
	for i := range all.Entries {
		for k := range all.Entries[i].Changes {
			c := &all.Entries[i].Changes[k]
			if c.Value.Metadata.PhoneNumberID == p.config.PhoneNumberID {
				each(fmt.Sprintf("entry[%d].changes[%d].value.", i, k), c.Field, &c.Value)
			}
		}
	}
	return nil
}

type status struct {
	ID        string          `json:"id"`
	Status    string          `json:"status"`
	Timestamp loose           `json:"timestamp"`
	Echo      string          `json:"biz_opaque_callback_data"`
	Errors    []graph.Problem `json:"errors"`
}

// told are the words that say more than that a message was sent.
var told = map[string]providers.ReceiptStatus{
	"delivered": providers.ReceiptDelivered,
	"read":      providers.ReceiptRead,
	"played":    providers.ReceiptRead, // a voice message
	"failed":    providers.ReceiptFailed,
}

// ParseCallback reads what became of messages.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	var receipts []providers.Receipt
	var refused providers.Refused
	err := p.read(header, body, func(place, _ string, v *value) {
		for i, raw := range v.Statuses {
			at := fmt.Sprintf("%sstatuses[%d]", place, i)
			var s status
			if wrong := graph.Item(at, raw, &s); wrong != nil {
				refused = append(refused, wrong...)
				continue
			}
			r, ours, wrong := p.receipt(at, &s)
			refused = append(refused, wrong...)
			if ours {
				receipts = append(receipts, r)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return receipts, refused.OrNil()
}

// receipt is a status as one; ours is false where it says nothing of a message of ours.
func (p *Provider) receipt(place string, s *status) (r providers.Receipt, ours bool, wrong providers.Refused) {
	kind, says := told[s.Status]
	if !says {
		return r, false, nil
	}
	r = providers.Receipt{Status: kind, At: s.Timestamp.instant()}
	if s.Echo != "" {
		// What others sent from the same number comes here, too.
		if r.MessageID = p.ownID(s.Echo); r.MessageID == 0 {
			return r, false, nil
		}
	} else if r.ProviderID = s.ID; !providers.Key(s.ID) {
		return r, false, providers.Refused{providers.NoKey(place+".id", s.ID)}
	}
	if kind == providers.ReceiptFailed {
		p.explain(&r, s.Errors)
	}
	return r, true, nil
}

// ownID is the message that an echo names; 0 where it is not one of this installation.
func (p *Provider) ownID(echo string) int64 {
	digits, _, _ := strings.Cut(echo, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 || p.deps.UniqueID(id) != echo {
		return 0
	}
	return id
}

// explain says why a message failed: by the table, as in answers.
func (p *Provider) explain(r *providers.Receipt, errs []graph.Problem) {
	if len(errs) == 0 {
		r.Code, r.Detail = string(providers.ReceiptFailed), "WhatsApp does not say why"
		return
	}
	e := &errs[0]
	if e.Code != nil {
		r.Code = strconv.Itoa(*e.Code)
	}
	switch m, known := means(e); {
	case !known:
	case m.Kind == providers.ErrorRecipient:
		r.Status, r.Bounce = providers.ReceiptRejected, m.Bounce
	case m.Kind.StopsChannel():
		r.Trouble = m.Kind
	}
	said := p.graph.Scrub(e.Said())
	if e.Href != "" {
		said += " " + p.graph.Scrub(e.Href)
	}
	if r.Detail = line.Quote(said); r.Code+r.Detail == "" {
		r.Code = string(providers.ReceiptFailed)
	}
}

// Challenge answers Meta's question whether the address is one that wants to be posted to.
func (p *Provider) Challenge(query url.Values) (string, error) { return p.graph.Challenge(query) }
