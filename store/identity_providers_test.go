package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/storetest"
)

// provider makes one of an account that gives editors their role.
func provider(t *testing.T, s *storetest.Store, accountID int64, name string) access.IdentityProvider {
	t.Helper()
	p, err := s.AddIdentityProvider(t.Context(), access.IdentityProvider{
		AccountID: accountID, Name: name, Issuer: "https://login.example.org", ClientID: "carillon", Secret: secret.New("the client's secret"),
		Scopes: []string{"email", "groups"}, GroupClaim: "groups", Roles: []access.GroupRole{{Group: "marketing", Role: access.Editor}},
		Domains: []string{"example.org", "example.net"}, Enabled: true,
	})
	require.NoError(t, err)
	return p
}

// through begins a session through a provider.
func through(t *testing.T, s *storetest.Store, of access.Session, token string) error {
	t.Helper()
	of.CreatedAt, of.EndsAt, of.Methods = s.Clock.Now(), s.Clock.Now().Add(time.Hour), []string{access.ByOpenID}
	_, err := s.AddSession(t.Context(), of, access.SessionSecrets{Token: secret.New(token), Device: secret.New("device of " + token)}, 0)
	return err
}

func TestIdentityProvidersAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, other := t.Context(), s.Account("tests"), s.Account("other")
		p := provider(t, s, account, "corp")
		require.Equal(t, "the client's secret", p.Secret.Reveal())
		require.Equal(t, []access.GroupRole{{Group: "marketing", Role: access.Editor}}, p.Roles)
		require.Equal(t, []string{"example.org", "example.net"}, p.Domains)
		var sealed string
		require.NoError(t, s.Reader().Row(ctx, "SELECT client_secret FROM identity_providers").Scan(&sealed))
		require.NotContains(t, sealed, "client's")
		_, err := s.AddIdentityProvider(ctx, access.IdentityProvider{AccountID: account, Name: "corp"})
		require.True(t, fault.Is(err, fault.Conflict), err)
		provider(t, s, other, "corp")
		_, err = s.GetIdentityProvider(ctx, other, p.ID)
		require.True(t, fault.Is(err, fault.NotFound), err)
		require.True(t, fault.Is(s.DeleteIdentityProvider(ctx, other, p.ID), fault.NotFound))
		list, err := s.IdentityProviders(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Len(t, list, 1)
		for n := 1; n < access.MostIdentityProviders; n++ {
			provider(t, s, account, string(rune('a'+n)))
		}
		_, err = s.AddIdentityProvider(ctx, access.IdentityProvider{AccountID: account, Name: "one too many"})
		require.True(t, fault.Is(err, fault.Conflict), err)
		// Of many who come with one sign-in one gets in.
		var mu sync.Mutex
		taken := 0
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				fresh, err := s.TakeSignIn(ctx, "state", s.Clock.Now().Add(time.Minute))
				mu.Lock()
				defer mu.Unlock()
				if err == nil && fresh {
					taken++
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, taken)
		s.Clock.Set(clock.NewFake(s.Clock.Now().Add(time.Hour)))
		require.NoError(t, s.SweepPeople(ctx))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM used_sign_ins"))
	})
}

func TestAProviderAdmitsByItsSubjectAndBarsWhoHasNoRole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, other := t.Context(), s.Account("tests"), s.Account("other")
		p := provider(t, s, account, "corp")
		admit := func(subject, email string, role access.Role) (access.Admitted, error) {
			return s.Admit(ctx, access.Admission{Provider: p, Subject: subject, Email: email, Name: "Ada", Role: role, Barred: role == ""})
		}
		_, err := admit("1", "", access.Editor)
		require.True(t, fault.Is(err, fault.Forbidden), "no verified address: %v", err)
		_, err = admit("1", "ada@example.org", "")
		require.True(t, fault.Is(err, fault.Forbidden), "no role: %v", err)
		in, err := admit("1", "ada@example.org", access.Editor)
		require.NoError(t, err)
		require.Equal(t, access.SignedUp, in.How)
		// Known by the subject, whatever the address says now.
		again, err := admit("1", "eve@example.org", access.Viewer)
		require.NoError(t, err)
		require.Equal(t, access.Admitted{User: in.User}, again)
		m, err := s.GetMember(ctx, account, in.User.ID)
		require.NoError(t, err)
		require.Equal(t, access.Viewer, m.Role)
		// A member is linked; who is in another account alone is not made a member of this one.
		bob, carl := person(t, s, account, "bob@example.org"), person(t, s, other, "carl@example.org")
		in, err = admit("2", "bob@example.org", access.Admin)
		require.NoError(t, err)
		require.Equal(t, access.Linked, in.How)
		require.Equal(t, bob.ID, in.User.ID)
		_, err = admit("3", carl.Email, access.Admin)
		require.True(t, fault.Is(err, fault.Forbidden), err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM account_users WHERE account_id = ? AND user_id = ?", account, carl.ID))

		// Who has no role any more is in nowhere, by whichever way.
		require.NoError(t, through(t, s, access.Session{UserID: bob.ID, AccountID: account, Through: p.ID}, "a"))
		in, err = admit("2", "bob@example.org", "")
		require.NoError(t, err)
		require.Equal(t, access.Barred, in.How)
		_, _, err = s.Visit(ctx, secret.New("a"), time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized), err)
		memberships, err := s.Memberships(ctx, bob.ID)
		require.NoError(t, err)
		require.Empty(t, memberships)
		require.Error(t, through(t, s, access.Session{UserID: bob.ID, AccountID: account, Through: p.ID}, "b"))
		m, err = s.GetMember(ctx, account, bob.ID)
		require.NoError(t, err)
		require.True(t, m.Barred)
		_, err = admit("2", "bob@example.org", access.Sender)
		require.NoError(t, err)
		require.NoError(t, through(t, s, access.Session{UserID: bob.ID, AccountID: account, Through: p.ID}, "c"))

		// Who was taken out is known no more.
		require.NoError(t, s.RemoveMember(ctx, account, bob.ID))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM user_identities WHERE user_id = ?", bob.ID))
	})
}

func TestSessionsEndWithTheirProvider(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		p, kept := provider(t, s, account, "corp"), provider(t, s, account, "kept")
		ada := person(t, s, account, "ada@example.org")
		_, err := s.Admit(ctx, access.Admission{Provider: p, Subject: "1", Email: ada.Email, Role: access.Editor})
		require.NoError(t, err)
		enable := func(on bool) {
			_, err := s.ChangeIdentityProvider(ctx, account, p.ID, func(p *access.IdentityProvider) error {
				p.Enabled = on
				return nil
			})
			require.NoError(t, err)
		}
		require.NoError(t, through(t, s, access.Session{UserID: ada.ID, AccountID: account, Through: p.ID}, "a"))
		require.NoError(t, through(t, s, access.Session{UserID: ada.ID, AccountID: account, Through: kept.ID}, "b"))
		enable(false)
		_, _, err = s.Visit(ctx, secret.New("a"), time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized), err)
		require.True(t, fault.Is(through(t, s, access.Session{UserID: ada.ID, AccountID: account, Through: p.ID}, "c"), fault.Forbidden))
		_, err = s.SignInProvider(ctx, p.ID)
		require.True(t, fault.Is(err, fault.NotFound), err)
		_, err = s.Admit(ctx, access.Admission{Provider: p, Subject: "1", Role: access.Editor})
		require.True(t, fault.Is(err, fault.Forbidden), err)
		enable(true)
		require.NoError(t, through(t, s, access.Session{UserID: ada.ID, AccountID: account, Through: p.ID}, "d"))
		require.NoError(t, s.DeleteIdentityProvider(ctx, account, p.ID))
		_, _, err = s.Visit(ctx, secret.New("d"), time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized), err)
		require.Zero(t, s.Int("SELECT COUNT(*) FROM user_identities"))
		_, m, err := s.Visit(ctx, secret.New("b"), time.Hour)
		require.NoError(t, err)
		require.Equal(t, ada.ID, m.ID)
	})
}
