// Package apns owns the adapter for Apple's push service (APNs): notifications go to the devices
// of an app, over HTTP/2, with tokens that a key of the developer account signs. It must not know
// how an app shows them.
package apns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
	"carillon/providers/line"
)

// maxText leaves a quarter of what goes in a notification for the title and addresses.
const maxText = 3000

// Kind describes Apple's push service.
func Kind() providers.Kind {
	k := providers.Define(providers.Kind{
		Name: "apns", Title: "Apple Push Notification service",
		Description: "Sends notifications to the devices of an app on iOS, iPadOS, macOS and watchOS: title, text, link. " +
			"A contact's push address is the device token that the app gets from Apple. Where there are Android devices, too, Firebase reaches both.",
		Capabilities: providers.Capabilities{
			Address: providers.Push, Subject: true, MaxTextBytes: maxText, GivesID: true, Media: true,
			Buttons: []providers.ButtonType{providers.ButtonLink},
		},
	}, check, open)
	k.MostRequests = func(raw json.RawMessage) int {
		var c Config
		if providers.DecodeConfig(raw, &c) != nil || c.MaxRequests == 0 {
			return line.MostRequests
		}
		return c.MaxRequests
	}
	return k
}

// Provider sends notifications to the devices of an app.
type Provider struct {
	// config is behind a pointer because fmt prints what is in an unexported field
	// without asking it, secrets too.
	config *Config
	deps   providers.Deps
	line   *line.Line
	tokens *line.Signed
	// scrub takes the key out of what the other side says.
	scrub func(string) string
}

func open(c *Config, deps providers.Deps) (providers.Provider, error) {
	private, err := key(c.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("read config.private_key: %w", err)
	}
	return &Provider{
		config: c, deps: deps, line: line.NewShared(deps, c.MaxRequests, time.Duration(c.TimeoutMS)*time.Millisecond),
		tokens: newTokens(c, private, deps), scrub: line.Scrub(line.Key(c.PrivateKey)...),
	}, nil
}

// id is the UUID of a message (RFC 9562, version 8): the same on every try.
func (p *Provider) id(messageID int64) string {
	sum := sha256.Sum256([]byte(p.deps.UniqueID(messageID)))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// priorities are Apple's, by the urgency.
var priorities = map[string]string{"high": "10", "normal": "5", "low": "1"}

// Send asks Apple to take one notification.
func (p *Provider) Send(ctx context.Context, m providers.Message) (providers.Accepted, error) {
	body, refused := p.outbound(&m)
	if refused != nil {
		return providers.Accepted{}, refused
	}
	id := p.id(m.ID)
	return p.line.Ask(ctx, line.Asking{
		Message: &m,
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx, m.To)
			if err != nil {
				return nil, nil, err
			}
			r.Header.Set("Apns-Id", id)
			r.Header.Set("Apns-Expiration", strconv.FormatInt(p.deps.Clock.Now().Unix()+int64(p.config.ExpiresS), 10))
			r.Header.Set("Apns-Priority", priorities[p.config.Urgency])
			if p.config.CollapseID != "" {
				r.Header.Set("Apns-Collapse-Id", p.config.CollapseID)
			}
			return r, body, nil
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			if failure := p.failure(answer, line.Text(answer)); failure != nil {
				return providers.Accepted{}, failure
			}
			if !strings.EqualFold(answer.Header.Get("Apns-Id"), id) {
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorInDoubt,
					Err: errors.New("the answer names no notification of ours, so that nobody knows what became of the request: check config.api")}
			}
			return providers.Accepted{ProviderID: id, Response: answer.Status}, nil
		},
	})
}

// request is one for a device.
func (p *Provider) request(ctx context.Context, device string) (*http.Request, error) {
	r, err := line.Request(ctx, http.MethodPost, strings.TrimSuffix(p.config.API, "/")+"/3/device/"+url.PathEscape(device), "api")
	if err != nil {
		return nil, err
	}
	token, err := p.tokens.Token()
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "bearer "+token)
	r.Header.Set("Apns-Topic", p.config.Topic)
	r.Header.Set("Apns-Push-Type", "alert")
	return r, nil
}

// nobody is no device's token.
var nobody = strings.Repeat("0", 64)

// Check notifies a device that there is not, which Apple says to who may notify others. It sends
// nothing.
func (p *Provider) Check(ctx context.Context) error {
	_, err := p.line.Ask(ctx, line.Asking{
		Message: &providers.Message{},
		Request: func(ctx context.Context) (*http.Request, []byte, error) {
			r, err := p.request(ctx, nobody)
			return r, []byte(`{"aps":{"alert":"check"}}`), err
		},
		Read: func(answer *http.Response) (providers.Accepted, error) {
			switch failure := p.failure(answer, line.Text(answer)); {
			case failure == nil:
				return providers.Accepted{}, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Apple's: check config.api")}
			case failure.Code == badToken:
				return providers.Accepted{}, nil
			default:
				return providers.Accepted{}, failure
			}
		},
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

// Close closes the idle connections; no request is under way.
func (p *Provider) Close() error { return p.line.Close() }
