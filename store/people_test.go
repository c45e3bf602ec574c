package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/store/storetest"
)

// person makes a user who is a member of an account.
func person(t *testing.T, s *storetest.Store, accountID int64, email string) access.Member {
	t.Helper()
	token := secret.New("invitation of " + email + fmt.Sprint(accountID))
	_, err := s.AddInvitation(t.Context(), access.Invitation{AccountID: accountID, Email: email, Role: access.Editor, EndsAt: s.Clock.Now().Add(time.Hour)}, token)
	require.NoError(t, err)
	m, err := s.AcceptInvitation(t.Context(), token, access.Proofs{User: access.User{Name: "Ada"}, Password: secret.New("hash")})
	require.NoError(t, err)
	return m
}

func TestOneLinkLetsOneIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		ada := person(t, s, account, "ada@example.org")
		// Of many who come at once with one link, one gets in.
		invitation, reset, code := secret.New("invitation"), secret.New("reset"), secret.New("RECOVERY")
		soon := s.Clock.Now().Add(time.Hour)
		_, err := s.AddInvitation(ctx, access.Invitation{AccountID: account, Email: "bob@example.org", Role: access.Viewer, EndsAt: soon}, invitation)
		require.NoError(t, err)
		require.NoError(t, s.AddReset(ctx, access.Reset{UserID: ada.ID, Token: reset, EndsAt: s.Clock.Now().Add(time.Hour)}))
		require.NoError(t, s.SetFactor(ctx, ada.ID, access.Factor{TOTP: secret.New("JBSWY3DPEHPK3PXP"), Step: 1, Recovery: []secret.String{code}}, 0))
		var mu sync.Mutex
		let := map[string]int{}
		count := func(what string, ok bool, err error) {
			mu.Lock()
			defer mu.Unlock()
			if ok && err == nil {
				let[what]++
			} else if err != nil && !fault.Is(err, fault.NotFound) {
				let["error: "+err.Error()]++
			}
		}
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				_, err := s.AcceptInvitation(ctx, invitation, access.Proofs{User: access.User{Name: "Bob"}})
				count("invitation", true, err)
				ok, err := s.TakeStep(ctx, ada.ID, 77)
				count("step", ok, err)
				ok, err = s.TakeRecovery(ctx, ada.ID, code)
				count("recovery", ok, err)
				_, err = s.UseReset(ctx, reset, secret.New("new hash"))
				count("reset", true, err)
			})
		}
		all.Wait()
		require.Equal(t, map[string]int{"invitation": 1, "step": 1, "recovery": 1, "reset": 1}, let)
		proofs, err := s.ProofsOf(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, "new hash", proofs.Password.Reveal())
		require.Equal(t, "JBSWY3DPEHPK3PXP", proofs.TOTP.Reveal())
		require.Zero(t, proofs.RecoveryLeft)
		// Sealed, and hashed, where it is kept.
		var sealed, hashes string
		require.NoError(t, s.Reader().Row(ctx, "SELECT totp FROM users WHERE id = ?", ada.ID).Scan(&sealed))
		require.NotContains(t, sealed, "JBSWY3DPEHPK3PXP")
		session := access.Session{UserID: ada.ID, AccountID: account, CreatedAt: s.Clock.Now(), EndsAt: s.Clock.Now().Add(time.Hour)}
		_, err = s.AddSession(ctx, session, access.SessionSecrets{Token: secret.New("token of a session"), Device: secret.New("device")}, 0)
		require.NoError(t, err)
		require.NoError(t, s.Reader().Row(ctx, "SELECT s.hash || d.hash FROM user_sessions s, user_devices d").Scan(&hashes))
		require.Len(t, hashes, 128)
	})
}

func TestASessionHoldsWhatThePersonMayDoNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		ada := person(t, s, account, "ada@example.org")
		token := secret.New("token of a session")
		session, err := s.AddSession(ctx, access.Session{
			UserID: ada.ID, AccountID: account, CreatedAt: s.Clock.Now(), EndsAt: s.Clock.Now().Add(time.Hour),
			Source: "192.0.2.1", Agent: "Firefox\x00", Methods: []string{"password", "totp"},
		}, access.SessionSecrets{Token: token, Device: secret.New("device")}, 0)
		require.NoError(t, err)
		seen, m, err := s.Visit(ctx, token, time.Hour)
		require.NoError(t, err)
		require.Equal(t, session.ID, seen.ID)
		require.Equal(t, []string{"password", "totp"}, seen.Methods)
		require.Equal(t, access.Editor, m.Role)
		m.Role, m.Approver = access.Viewer, true
		require.NoError(t, s.ChangeMember(ctx, m))
		_, m, err = s.Visit(ctx, token, time.Hour)
		require.NoError(t, err)
		require.Equal(t, access.Viewer, m.Role)
		require.True(t, m.Approver)
		_, _, err = s.Visit(ctx, secret.New("another token"), time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized))
		require.NoError(t, s.RemoveMember(ctx, account, ada.ID))
		_, _, err = s.Visit(ctx, token, time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized))
		for _, table := range []string{"users", "user_sessions", "user_devices", "user_recovery", "account_users", "password_resets"} {
			var left int
			require.NoError(t, s.Reader().Row(ctx, "SELECT COUNT(*) FROM "+table).Scan(&left))
			require.Zero(t, left, table)
		}
		_, err = s.AddSession(ctx, access.Session{UserID: ada.ID, AccountID: account}, access.SessionSecrets{Token: token}, 0)
		require.True(t, fault.Is(err, fault.NotFound), "whoever was taken out gets no session")
	})
}

// However an invitation and a removal meet, no membership is left without its person.
func TestNobodyIsForgottenWhoComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, one, other := t.Context(), s.Account("one"), s.Account("other")
		for round := range 20 {
			email := fmt.Sprintf("ada%d@example.org", round)
			ada, token := person(t, s, one, email), secret.New("into the other "+email)
			_, err := s.AddInvitation(ctx, access.Invitation{AccountID: other, Email: email, Role: access.Viewer, EndsAt: s.Clock.Now().Add(time.Hour)}, token)
			require.NoError(t, err)
			errs := make(chan error, 2)
			go func() { errs <- s.RemoveMember(ctx, one, ada.ID) }()
			go func() {
				_, err := s.AcceptInvitation(ctx, token, access.Proofs{User: access.User{Name: "Ada"}})
				errs <- err
			}()
			require.NoError(t, <-errs)
			require.NoError(t, <-errs)
		}
		require.Equal(t, 20, s.Int("SELECT COUNT(*) FROM account_users m JOIN users u ON u.id = m.user_id WHERE m.account_id = ?", other))
		require.Equal(t, 20, s.Int("SELECT COUNT(*) FROM users"))
	})
}

func TestSessionsAndBrowsersAreBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account, fake := t.Context(), s.Account("tests"), s.FakeTime()
		ada := person(t, s, account, "ada@example.org")
		secrets := func(i int) access.SessionSecrets {
			return access.SessionSecrets{Token: secret.New(fmt.Sprint("token ", i)), Device: secret.New(fmt.Sprint("device ", i))}
		}
		for i := range access.MostSessions + 5 {
			fake.Advance(time.Second)
			_, err := s.AddSession(ctx, access.Session{UserID: ada.ID, AccountID: account, CreatedAt: fake.Now(), SeenAt: fake.Now(), EndsAt: fake.Now().Add(time.Hour)},
				secrets(i), 0)
			require.NoError(t, err)
		}
		list, err := s.Sessions(ctx, ada.ID, time.Hour)
		require.NoError(t, err)
		require.Len(t, list, access.MostSessions)
		_, _, err = s.Visit(ctx, secrets(4).Token, time.Hour)
		require.True(t, fault.Is(err, fault.Unauthorized), "the oldest end")
		_, _, err = s.Visit(ctx, secrets(5).Token, time.Hour)
		require.NoError(t, err)
		knows := func(i int) bool {
			known, err := s.KnowsDevice(ctx, ada.ID, secrets(i).Device)
			require.NoError(t, err)
			return known
		}
		require.True(t, knows(access.MostSessions+4))
		require.False(t, knows(10), "twenty browsers are known")
		fake.Advance(time.Hour)
		require.NoError(t, s.SweepPeople(ctx))
		var left int
		require.NoError(t, s.Reader().Row(ctx, "SELECT COUNT(*) FROM user_sessions").Scan(&left))
		require.Zero(t, left)
		require.True(t, knows(access.MostSessions+4))
		fake.Advance(181 * 24 * time.Hour)
		require.False(t, knows(access.MostSessions+4), "for half a year")
	})
}

// A link that names nobody is for the first person of an account, whoever comes with it and however
// many links there were.
func TestTheFirstPersonComesByALinkThatNamesNobody(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		open := func(token string) error {
			_, err := s.AddInvitation(ctx, access.Invitation{AccountID: account, Role: access.Admin, EndsAt: s.Clock.Now().Add(time.Hour)}, secret.New(token))
			return err
		}
		come := func(token, email string) error {
			_, err := s.AcceptInvitation(ctx, secret.New(token), access.Proofs{User: access.User{Email: email, Name: "Ada"}, Password: secret.New("hash")})
			return err
		}
		ways, err := s.Ways(ctx)
		require.NoError(t, err)
		require.True(t, ways.Nobody)
		require.NoError(t, open("before"))
		require.NoError(t, open("first"))
		require.Equal(t, fault.NotFound, fault.CodeOf(come("before", "ada@example.org")), "another took its place")
		// Of many who come with it one gets in, even where each is somebody else.
		var in atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				if come("first", fmt.Sprintf("p%d@example.org", i)) == nil {
					in.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, in.Load())
		ways, err = s.Ways(ctx)
		require.NoError(t, err)
		require.False(t, ways.Nobody)
		require.Equal(t, fault.Conflict, fault.CodeOf(open("again")))

		// Somebody who was invited by name came first: the link opens nothing any more.
		account = s.Account("another")
		require.NoError(t, open("late"))
		person(t, s, account, "grace@example.org")
		require.Equal(t, fault.NotFound, fault.CodeOf(come("late", "eve@example.org")))
		members, err := s.Members(ctx, account, 0, 10)
		require.NoError(t, err)
		require.Len(t, members, 1)
	})
}

func TestStrangersAreShownTheWaysOfTheOnlyAccount(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		add := func(account int64, name string, enabled bool) {
			_, err := s.AddIdentityProvider(ctx, access.IdentityProvider{AccountID: account, Name: name, Issuer: "https://" + name + ".example.org", ClientID: "c",
				Secret: secret.New("s"), Enabled: enabled})
			require.NoError(t, err)
		}
		shown := func() (names []string) {
			ways, err := s.Ways(ctx)
			require.NoError(t, err)
			for _, p := range ways.Providers {
				names = append(names, p.Name)
			}
			return names
		}
		require.Empty(t, shown())
		add(account, "office", true)
		add(account, "former", false)
		require.Equal(t, []string{"office"}, shown())
		s.Account("another")
		require.Empty(t, shown(), "which of several accounts somebody is in is nobody's business")
	})
}
