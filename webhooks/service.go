package webhooks

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Service is what people can ask of webhooks. It is safe for concurrent use.
type Service struct {
	store Store
	clock clock.Clock
}

// NewService makes the service.
func NewService(store Store, c clock.Clock) *Service { return &Service{store, c} }

// newSecret makes a secret to sign with, of 32 random bytes.
func newSecret() (secret.String, error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return secret.String{}, fault.Wrap(fault.Internal, "make secret", err)
	}
	return secret.New("whsec_" + base64.StdEncoding.EncodeToString(random)), nil
}

// Create keeps a webhook that somebody sets. The second result is its secret, which can't be had
// again.
func (s *Service) Create(ctx context.Context, w Webhook, by string) (Webhook, secret.String, error) {
	if err := w.check(); err != nil {
		return w, secret.String{}, err
	}
	key, err := newSecret()
	if err != nil {
		return w, key, err
	}
	w.Secrets, w.State = []secret.String{key}, On
	w.SecretsSet = secret.Record{}.After(nil, w.secrets(), s.given(by))
	w, err = s.store.CreateWebhook(ctx, w, maxWebhooks)
	return w, key, err
}

func (s *Service) given(by string) secret.Given { return secret.GivenAt(s.clock.Now(), by) }

// Change says of which webhook something is changed, and by whom.
type Change struct {
	AccountID, ID int64
	By            string
}

// Update changes a webhook.
func (s *Service) Update(ctx context.Context, of Change, change func(*Webhook) error) (Webhook, error) {
	return s.store.UpdateWebhook(ctx, of.AccountID, of.ID, func(w *Webhook) error {
		was, where, headers, secrets := w.State, w.URL, w.Headers, w.secrets()
		w.Headers = nil
		if err := change(w); err != nil {
			return err
		}
		if w.Headers == nil {
			// What was given for one address is not to be had by naming another.
			if origin(where) != origin(w.URL) && len(headers) > 0 {
				return fault.InvalidField("headers", nil, "the address is another server's: give the headers again, or {} for none")
			}
			w.Headers = headers
		}
		w.SecretsSet = w.SecretsSet.After(secrets, w.secrets(), s.given(of.By))
		if w.State != was {
			w.Reason, w.FailingSince = "", nil
		}
		return w.check()
	})
}

// origin is what of an address says whose server it is.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// Rotation is how a webhook gets another secret.
type Rotation struct {
	Change
	// Overlap is for how long the one before signs along; 0 is until the next rotation.
	Overlap time.Duration
	// Leaked has the one before be void at once.
	Leaked bool
}

// Rotate gives a webhook another secret. The one before signs along until its time is over, so
// that the program can change over whenever it likes, and one before that no more.
func (s *Service) Rotate(ctx context.Context, r Rotation) (Webhook, secret.String, error) {
	key, err := newSecret()
	if err == nil {
		err = secret.CheckOverlap(r.Overlap)
	}
	if err == nil && r.Leaked && r.Overlap > 0 {
		err = fault.InvalidField("overlap_seconds", int64(r.Overlap.Seconds()), "is not for a secret that has leaked, which is void at once: leave one of them out")
	}
	if err != nil {
		return Webhook{}, secret.String{}, err
	}
	w, err := s.store.UpdateWebhook(ctx, r.AccountID, r.ID, func(w *Webhook) error {
		before := w.secrets()
		w.EndOverlap()
		if r.Leaked {
			w.Secrets = nil
		}
		w.Secrets = append([]secret.String{key}, w.Secrets...)
		if r.Overlap > 0 {
			ends := s.clock.Now().Add(r.Overlap)
			w.SecretEndsAt = &ends
		}
		w.SecretsSet = w.SecretsSet.After(before, w.secrets(), s.given(r.By))
		return nil
	})
	return w, key, err
}

// EndOverlap has the secret before the last rotation sign no more. A webhook with one secret
// stays as it is.
func (s *Service) EndOverlap(ctx context.Context, accountID, id int64) (Webhook, error) {
	return s.store.UpdateWebhook(ctx, accountID, id, func(w *Webhook) error {
		w.EndOverlap()
		return nil
	})
}

// Get is one webhook.
func (s *Service) Get(ctx context.Context, accountID, id int64) (Webhook, error) {
	return s.store.GetWebhook(ctx, accountID, id)
}

// List lists webhooks behind the id after.
func (s *Service) List(ctx context.Context, accountID, after int64, limit int) ([]Webhook, error) {
	return s.store.ListWebhooks(ctx, accountID, after, limit)
}

// Delete ends a webhook; nothing is told it any more.
func (s *Service) Delete(ctx context.Context, accountID, id int64) error {
	return s.store.DeleteWebhook(ctx, accountID, id)
}

// Test tells a webhook something that did not happen.
func (s *Service) Test(ctx context.Context, accountID, id int64) (Delivery, error) {
	w, err := s.store.GetWebhook(ctx, accountID, id)
	if err != nil {
		return Delivery{}, err
	}
	if w.State != On {
		return Delivery{}, fault.New(fault.Conflict, "webhook %d is %s: switch it on first", id, w.State)
	}
	if w.Format != Own {
		return Delivery{}, fault.New(fault.Conflict, "webhook %d is told in the words of %s, which knows no test", id, w.Format)
	}
	text, err := json.Marshal(Occurrence{ID: "evt_test", Version: Version, Type: Test, Timestamp: s.clock.Now(), Data: json.RawMessage(`{"text":"It works."}`)})
	if err != nil {
		return Delivery{}, fault.Wrap(fault.Internal, "write test", err)
	}
	return s.store.AddDelivery(ctx, accountID, id, string(text))
}

// Deliveries lists requests, newest first.
func (s *Service) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	if _, err := s.store.GetWebhook(ctx, f.AccountID, f.WebhookID); err != nil {
		return nil, err
	}
	return s.store.ListDeliveries(ctx, f)
}

// Delivery is one request.
func (s *Service) Delivery(ctx context.Context, accountID, webhookID, id int64) (Delivery, error) {
	return s.store.GetDelivery(ctx, accountID, webhookID, id)
}

// Replay has a request made again.
func (s *Service) Replay(ctx context.Context, accountID, webhookID, id int64) (Delivery, error) {
	return s.store.ReplayDelivery(ctx, accountID, webhookID, id)
}

// mostReplayed bounds how many requests are made again at a time: what comes waits behind.
const mostReplayed = 10_000

// ReplayAll has the requests made again that a filter selects, oldest first and behind what
// waits, each once however often it was made; it returns how many. With dry it counts them.
func (s *Service) ReplayAll(ctx context.Context, f ReplayFilter, dry bool) (int, error) {
	var wrong []fault.Field
	if f.State == Pending {
		wrong = append(wrong, fault.Field{Location: "state", Value: f.State, Message: "what is pending is made by itself: delivered or failed"})
	}
	if f.Event != "" && !slices.Contains(append(Events(), Test), f.Event) {
		wrong = append(wrong, fault.Field{Location: "event", Value: f.Event, Message: "there is no such event; there are " + joined(Events())})
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		wrong = append(wrong, fault.Field{Location: "to", Value: f.To, Message: "is not after from"})
	}
	if len(wrong) > 0 {
		return 0, fault.InvalidFields(wrong)
	}
	return s.store.ReplayDeliveries(ctx, f, mostReplayed, dry)
}
