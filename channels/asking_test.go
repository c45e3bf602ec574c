package channels_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/channels"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/services/servicestest"
)

// asked is an adapter that answers as it is told to.
type asked struct {
	providers.Provider
	check  error
	listed error
	closed *int
}

func (a asked) Check(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		return errors.New("nobody bounds how long it takes")
	}
	return a.check
}

func (a asked) SyncTemplates(context.Context) ([]providers.Template, error) {
	return []providers.Template{{Name: "hello", Language: "en", Status: providers.TemplateApproved, Body: "Hello"}}, a.listed
}

func (a asked) Close() error {
	*a.closed++
	return nil
}

// mute is an adapter that can't be asked anything.
type mute struct{ asked }

func (mute) Check()         {}
func (mute) SyncTemplates() {}

func TestAProviderIsAskedWhetherItTakesTheSettings(t *testing.T) {
	f := servicestest.New(t)
	ctx := t.Context()
	var closed int
	var check, listed error
	answers := func(name string, open func() providers.Provider) providers.Kind {
		return providers.Define(providers.Kind{Name: name, Title: name, Capabilities: providers.Capabilities{Address: providers.Email}},
			nil, func(*pigeons, providers.Deps) (providers.Provider, error) { return open(), nil })
	}
	registry, err := providers.NewRegistry(
		answers("open", func() providers.Provider { return asked{check: check, listed: listed, closed: &closed} }),
		answers("mute", func() providers.Provider { return mute{asked{closed: &closed}} }))
	require.NoError(t, err)
	service := channels.NewService(f.Store, registry, channels.Outside{}, f.Clock)
	channel := func(provider string) int64 {
		c, err := service.Create(ctx, providers.Channel{
			AccountID: f.Account, Name: provider, Provider: provider, Config: json.RawMessage(`{"loft":"north","ring":"s3cret"}`),
		}, "ada")
		require.NoError(t, err)
		return c.ID
	}
	open, silent := channel("open"), channel("mute")

	for _, c := range []struct {
		err   error
		state channels.ProbeState
		kind  providers.ErrorKind
		fault fault.Code // of listing templates
	}{
		{nil, channels.ProbeOK, "", ""},
		{&providers.Error{Kind: providers.ErrorAuth, Code: "190", Err: errors.New("no such token")}, channels.ProbeRefused, providers.ErrorAuth, fault.Conflict},
		{&providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("refused")}, channels.ProbeUnreachable, providers.ErrorTemporary, fault.Unavailable},
		{&providers.Error{Kind: providers.ErrorInDoubt, Err: errors.New("cut")}, channels.ProbeUnreachable, providers.ErrorInDoubt, fault.Unavailable},
		{&providers.Error{Kind: providers.ErrorThrottled, RetryAfter: time.Second}, channels.ProbeRefused, providers.ErrorThrottled, fault.Unavailable},
	} {
		check, listed = c.err, c.err
		p, err := service.Probe(ctx, f.Account, open)
		require.NoError(t, err)
		require.Equal(t, c.state, p.State, "%v", c.err)
		require.Equal(t, c.kind, p.Kind)
		list, err := service.KeptTemplates(ctx, f.Account, open)
		if c.fault == "" {
			require.NoError(t, err)
			require.Len(t, list, 1)
			continue
		}
		require.NotEmpty(t, p.Detail)
		require.True(t, fault.Is(err, c.fault), "%v: %v", c.err, err)
	}
	require.Equal(t, 10, closed, "what is opened to be asked is closed")

	p, err := service.Probe(ctx, f.Account, silent)
	require.NoError(t, err)
	require.Equal(t, channels.ProbeUntold, p.State)
	_, err = service.KeptTemplates(ctx, f.Account, silent)
	require.True(t, fault.Is(err, fault.Invalid), "%v", err)
	_, err = service.Probe(ctx, f.Account+1, open)
	require.True(t, fault.Is(err, fault.NotFound), "another account's: %v", err)
}
