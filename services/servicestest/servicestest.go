// Package servicestest owns the fixture of the services' tests: all services over
// a real store, with channels of two providers of its own, so that nothing depends
// on what the built-in ones can do. It is no part of the product.
package servicestest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/contacts"
	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/services"
	"carillon/store"
	"carillon/store/storetest"
)

// Noon is when the tests take place.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// MasterKey is the installation's.
const MasterKey = "a master key for tests alone"

// Fixture is everything over a store with three people: Ada, who is fine, Bob, who
// opted out, and Cy, who has no e-mail address.
type Fixture struct {
	*services.Services
	Store   *store.Store
	Clock   *clock.Fake
	Account int64
	// Mail sends e-mail, two a second; Text sends short texts to phones.
	Mail, Text providers.Channel
	People     map[string]contacts.Contact

	registry *providers.Registry
}

// settings is the configuration of both providers.
type settings struct{}

func kind(name string, can providers.Capabilities) providers.Kind {
	return providers.Define(providers.Kind{Name: name, Title: name, Description: "For tests.", Capabilities: can}, nil,
		func(*settings, providers.Deps) (providers.Provider, error) {
			return nil, errors.New("tests send nothing")
		})
}

// onPostgres is the name of a subtest whose fixtures are on PostgreSQL.
const onPostgres = "PostgreSQL"

// Each runs a test on SQLite and on PostgreSQL: its fixtures are on the one whose name the
// subtest has. The package's TestMain must end the server, as testenv.Main does.
func Each(t *testing.T, run func(t *testing.T)) {
	t.Helper()
	t.Run("SQLite", run)
	t.Run(onPostgres, run)
}

// New makes a fixture that ends with the test.
func New(t testing.TB) *Fixture {
	t.Helper()
	ctx := t.Context()
	box, err := secret.NewBox(secret.New(MasterKey))
	require.NoError(t, err)
	f := &Fixture{Clock: clock.NewFake(Noon), People: map[string]contacts.Contact{}}
	newest := storetest.NewestSQLite
	if strings.Contains(t.Name(), "/"+onPostgres) {
		newest = storetest.NewestPostgres
	}
	dsn := newest(t)
	f.Store, err = store.Open(ctx, store.Options{DSN: dsn, Box: box, Clock: f.Clock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Store.Close()) })
	account, _, err := f.Store.EnsureAccount(ctx, "tests")
	require.NoError(t, err)
	f.Account = account.ID
	f.registry, err = providers.NewRegistry(
		kind("mail", providers.Capabilities{Address: providers.Email, Subject: true, HTML: true, Receipts: true, EchoesID: true, OnlyFailures: true}),
		kind("text", providers.Capabilities{Address: providers.Phone, MaxTextBytes: 160, Replies: true}),
		kind("messenger", providers.Capabilities{Address: providers.WhatsApp, MaxTextBytes: 4096, Media: true, Replies: true}),
		kind("chat", providers.Capabilities{
			Address: providers.WhatsApp, Media: true, Buttons: providers.ButtonTypes(), Location: true, Cards: true, Receipts: true, Replies: true, EchoesID: true,
			MaxTextUnits: 4096, MaxCaptionUnits: 1024,
		}),
		kind("pictures", providers.Capabilities{
			Address: providers.WhatsApp, Media: true, Uploads: providers.FileKept, Files: []providers.FileLimit{
				{Type: providers.Image, ContentTypes: []string{"image/png"}, MaxBytes: 100, MaxLinkedBytes: 50},
			},
		}),
		kind("whatsapp", providers.Capabilities{Address: providers.WhatsApp, Receipts: true, Replies: true}),
		kind("app", providers.Capabilities{Address: providers.Custom, Receipts: true, Replies: true}))
	require.NoError(t, err)
	f.Services = f.Over(f.Store)
	channel := providers.Channel{AccountID: f.Account, Config: json.RawMessage(`{}`), Timezone: "Europe/Berlin"}
	channel.Name, channel.Provider, channel.Limits = "news", "mail", providers.Limits{PerSecond: 2}
	f.Mail, err = f.Channels.Create(ctx, channel, "test")
	require.NoError(t, err)
	channel.Name, channel.Provider, channel.Limits = "sms", "text", providers.Limits{}
	f.Text, err = f.Channels.Create(ctx, channel, "test")
	require.NoError(t, err)
	for name, addresses := range map[string]map[providers.AddressKind]string{
		"Ada": {providers.Email: "ada@example.org", providers.Phone: "+4915112345678"},
		"Bob": {providers.Email: "bob@example.org"},
		"Cy":  {providers.Phone: "+4915112345679"},
	} {
		f.People[name], err = f.Store.CreateContact(ctx, contacts.Contact{AccountID: f.Account, FirstName: name, Status: contacts.Active, Addresses: addresses})
		require.NoError(t, err)
	}
	_, err = f.Store.SuppressAll(ctx, f.Account, []contacts.Suppression{{Kind: providers.Email, Address: "bob@example.org", Reason: contacts.Unsubscribed}},
		"test", "me")
	require.NoError(t, err)
	return f
}

// Over is the services over another store, such as one that watches what is asked
// of it.
func (f *Fixture) Over(s services.Store) *services.Services {
	return services.New(services.Deps{
		Store: s, Providers: f.registry, MasterKeys: secret.NewRing(secret.New(MasterKey)), PublicURL: "https://n.example.org", Clock: f.Clock,
		Dialer: providers.Dialer{AllowPrivate: true}, // for what a test serves
	})
}
