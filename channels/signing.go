package channels

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"carillon/channels/domains"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// mostKeys is how many signing keys a channel has at most: one in use, one that it replaced, one
// that waits for its record, and as many again for who tries things out.
const mostKeys = 6

// keyBits is the size of a key that is made: what RFC 8301 wants of signers, and the most whose
// record fits into what every name server's form takes. Ed25519 would be faster, and large
// mailbox providers don't check it yet.
const keyBits = 2048

// NewKey is a signing key to be made, or taken over.
type NewKey struct {
	AccountID, ChannelID int64
	// Selector is the name to publish it at; empty has one chosen.
	Selector string
	// Private is a key that exists already, in PEM form; empty has one made.
	Private secret.String
	By      string
}

// selectors are what a selector may be: labels of a name, with dots between.
var selectors = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?){0,3}$`)

// AddKey has a channel sign its mail (DKIM): with a key that is made, or the one that is given,
// or, where neither a key nor a selector is, that of another channel of the account with the
// same domain, so that one record serves both. Mail is signed with it from when CheckDomain
// finds its record; until then a key from before goes on. It is Invalid where the provider does
// not sign, and a Conflict where a key of the domain has the selector, or there are too many.
func (s *Service) AddKey(ctx context.Context, n NewKey) (DomainCheck, error) {
	given := n.Selector
	n.Selector = strings.ToLower(strings.TrimSpace(given))
	if n.Selector != "" && !selectors.MatchString(n.Selector) {
		return DomainCheck{}, fault.InvalidField("selector", given, "must be letters, digits and hyphens, such as news-2026")
	}
	c, err := s.signing(ctx, n.AccountID, n.ChannelID)
	if err != nil {
		return DomainCheck{}, err
	}
	key, err := s.keyFor(ctx, c, n)
	if err != nil {
		return DomainCheck{}, err
	}
	c, err = s.store.ChangeSigningKeys(ctx, c.AccountID, c.ID, func(keys []providers.SigningKey) ([]providers.SigningKey, error) {
		// Those of a domain that the channel sent from before sign nothing any more.
		keys = slices.DeleteFunc(keys, func(k providers.SigningKey) bool { return k.Domain != key.Domain })
		switch {
		case slices.ContainsFunc(keys, func(k providers.SigningKey) bool { return k.Selector == key.Selector }):
			return nil, fault.New(fault.Conflict, "there is a key with the selector %s already: choose another, because a name has one key, "+
				"or remove that one first", key.Selector)
		case len(keys) >= mostKeys:
			return nil, fault.New(fault.Conflict, "the channel has %d keys, and can have no more: remove those that sign nothing any more", len(keys))
		}
		return append(keys, key), nil
	})
	if err != nil {
		return DomainCheck{}, err
	}
	return s.Domain(ctx, c.AccountID, c.ID)
}

// keyFor is the key that a channel is to have.
func (s *Service) keyFor(ctx context.Context, c providers.Channel, n NewKey) (providers.SigningKey, error) {
	now := s.clock.Now()
	key := providers.SigningKey{Domain: c.SenderDomain, Selector: n.Selector, Private: n.Private, CreatedAt: now, CreatedBy: n.By}
	if n.Private.Empty() && n.Selector == "" {
		shared, err := s.sharedKey(ctx, c)
		if err != nil {
			return key, err
		}
		if shared.Domain != "" {
			key.Selector, key.Private, key.SignsSince = shared.Selector, shared.Private, shared.SignsSince
			return key, nil
		}
	}
	if key.Selector == "" {
		// The month tells people how old the key is, and the channel keeps two that are made in
		// one month for the same domain apart.
		key.Selector = fmt.Sprintf("carillon-%s-%d", now.Format("200601"), c.ID)
		for i := 2; slices.ContainsFunc(c.SigningKeys, func(k providers.SigningKey) bool { return k.Domain == key.Domain && k.Selector == key.Selector }); i++ {
			key.Selector = fmt.Sprintf("carillon-%s-%d-%d", now.Format("200601"), c.ID, i)
		}
	}
	if key.Private.Empty() {
		made, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			return key, fmt.Errorf("make a signing key: %w", err)
		}
		encoded, err := x509.MarshalPKCS8PrivateKey(made)
		if err != nil {
			return key, fmt.Errorf("encode a signing key: %w", err)
		}
		key.Private = secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})))
	}
	if _, err := key.Signer(); err != nil {
		return key, fault.InvalidField("private_key", nil, "%v", err)
	}
	return key, nil
}

// sharedKey is the key in use, or else the newest, of the account's other channels with the same
// sender's domain that this one has not; the zero one if there is none.
func (s *Service) sharedKey(ctx context.Context, of providers.Channel) (shared providers.SigningKey, err error) {
	for after := int64(0); ; {
		list, err := s.store.ListChannels(ctx, of.AccountID, after, channelsAtOnce)
		if err != nil {
			return shared, err
		}
		for _, c := range list {
			after = c.ID
			if c.ID == of.ID {
				continue
			}
			for _, k := range c.SigningKeys {
				has := slices.ContainsFunc(of.SigningKeys, func(own providers.SigningKey) bool { return own.Domain == k.Domain && own.Selector == k.Selector })
				if k.Domain == of.SenderDomain && !has && !k.SignsSince.Before(shared.SignsSince) {
					shared = k
				}
			}
		}
		if len(list) < channelsAtOnce {
			return shared, nil
		}
	}
}

// channelsAtOnce is how many channels are read together.
const channelsAtOnce = 200

// signing is a channel that signs its mail itself.
func (s *Service) signing(ctx context.Context, accountID, id int64) (providers.Channel, error) {
	c, err := s.store.GetChannel(ctx, accountID, id)
	if err != nil {
		return c, err
	}
	kind, err := s.known.Kind(c.Provider)
	if err != nil {
		return c, err
	}
	if c.SenderDomain, err = MailDomain(s.known, c); err != nil {
		return c, err
	}
	if !kind.Capabilities.Signs || c.SenderDomain == "" {
		return c, fault.New(fault.Invalid, "channel %d signs nothing: keys are for channels that send mail over SMTP from an address with a domain", id)
	}
	return c, nil
}

// RemoveKey takes a signing key away. Without force it is a Conflict to take the one that mail
// is signed with.
func (s *Service) RemoveKey(ctx context.Context, accountID, id int64, selector string, force bool) error {
	c, err := s.store.GetChannel(ctx, accountID, id)
	if err != nil {
		return err
	}
	if c.SenderDomain, err = s.known.SenderDomain(c.Provider, c.Config); err != nil {
		return err
	}
	_, err = s.store.ChangeSigningKeys(ctx, accountID, id, func(keys []providers.SigningKey) ([]providers.SigningKey, error) {
		at := slices.IndexFunc(keys, func(k providers.SigningKey) bool { return k.Domain == c.SenderDomain && k.Selector == selector })
		if at < 0 {
			return nil, fault.New(fault.NotFound, "channel %d has no key with the selector %q", id, selector)
		}
		if now, has := providers.Signing(keys, c.SenderDomain); has && now.Selector == selector && !force {
			return nil, fault.New(fault.Conflict, "mail is signed with the key %s now: make another and publish it first, or remove this one by force "+
				"to send without a signature", selector)
		}
		return slices.Delete(keys, at, at+1), nil
	})
	return err
}

// DomainCheck is a sender's domain with its records.
type DomainCheck struct {
	Sender domains.Sender
	// Keys are the channel's for the domain.
	Keys    []providers.SigningKey
	Records []domains.Record
}

// Domain is what the domain that a channel sends from is to publish; nobody looks it up. It is
// Invalid for a channel that sends from none.
func (s *Service) Domain(ctx context.Context, accountID, id int64) (DomainCheck, error) {
	sender, c, err := s.sender(ctx, accountID, id)
	return DomainCheck{sender, keysOf(c, sender), domains.Records(sender)}, err
}

// CheckDomain looks up what the domain that a channel sends from publishes, for ten seconds at
// most. A key whose record is found signs from then on.
func (s *Service) CheckDomain(ctx context.Context, accountID, id int64) (DomainCheck, error) {
	sender, c, err := s.sender(ctx, accountID, id)
	if err != nil {
		return DomainCheck{}, err
	}
	check := DomainCheck{sender, keysOf(c, sender), domains.Check(ctx, s.outside.Resolver, sender)}
	ready := func(k providers.SigningKey) bool {
		// One of the same name that was made since then has another record.
		return k.SignsSince.IsZero() && slices.ContainsFunc(check.Keys, k.Equal) && slices.ContainsFunc(check.Records, func(r domains.Record) bool {
			return r.Purpose == domains.DKIM && r.Selector == k.Selector && r.State == domains.OK
		})
	}
	if !slices.ContainsFunc(c.SigningKeys, ready) {
		return check, nil
	}
	c, err = s.store.ChangeSigningKeys(ctx, accountID, id, func(keys []providers.SigningKey) ([]providers.SigningKey, error) {
		for i := range keys {
			if ready(keys[i]) {
				keys[i].SignsSince = s.clock.Now()
			}
		}
		return keys, nil
	})
	check.Keys = keysOf(c, sender)
	return check, err
}

// keysOf are a channel's keys for a sender's domain.
func keysOf(c providers.Channel, of domains.Sender) []providers.SigningKey {
	return slices.DeleteFunc(slices.Clone(c.SigningKeys), func(k providers.SigningKey) bool { return k.Domain != of.Domain })
}

// sender is what a channel sends as.
func (s *Service) sender(ctx context.Context, accountID, id int64) (domains.Sender, providers.Channel, error) {
	c, err := s.store.GetChannel(ctx, accountID, id)
	if err != nil {
		return domains.Sender{}, c, err
	}
	sender, err := SenderOf(s.known, c)
	if err == nil && sender.Domain == "" {
		err = fault.New(fault.Invalid, "channel %d sends from no domain: only channels for e-mail have records to publish", id)
	}
	return sender, c, err
}

// MailDomain is the domain that a channel's mail comes from; empty where it sends none, or from
// an address without one, such as news@[192.0.2.1].
func MailDomain(known Configurations, c providers.Channel) (string, error) {
	domain, err := known.SenderDomain(c.Provider, c.Config)
	if strings.HasPrefix(domain, "[") {
		domain = ""
	}
	return domain, err
}

// SenderOf is what a channel sends mail as; one without a domain for a channel that sends none.
func SenderOf(known Configurations, c providers.Channel) (sender domains.Sender, err error) {
	if sender.Domain, err = MailDomain(known, c); err != nil || sender.Domain == "" {
		return domains.Sender{}, err
	}
	if sender.Host, err = known.Server(c.Provider, c.Config); err != nil {
		return sender, err
	}
	if sender.Bounces, err = known.BounceDomain(c.Provider, c.Config); err != nil {
		return sender, err
	}
	now, signs := providers.Signing(c.SigningKeys, sender.Domain)
	for _, k := range keysOf(c, sender) {
		record, err := k.Record()
		if err != nil {
			return sender, fmt.Errorf("read key %s of channel %d: it %w", k.Selector, c.ID, err)
		}
		current := signs && k.Selector == now.Selector
		sender.Keys = append(sender.Keys, domains.Key{
			Selector: k.Selector, Record: record, Signs: current, Replaced: !current && !k.SignsSince.IsZero(),
		})
	}
	return sender, nil
}
