package providers

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"carillon/internal/fault"
)

// Registry is the list of the providers that channels may use. It doesn't
// change once it is made.
type Registry struct {
	kinds  []Kind
	byName map[string]Kind
}

var kindName = regexp.MustCompile(`^[a-z][a-z0-9]{1,31}$`)

// NewRegistry makes a registry of kinds; an incomplete kind and a name that is
// taken are errors. The product's own list is builtin.Kinds.
func NewRegistry(kinds ...Kind) (*Registry, error) {
	r := &Registry{kinds: slices.Clone(kinds), byName: make(map[string]Kind, len(kinds))}
	for _, k := range kinds {
		switch {
		case !kindName.MatchString(k.Name):
			return nil, fmt.Errorf("register provider %q: the name must be one lower-case word", k.Name)
		case k.Config == nil || k.Validate == nil || k.New == nil:
			return nil, fmt.Errorf("register provider %q: Config, Validate and New must be set", k.Name)
		}
		if _, taken := r.byName[k.Name]; taken {
			return nil, fmt.Errorf("register provider %q: the name is taken", k.Name)
		}
		r.byName[k.Name] = k
	}
	slices.SortFunc(r.kinds, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}

// Kinds are the providers, by name.
func (r *Registry) Kinds() []Kind { return slices.Clone(r.kinds) }

// Names are the providers' names, sorted.
func (r *Registry) Names() []string {
	names := make([]string, len(r.kinds))
	for i, k := range r.kinds {
		names[i] = k.Name
	}
	return names
}

// Kind finds a provider by name. The error for an unknown one, of code Invalid,
// lists the known.
func (r *Registry) Kind(name string) (Kind, error) {
	k, ok := r.byName[name]
	if !ok {
		return Kind{}, fault.InvalidField("provider", name, "is not a known provider; the known ones are %s", strings.Join(r.Names(), ", "))
	}
	return k, nil
}

// Validate checks a configuration for the named provider, without side effects.
func (r *Registry) Validate(name string, config json.RawMessage) error {
	k, err := r.Kind(name)
	if err != nil {
		return err
	}
	return k.Validate(config)
}

// Address is the kind of address that a channel with this configuration
// delivers to.
func (r *Registry) Address(name string, config json.RawMessage) (AddressKind, error) {
	k, err := r.Kind(name)
	if err != nil {
		return "", err
	}
	if k.AddressFor == nil {
		return k.Capabilities.Address, nil
	}
	return k.AddressFor(config), nil
}

// SenderDomain is the domain that messages of a channel with this configuration come
// from, lower case; empty if they come from none.
func (r *Registry) SenderDomain(name string, config json.RawMessage) (string, error) {
	k, err := r.Kind(name)
	if err != nil || k.SenderDomain == nil {
		return "", err
	}
	return k.SenderDomain(config), nil
}

// BounceDomain is the domain of the address that messages of a channel with this configuration
// come back to; empty where it is the one that they come from.
func (r *Registry) BounceDomain(name string, config json.RawMessage) (string, error) {
	k, err := r.Kind(name)
	if err != nil || k.BounceDomain == nil {
		return "", err
	}
	return k.BounceDomain(config), nil
}

// Server is the server that a channel with this configuration hands mail to; empty where
// there is none of the user's choice.
func (r *Registry) Server(name string, config json.RawMessage) (string, error) {
	k, err := r.Kind(name)
	if err != nil || k.Server == nil {
		return "", err
	}
	return k.Server(config), nil
}

// Sender is the number or address that people see messages of a channel with this
// configuration come from; empty where there is none.
func (r *Registry) Sender(name string, config json.RawMessage) (string, error) {
	k, err := r.Kind(name)
	if err != nil || k.Sender == nil {
		return "", err
	}
	return k.Sender(config), nil
}

// Hears reports whether a channel with this configuration can take what people write to it: by a
// secret with which the provider proves itself, where it has any.
func (r *Registry) Hears(name string, config json.RawMessage) (bool, error) {
	k, err := r.Kind(name)
	if err != nil || !k.Capabilities.Replies {
		return false, err
	}
	x, err := r.Exchange(name, nil, config)
	if err != nil {
		return false, err
	}
	heard := len(x.Presented) == 0
	for _, setting := range x.Presented {
		heard = heard || !x.After[setting].Empty()
	}
	return heard, nil
}

// ReplyWindow is for how long after somebody has written to a channel with this configuration it
// may send them anything; 0 where it may always, or does not hear who has written.
func (r *Registry) ReplyWindow(name string, config json.RawMessage) (time.Duration, error) {
	hears, err := r.Hears(name, config)
	if err != nil || !hears {
		return 0, err
	}
	k := r.byName[name]
	if k.ReplyWindowFor == nil {
		return k.Capabilities.ReplyWindow, nil
	}
	return k.ReplyWindowFor(config), nil
}

// MostRequests is how many requests a worker has under way at most on a channel of
// the named provider with this configuration and these limits.
func (r *Registry) MostRequests(name string, config json.RawMessage, limits Limits) (int, error) {
	k, err := r.Kind(name)
	switch {
	case err != nil:
		return 0, err
	case limits.Concurrency != Auto:
		return int(limits.Concurrency), nil
	case limits.MaxConcurrency != 0:
		return limits.MaxConcurrency, nil
	case k.MostRequests != nil:
		return k.MostRequests(config), nil
	}
	return DefaultMostRequests, nil
}

// Public is the form of a configuration that may be shown: every secret is
// replaced by secret.Redacted. With addresses false, as for those who may not
// change it, addresses end behind their host: what follows may be a key.
func (r *Registry) Public(name string, config json.RawMessage, addresses bool) (json.RawMessage, error) {
	k, err := r.Kind(name)
	if err != nil {
		return nil, err
	}
	return publicConfig(k.Config, config, addresses)
}

// Merge is what an update makes of a stored configuration: the update, with
// every write-only secret that it leaves out or sends back masked kept as it is
// stored. An empty text removes a secret. An update that changes a destination
// keeps none: its error, of code Invalid, names those to be given anew. The
// result isn't validated.
func (r *Registry) Merge(name string, stored, update json.RawMessage) (json.RawMessage, error) {
	k, err := r.Kind(name)
	if err != nil {
		return nil, err
	}
	return mergeConfig(k.Config, stored, update)
}

// Exchange is what becomes of the secrets when a configuration is replaced by another.
func (r *Registry) Exchange(name string, before, after json.RawMessage) (Exchange, error) {
	k, err := r.Kind(name)
	if err != nil {
		return Exchange{}, err
	}
	return exchange(k.Config, before, after)
}

// New makes the provider of a channel. Its configuration is validated first.
func (r *Registry) New(name string, config json.RawMessage, deps Deps) (Provider, error) {
	k, err := r.Kind(name)
	if err != nil {
		return nil, err
	}
	if err := k.Validate(config); err != nil {
		return nil, err
	}
	return k.New(config, deps.WithDefaults())
}

// Define fills in a kind's Config, Validate and New from a configuration struct
// C, which DecodeConfig reads: check, which may be nil, returns what the tags
// can't say; open makes the provider, with the defaults of Deps filled in.
func Define[C any](k Kind, check func(*C) []fault.Field, open func(*C, Deps) (Provider, error)) Kind {
	decode := func(raw json.RawMessage) (*C, error) {
		c := new(C)
		if err := DecodeConfig(raw, c); err != nil {
			return nil, err
		}
		if check == nil {
			return c, nil
		}
		return c, fault.InvalidFields(check(c))
	}
	k.Config = new(C)
	k.Validate = func(raw json.RawMessage) error {
		_, err := decode(raw)
		return err
	}
	k.New = func(raw json.RawMessage, deps Deps) (Provider, error) {
		c, err := decode(raw)
		if err != nil {
			return nil, err
		}
		return open(c, deps.WithDefaults())
	}
	return k
}
