package vonage

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// posted is what Vonage posts: what became of a message, which has a status, or what somebody
// wrote.
type posted struct {
	ID        string   `json:"message_uuid"`
	Channel   string   `json:"channel"`
	From      string   `json:"from"`
	To        string   `json:"to"`
	Timestamp string   `json:"timestamp"`
	Status    string   `json:"status"`
	Ref       string   `json:"client_ref"`
	Error     *problem `json:"error"`
	Type      string   `json:"message_type"`
	Text      string   `json:"text"`
}

// claims are what Vonage signs.
type claims struct {
	jwt.RegisteredClaims
	// Hash is the SHA-256 of the body, in hexadecimal digits.
	Hash string `json:"payload_hash"`
}

// read checks who posts, and reads what.
func (p *Provider) read(header http.Header, body []byte) (of posted, err error) {
	if wrong := p.forged(header, body); wrong != nil {
		return of, &providers.Error{Kind: providers.ErrorAuth, Err: wrong}
	}
	if err := json.Unmarshal(body, &of); err != nil {
		return of, &providers.Error{Kind: providers.ErrorContent, Err: errors.New("the body can't be read: it is not JSON of Vonage's")}
	}
	return of, nil
}

// forged says why a request is not taken for Vonage's; nil for one that is. When it was signed
// does not matter: what is posted again has the same id, and moves nothing twice.
func (p *Provider) forged(header http.Header, body []byte) error {
	taken := p.deps.Taken("signature_secret", p.config.SignatureSecret)
	token, bearer := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	switch {
	case len(taken) == 0:
		return errors.New("config.signature_secret is not set, with which Vonage signs")
	case !bearer:
		return errors.New("there is no Authorization with a Bearer token of Vonage's")
	}
	hash := sha256.Sum256(body)
	for _, key := range taken {
		if said, ok := p.signed(token, key); ok {
			if subtle.ConstantTimeCompare([]byte(strings.ToLower(said.Hash)), []byte(hex.EncodeToString(hash[:]))) == 1 {
				return nil
			}
			return errors.New("the signed payload_hash is another body's")
		}
	}
	return errors.New("the token is not signed with config.signature_secret")
}

// signed are the claims of a token that a secret has signed.
func (p *Provider) signed(token string, key secret.String) (c claims, ok bool) {
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return []byte(key.Reveal()), nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithTimeFunc(p.deps.Clock.Now))
	return c, err == nil
}

// arrived are the words that say more than that a message is on its way.
var arrived = map[string]providers.ReceiptStatus{
	"delivered":     providers.ReceiptDelivered,
	"read":          providers.ReceiptRead,
	"rejected":      providers.ReceiptFailed,
	"undeliverable": providers.ReceiptFailed,
}

// ParseCallback reads what became of a message.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	of, err := p.read(header, body)
	if err != nil {
		return nil, err
	}
	became, known := arrived[of.Status]
	if !known {
		return nil, nil
	}
	r := providers.Receipt{ProviderID: of.ID, MessageID: p.deps.MessageOf(of.Ref), Status: became, At: at(of.Timestamp)}
	if !providers.Key(r.ProviderID) {
		return nil, providers.Refused{providers.NoKey("message_uuid", r.ProviderID)}
	}
	if became == providers.ReceiptFailed {
		p.explain(&r, of)
	}
	return []providers.Receipt{r}, nil
}

// explain says why a message did not arrive.
func (p *Provider) explain(r *providers.Receipt, of posted) {
	r.Code = of.Status
	if of.Error == nil {
		return
	}
	if code := p.clean(of.Error.code()); code != "" {
		r.Code = code
	}
	m := meanings[r.Code]
	if m.kind == providers.ErrorRecipient {
		r.Status, r.Bounce = providers.ReceiptRejected, m.bounce
	}
	r.Detail = m.words
	if said := line.Quote(p.clean(of.Error.said())); said != "" {
		r.Detail = strings.TrimPrefix(m.words+"; "+said, "; ")
	}
}

// at reads a time in the two forms in which Vonage writes it; zero where it is none.
func at(said string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05 MST"} {
		if t, err := time.Parse(form, said); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// plain is a number as Vonage writes it.
var plain = regexp.MustCompile(`^[1-9][0-9]{4,14}$`)

// ParseReplies reads what somebody wrote to the channel's number.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	of, err := p.read(header, body)
	switch {
	case err != nil:
		return nil, err
	case of.Status != "" || of.Type != "text" || of.Channel != "sms" || p.elsewhere(of.To):
		return nil, nil
	case !providers.Key(of.ID):
		return nil, providers.Refused{providers.NoKey("message_uuid", of.ID)}
	case !plain.MatchString(of.From):
		return nil, providers.Refused{{Location: "from", Message: fmt.Sprintf("%q is no number", line.Quote(of.From))}}
	}
	return []providers.Reply{{ID: of.ID, From: "+" + of.From, Text: of.Text, At: at(of.Timestamp)}}, nil
}

// elsewhere reports whether it was another number that they wrote to: an application has one
// address for what comes in at all of its numbers. To a name nobody can write.
func (p *Provider) elsewhere(to string) bool {
	return !letters.MatchString(p.config.From) && to != "" && digits(to) != digits(p.config.From)
}

// RequestID is the message and its status, of which each is posted once: a repeat is known by
// them.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	var of posted
	if json.Unmarshal(body, &of) != nil || of.ID == "" {
		return ""
	}
	id := of.ID + ":" + of.Status
	if len(id) > mostRequestID || !providers.Key(id) {
		return ""
	}
	return id
}

// mostRequestID bounds a RequestID, in bytes.
const mostRequestID = 100
