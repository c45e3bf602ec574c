package channels_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/channels"
	"carillon/channels/domains"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/internal/testenv"
	"carillon/providers"
	"carillon/services/servicestest"
)

// mail sends from an address that its settings name.
type mail struct {
	From string `json:"from"`
	Host string `json:"host,omitempty"`
}

// newSenders makes a service for two kinds that send from a domain, of which one signs, and a
// name server to publish at.
func newSenders(t *testing.T) (*channels.Service, *servicestest.Fixture, *testenv.Names) {
	t.Helper()
	of := func(what func(mail) string) func(json.RawMessage) string {
		return func(raw json.RawMessage) string {
			var m mail
			_ = json.Unmarshal(raw, &m) // an empty one says nothing
			return what(m)
		}
	}
	kind := func(name string, signs bool) providers.Kind {
		return providers.Define(providers.Kind{
			Name: name, Title: name, Capabilities: providers.Capabilities{Address: providers.Email, Signs: signs},
			SenderDomain: of(func(m mail) string { _, domain, _ := strings.Cut(m.From, "@"); return domain }),
			Server:       of(func(m mail) string { return m.Host }),
		}, nil, func(*mail, providers.Deps) (providers.Provider, error) { return nil, errors.New("not here") })
	}
	registry, err := providers.NewRegistry(kind("signing", true), kind("service", false))
	require.NoError(t, err)
	f, names := servicestest.New(t), testenv.StartNames(t)
	return channels.NewService(f.Store, registry, channels.Outside{Resolver: names.Resolver()}, f.Clock), f, names
}

func TestSigningKeys(t *testing.T) {
	servicestest.Each(t, func(t *testing.T) {
		service, f, names := newSenders(t)
		ctx := t.Context()
		add := func(name, provider, from string) providers.Channel {
			c, err := service.Create(ctx, providers.Channel{
				AccountID: f.Account, Name: name, Provider: provider, Config: json.RawMessage(`{"from":"` + from + `","host":"10.0.0.9"}`),
			}, "ada")
			require.NoError(t, err)
			return c
		}
		keep := func(c providers.Channel, selector, private string) (channels.DomainCheck, error) {
			return service.AddKey(ctx, channels.NewKey{AccountID: f.Account, ChannelID: c.ID, Selector: selector, Private: secret.New(private), By: "ada"})
		}
		signs := func(c providers.Channel) string {
			c, err := service.Get(ctx, f.Account, c.ID)
			require.NoError(t, err)
			key, _ := providers.Signing(c.SigningKeys, "example.org")
			return key.Selector
		}
		one := add("one", "signing", "news@example.org")

		check, err := service.Domain(ctx, f.Account, one.ID)
		require.NoError(t, err)
		require.Equal(t, domains.Sender{Domain: "example.org", Host: "10.0.0.9"}, check.Sender)

		// A key is made, and signs from when it is found, not before.
		check, err = keep(one, "", "")
		require.NoError(t, err)
		require.Len(t, check.Keys, 1)
		first := check.Keys[0]
		require.Equal(t, "ada", first.CreatedBy)
		require.Equal(t, "carillon-"+f.Clock.Now().Format("200601")+"-"+strconv.FormatInt(one.ID, 10), first.Selector)
		check, err = service.CheckDomain(ctx, f.Account, one.ID)
		require.NoError(t, err)
		require.Equal(t, domains.Missing, dkimOf(t, check, first.Selector).State)
		require.Empty(t, signs(one))
		names.Text(dkimOf(t, check, first.Selector).Name, dkimOf(t, check, first.Selector).Value)
		check, err = service.CheckDomain(ctx, f.Account, one.ID)
		require.NoError(t, err)
		require.Equal(t, domains.OK, dkimOf(t, check, first.Selector).State)
		require.Equal(t, f.Clock.Now(), check.Keys[0].SignsSince)
		require.Equal(t, first.Selector, signs(one))

		// Another channel of the domain takes the same key, and signs at once.
		two := add("two", "signing", "other@example.org")
		check, err = keep(two, "", "")
		require.NoError(t, err)
		require.Equal(t, first.Selector, check.Keys[0].Selector)
		require.Equal(t, first.Selector, signs(two))

		// The next one takes over only once it is there, and the first stays until it is removed.
		f.Clock.Advance(time.Hour)
		check, err = keep(one, "Next", "")
		require.NoError(t, err)
		require.Equal(t, first.Selector, signs(one))
		names.Text("next._domainkey.example.org", dkimOf(t, check, "next").Value)
		_, err = service.CheckDomain(ctx, f.Account, one.ID)
		require.NoError(t, err)
		require.Equal(t, "next", signs(one))
		require.Equal(t, first.Selector, signs(two), "the other channel goes on with its own")
		require.Equal(t, fault.Conflict, fault.CodeOf(service.RemoveKey(ctx, f.Account, one.ID, "next", false)))
		require.Equal(t, fault.NotFound, fault.CodeOf(service.RemoveKey(ctx, f.Account, one.ID, "nope", true)))
		require.NoError(t, service.RemoveKey(ctx, f.Account, one.ID, first.Selector, false))
		require.NoError(t, service.RemoveKey(ctx, f.Account, one.ID, "next", true))
		require.Empty(t, signs(one))

		// What can't be is refused, and changes nothing.
		for selector, private := range map[string]string{"under_score": "", "-a": "", "x": "not a key", strings.Repeat("a", 64): ""} {
			_, err = keep(one, selector, private)
			require.Equal(t, fault.Invalid, fault.CodeOf(err), selector)
		}
		own := check.Keys[1].Private.Reveal()
		_, err = keep(one, "own", own)
		require.NoError(t, err)
		_, err = keep(one, "own", own)
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
		for _, selector := range []string{"b", "c", "d", "e", "f"} {
			_, err = keep(one, selector, own)
			require.NoError(t, err)
		}
		_, err = keep(one, "g", own)
		require.Equal(t, fault.Conflict, fault.CodeOf(err))
		service3 := add("three", "service", "news@example.org")
		_, err = keep(service3, "", "")
		require.Equal(t, fault.Invalid, fault.CodeOf(err), "its provider signs by itself")
		_, err = service.CheckDomain(ctx, f.Account, service3.ID)
		require.NoError(t, err)
		_, err = service.Domain(ctx, f.Account, add("nowhere", "signing", "nobody").ID)
		require.Equal(t, fault.Invalid, fault.CodeOf(err))
		_, err = keep(add("literal", "signing", "news@[192.0.2.1]"), "", "")
		require.Equal(t, fault.Invalid, fault.CodeOf(err), "there is no domain to publish at")
		_, err = service.Domain(ctx, f.Account+1, one.ID)
		require.Equal(t, fault.NotFound, fault.CodeOf(err))

		// With another domain its keys sign nothing, and the first of the new one has them forgotten.
		_, err = service.Update(ctx, channels.Change{AccountID: f.Account, ID: one.ID, By: "ada"}, func(c *providers.Channel) error {
			c.Config = json.RawMessage(`{"from":"news@example.net"}`)
			return nil
		})
		require.NoError(t, err)
		check, err = service.Domain(ctx, f.Account, one.ID)
		require.NoError(t, err)
		require.Empty(t, check.Keys)
		check, err = keep(one, "", "")
		require.NoError(t, err)
		require.Len(t, check.Keys, 1)
		require.Equal(t, "example.net", check.Keys[0].Domain)
	})
}

func dkimOf(t *testing.T, check channels.DomainCheck, selector string) domains.Record {
	t.Helper()
	for _, r := range check.Records {
		if r.Selector == selector {
			return r
		}
	}
	require.Fail(t, "no record", "of %s in %+v", selector, check.Records)
	return domains.Record{}
}
