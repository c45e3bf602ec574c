// Package ses owns the adapter for Amazon SES: e-mail goes out through the API of version 2, many
// messages in a request where it can carry them, and what becomes of it is read from what SNS
// posts. It must not know campaigns, nor who else sends through the same account.
package ses

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// maxBatch is the most messages of one request (the SES API's SendBulkEmail).
const maxBatch = 50

// Kind describes Amazon SES.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "ses", Title: "E-mail (Amazon SES)",
		Description: "Hands e-mail to Amazon SES, up to 50 messages in a request. Subscribe the address of /hooks/{channel_id} to an SNS topic that a " +
			"configuration set publishes to, for deliveries, bounces, complaints and rejects; Carillon confirms the subscription by itself.",
		Capabilities: providers.Capabilities{
			Address: providers.Email, Subject: true, HTML: true, Receipts: true, GivesID: true, EchoesID: true, MaxBatch: maxBatch,
			Uploads: providers.FileWithin, Files: providers.AnyFile("", mostAttached),
		},
	}, check, open)
	k.MostRequests = line.Requests
	k.Sender = mail.Said(func(c Config) string { return c.From })
	k.SenderDomain = mail.Said(func(c Config) string { return mail.Domain(c.From) })
	k.Server = mail.Said(func(c Config) string { return "email-smtp." + c.Region + ".amazonaws.com" })
	return k
}

// Provider sends e-mail through an account's SES in one region.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	signer *v4.Signer
	topic  *topic
	// scrub takes the secrets out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	return &Provider{
		config: c, deps: deps, scrub: line.Scrub(c.SecretAccessKey), signer: v4.NewSigner(),
		line:  line.New(deps, c.MaxConnections, time.Duration(c.TimeoutMS)*time.Millisecond),
		topic: newTopic(c.TopicARN, fetch.New(deps.Dialer), deps.Clock),
	}, nil
}

// Send is a batch of one.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	r := p.SendBatch(ctx, []providers.Message{m})[0]
	return r.Accepted, r.Err
}

// request is one of a call, signed for its body (Signature Version 4). The library signs alone: the
// SDK's clients would look for credentials in the environment, ask again by themselves, and not say
// how far a request came.
func (p *Provider) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	r, err := line.Request(ctx, method, p.config.endpoint()+path, "api")
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	sum := sha256.Sum256(body)
	key := aws.Credentials{AccessKeyID: p.config.AccessKeyID, SecretAccessKey: p.config.SecretAccessKey.Reveal()}
	if err := p.signer.SignHTTP(ctx, key, r, hex.EncodeToString(sum[:]), "ses", p.config.Region, p.deps.Clock.Now()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return r, nil
}

// account is what SES says of an account (GetAccount), as far as it is read.
type account struct {
	ProductionAccessEnabled *bool
	SendingEnabled          bool
	EnforcementStatus       string
	SendQuota               struct{ Max24HourSend, MaxSendRate, SentLast24Hours float64 }
}

// Check looks whether SES takes the access key, whether the account may send, and whether it may
// send as config.from. It sends nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.Inform(ctx)
	return err
}

// Inform is Check, and says how much the account may send.
func (p *Provider) Inform(ctx context.Context) (string, error) {
	var a account
	if err := p.look(ctx, "/account", &a); err != nil {
		return "", err
	}
	switch {
	case a.ProductionAccessEnabled == nil:
		return "", &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Amazon SES: check config.api")}
	case !a.SendingEnabled:
		return "", &providers.Error{Kind: providers.ErrorAccount, Err: errors.New("sending is paused for the account in this region: the SES console says why")}
	}
	if err := p.identity(ctx); err != nil {
		return "", err
	}
	return a.says(), nil
}

// says is what people want to know of an account.
func (a *account) says() string {
	q := a.SendQuota
	text := fmt.Sprintf("The account may send %.0f mails in 24 hours (%.0f sent) and %g a second.", q.Max24HourSend, q.SentLast24Hours, q.MaxSendRate)
	if q.Max24HourSend < 0 { // -1 is no bound
		text = fmt.Sprintf("The account may send %g mails a second.", q.MaxSendRate)
	}
	if !*a.ProductionAccessEnabled {
		text += " It is in the sandbox: SES sends to verified addresses alone until it grants production access."
	}
	if a.EnforcementStatus == "PROBATION" {
		text += " SES has put it under review: look at the reputation in its console."
	}
	return text
}

// identity looks whether the account may send as config.from: its domain is verified, or the
// address itself.
func (p *Provider) identity(ctx context.Context) error {
	for _, name := range []string{mail.Domain(p.config.From), p.config.From} {
		var known struct{ VerifiedForSendingStatus bool }
		err := p.look(ctx, "/identities/"+url.PathEscape(name), &known)
		var failure *providers.Error
		switch {
		case err == nil && known.VerifiedForSendingStatus:
			return nil
		case errors.As(err, &failure) && failure.Code == notFound:
		case err != nil:
			return err
		}
	}
	return &providers.Error{Kind: providers.ErrorSender,
		Err: fmt.Errorf("neither %s nor its domain is a verified identity in %s: verify one there, or correct config.from", p.config.From, p.config.Region)}
}

// look asks for something and reads it into an answer.
func (p *Provider) look(ctx context.Context, path string, into any) error {
	return p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/v2/email"+path, nil)
	}, func(answer *http.Response) error {
		text := line.Text(answer)
		if failure := p.failure(answer, text); failure != nil {
			return failure
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Amazon SES: check config.api")}
		}
		return nil
	})
}

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return errors.Join(p.line.Close(), p.topic.close()) }
