package ses

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"carillon/internal/clock"
	"carillon/providers"
)

// Bounds of what a topic posts.
const (
	// oldest is for how long a message is taken after it was published: SNS tries to post it for an
	// hour at most ("Amazon SNS message delivery retries", HTTP/S), and clocks differ.
	oldest = 2 * time.Hour
	// ahead is how far SNS's clock may be before ours.
	ahead = 5 * time.Minute
	// maxDocument is how much is read of a certificate, and of the answer to a confirmation.
	maxDocument = 64 << 10
	// maxCertificates are kept: SNS exchanges its certificate once a year or so.
	maxCertificates = 8
	// someCertificates are how many are asked for in a minute: anybody can post an address of
	// one, and whoever waits is posted to again.
	someCertificates = 10
	// maxMessageID is for SNS's ids, which are UUIDs of 36 letters.
	maxMessageID = 64
)

// envelope is what SNS posts (its developer guide, "Parsing Amazon SNS message formats").
type envelope struct {
	Type, MessageID, TopicARN, Message, Timestamp string
	Subject                                       *string
	SignatureVersion, Signature                   string
	SigningCertURL, SubscribeURL, Token           string
}

// The types of envelopes.
const (
	notification = "Notification"
	confirmation = "SubscriptionConfirmation"
	farewell     = "UnsubscribeConfirmation"
)

// documents are how certificates are read, and subscriptions confirmed.
type documents interface {
	Document(ctx context.Context, address string, most int) ([]byte, error)
	Close()
}

// topic checks what one SNS topic posts. It is safe for concurrent use.
type topic struct {
	arn string
	// host is SNS in the topic's region, the only one that is asked.
	host      string
	documents documents
	clock     clock.Clock
	// asking is held by the one who asks for a certificate.
	asking chan struct{}
	limit  *rate.Limiter

	mu    sync.Mutex
	known map[string]*x509.Certificate
}

func newTopic(arn string, d documents, c clock.Clock) *topic {
	t := &topic{arn: arn, documents: d, clock: c, asking: make(chan struct{}, 1), known: map[string]*x509.Certificate{},
		limit: rate.NewLimiter(rate.Every(time.Minute/someCertificates), someCertificates)}
	if parts := topics.FindStringSubmatch(arn); parts != nil {
		t.host = "sns." + parts[2] + "." + domainOf(parts[1])
	}
	return t
}

func (t *topic) close() error {
	t.documents.Close()
	return nil
}

// foreign is an error of what shows not that it is the topic's.
func foreign(format string, args ...any) *providers.Error {
	return &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf(format, args...)}
}

// certificates is the form of the path of SNS's certificates.
var certificates = regexp.MustCompile(`^/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem$`)

// open reads what was posted, as far as that can be told without its signature: an envelope of the
// topic's, not too old, whose addresses are SNS's.
func (t *topic) open(body []byte) (*envelope, error) {
	var e envelope
	switch err := json.Unmarshal(body, &e); {
	case t.arn == "":
		return nil, foreign("what is reported is refused because the channel has no topic: set config.topic_arn")
	case err != nil:
		return nil, foreign("the body is no message of SNS's, so that nothing shows whose it is: leave raw message delivery off")
	case e.TopicARN != t.arn:
		return nil, foreign("the message is not of the topic of config.topic_arn")
	case e.Type != notification && e.Type != confirmation && e.Type != farewell:
		return nil, foreign("the type of the message is none of SNS's")
	case e.MessageID == "" || len(e.MessageID) > maxMessageID:
		return nil, foreign("the message has no id of SNS's")
	}
	// What is signed is lines: one that has another in it could be read in two ways.
	for _, line := range []string{e.MessageID, e.Timestamp, e.SubscribeURL, e.Token, e.SigningCertURL} {
		if strings.ContainsAny(line, "\r\n") {
			return nil, foreign("the message holds a line break where SNS has none")
		}
	}
	if at, ok := t.address(e.SigningCertURL); !ok || !certificates.MatchString(at.EscapedPath()) || at.RawQuery != "" {
		return nil, foreign("the certificate is not at %s", t.host)
	}
	if e.Type == confirmation {
		if _, ok := t.address(e.SubscribeURL); !ok {
			return nil, foreign("the subscription is not confirmed at %s", t.host)
		}
	}
	at, err := time.Parse(time.RFC3339, e.Timestamp)
	if err != nil {
		return nil, foreign("the message has no time of SNS's")
	}
	if age := t.clock.Now().Sub(at); age > oldest || age < -ahead {
		return nil, foreign("the message is of %s, and this server's clock says %s: SNS posts none that is older than an hour; set the clock if it is wrong",
			at.UTC().Format(time.RFC3339), t.clock.Now().UTC().Format(time.RFC3339))
	}
	return &e, nil
}

// address reads an address of SNS's in the topic's region.
func (t *topic) address(text string) (*url.URL, bool) {
	at, err := url.Parse(text)
	return at, err == nil && at.Scheme == "https" && at.Host == t.host && at.User == nil && at.Fragment == ""
}

// signed is what SNS signs of an envelope (its developer guide, "Verifying the signatures of Amazon
// SNS messages"): names and values in lines, in the alphabet's order.
func (e *envelope) signed() []byte {
	fields := []string{"Message", e.Message, "MessageId", e.MessageID}
	switch {
	case e.Type != notification:
		fields = append(fields, "SubscribeURL", e.SubscribeURL)
	case e.Subject != nil:
		fields = append(fields, "Subject", *e.Subject)
	}
	fields = append(fields, "Timestamp", e.Timestamp)
	if e.Type != notification {
		fields = append(fields, "Token", e.Token)
	}
	fields = append(fields, "TopicArn", e.TopicARN, "Type", e.Type)
	return []byte(strings.Join(fields, "\n") + "\n")
}

// algorithms are those of the versions of signatures.
var algorithms = map[string]x509.SignatureAlgorithm{"1": x509.SHA1WithRSA, "2": x509.SHA256WithRSA}

// verify checks an envelope's signature with a certificate that is known.
func (t *topic) verify(e *envelope) error {
	c := t.certificate(e.SigningCertURL)
	if c == nil {
		return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("SNS's certificate is not there")}
	}
	algorithm, known := algorithms[e.SignatureVersion]
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if !known || err != nil || c.CheckSignature(algorithm, e.signed(), signature) != nil {
		return foreign("the signature of the message is not right")
	}
	return nil
}

// certificate is one that is known, and holds now; nil if there is none.
func (t *topic) certificate(address string) *x509.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.known[address]
	if now := t.clock.Now(); c == nil || now.Before(c.NotBefore) || now.After(c.NotAfter) {
		return nil
	}
	return c
}

// learn has the certificate known that an envelope is signed with. TLS shows whose it is: it comes
// from SNS's own host.
func (t *topic) learn(ctx context.Context, address string) error {
	if t.certificate(address) != nil {
		return nil
	}
	select {
	case t.asking <- struct{}{}:
		defer func() { <-t.asking }()
	case <-ctx.Done():
		return later(ctx.Err())
	}
	if t.certificate(address) != nil {
		return nil // somebody was sooner
	}
	if !t.limit.AllowN(t.clock.Now(), 1) {
		return later(errors.New("too many were asked for in the last minute"))
	}
	text, err := t.documents.Document(ctx, address, maxDocument)
	if err != nil {
		return later(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return later(errors.New("what is there is none"))
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return later(errors.New("what is there can't be read"))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= maxCertificates {
		clear(t.known)
	}
	t.known[address] = c
	return nil
}

// later says that SNS's certificate can't be had now.
func later(err error) *providers.Error {
	return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("read SNS's certificate: %w", err)}
}

// prepare does all of an envelope for which SNS must be asked: its certificate, and the
// confirmation of a subscription.
func (t *topic) prepare(ctx context.Context, body []byte) error {
	e, err := t.open(body)
	if err != nil {
		return err
	}
	if err := t.learn(ctx, e.SigningCertURL); err != nil || e.Type != confirmation {
		return err
	}
	if err := t.verify(e); err != nil {
		return err
	}
	if _, err := t.documents.Document(ctx, e.SubscribeURL, maxDocument); err != nil {
		return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("confirm the subscription: %w", err)}
	}
	return nil
}

// read is an envelope that is the topic's. It asks nobody.
func (t *topic) read(body []byte) (*envelope, error) {
	e, err := t.open(body)
	if err != nil {
		return nil, err
	}
	return e, t.verify(e)
}
