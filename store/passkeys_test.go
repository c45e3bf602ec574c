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

// passkey keeps one of a user.
func passkey(t *testing.T, s *storetest.Store, userID int64, credential string) access.Passkey {
	t.Helper()
	k, _, err := s.AddPasskey(t.Context(), access.Passkey{
		UserID: userID, Name: "Phone", Credential: []byte(credential), Key: []byte("a public key"), Transports: []string{"internal", "hybrid"}, Flags: 0x1d, Count: 1,
	}, nil, 0)
	require.NoError(t, err)
	return k
}

func TestPasskeysAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, account := t.Context(), s.Account("tests")
		ada, bob := person(t, s, account, "ada@example.org"), person(t, s, account, "bob@example.org")
		require.Zero(t, ada.Passkeys)
		k := passkey(t, s, ada.ID, "\x00one\xff")
		list, err := s.Passkeys(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, []access.Passkey{k}, list)
		require.Equal(t, []byte("\x00one\xff"), k.Credential)
		require.Equal(t, []string{"internal", "hybrid"}, k.Transports)
		require.EqualValues(t, 0x1d, k.Flags)
		require.True(t, k.Synced())
		require.Nil(t, k.UsedAt)
		_, _, err = s.AddPasskey(ctx, access.Passkey{UserID: bob.ID, Name: "Mine", Credential: k.Credential}, nil, 0)
		require.True(t, fault.Is(err, fault.Conflict), err)
		require.True(t, fault.Is(s.RenamePasskey(ctx, bob.ID, k.ID, "mine"), fault.NotFound))
		require.True(t, fault.Is(s.RemovePasskey(ctx, bob.ID, k.ID, 0), fault.NotFound))
		require.NoError(t, s.RenamePasskey(ctx, ada.ID, k.ID, "Old phone"))
		for n := 1; n < access.MostPasskeys; n++ {
			passkey(t, s, ada.ID, fmt.Sprint("more ", n))
		}
		_, _, err = s.AddPasskey(ctx, access.Passkey{UserID: ada.ID, Name: "Mine", Credential: []byte("one too many")}, nil, 0)
		require.True(t, fault.Is(err, fault.Conflict), err)
		proofs, err := s.ProofsOf(ctx, ada.ID)
		require.NoError(t, err)
		require.Equal(t, access.MostPasskeys, proofs.Passkeys)
		require.True(t, proofs.SecondFactor())

		// What passkeys know somebody by stays what it is, and says nothing.
		handle := func(userID int64, fresh string) []byte {
			h, err := s.HandleOf(ctx, userID, []byte(fresh))
			require.NoError(t, err)
			return h
		}
		require.Equal(t, []byte("\xffrandom"), handle(ada.ID, "\xffrandom"))
		require.Equal(t, []byte("\xffrandom"), handle(ada.ID, "another"))
		who, err := s.UserByHandle(ctx, []byte("\xffrandom"))
		require.NoError(t, err)
		require.Equal(t, ada.ID, who.ID)
		for _, nobody := range []string{"", "another"} {
			_, err = s.UserByHandle(ctx, []byte(nobody))
			require.True(t, fault.Is(err, fault.NotFound), err)
		}
		_, err = s.HandleOf(ctx, 99, []byte("x"))
		require.True(t, fault.Is(err, fault.NotFound), err)

		// Who goes leaves nothing.
		require.NoError(t, s.AddChallenge(ctx, access.Challenge{Token: secret.New("t"), UserID: ada.ID, EndsAt: s.Clock.Now().Add(time.Hour)}))
		require.NoError(t, s.RemoveMember(ctx, account, ada.ID))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM user_passkeys"))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM passkey_challenges"))
	})
}

// Of passkeys that were used at once none is taken whose counter is not above the last one taken.
func TestACounterThatDoesNotRise(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		ada := person(t, s, s.Account("tests"), "ada@example.org")
		k := passkey(t, s, ada.ID, "one")
		use := func(count uint32) bool {
			now, used := s.Clock.Now(), k
			used.Count, used.UsedAt, used.Source = count, &now, "192.0.2.1"
			risen, err := s.UsePasskey(ctx, used)
			require.NoError(t, err)
			return risen
		}
		for _, c := range []struct {
			count uint32
			risen bool
		}{{1, false}, {0, false}, {2, true}, {2, false}, {1<<32 - 1, true}, {3, false}} {
			require.Equal(t, c.risen, use(c.count), c.count)
		}
		list, err := s.Passkeys(ctx, ada.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1<<32-1, list[0].Count)
		require.Equal(t, "192.0.2.1", list[0].Source)
		require.NotNil(t, list[0].UsedAt)
		var risen atomic.Int32
		k, _, err = s.AddPasskey(ctx, access.Passkey{UserID: ada.ID, Name: "Laptop", Credential: []byte("two")}, nil, 0)
		require.NoError(t, err)
		// One that counts nothing.
		require.True(t, use(0))
		require.True(t, use(0))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if ok, err := s.UsePasskey(ctx, access.Passkey{ID: k.ID, UserID: ada.ID, Count: 5}); ok && err == nil {
					risen.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, risen.Load())
	})
}

func TestChallengesAreTakenOnceAndBounded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx, fake := t.Context(), s.FakeTime()
		ada := person(t, s, s.Account("tests"), "ada@example.org")
		add := func(token string, userID int64, source string) {
			require.NoError(t, s.AddChallenge(ctx, access.Challenge{
				Token: secret.New(token), Value: "sign " + token, UserID: userID, Source: source, EndsAt: fake.Now().Add(access.ChallengeLasts),
			}))
		}
		take := func(token string, userID int64) bool {
			c, err := s.TakeChallenge(ctx, secret.New(token), userID)
			if err == nil {
				require.Equal(t, "sign "+token, c.Value)
				return true
			}
			require.True(t, fault.Is(err, fault.NotFound), err)
			return false
		}
		add("hers", ada.ID, "")
		require.False(t, take("hers", 0), "it is not for a sign-in")
		require.False(t, take("hers", ada.ID+1), "it is another's")
		require.Zero(t, s.Int("SELECT COUNT(*) FROM passkey_challenges WHERE hash = 'hers'"))
		var taken atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := s.TakeChallenge(ctx, secret.New("hers"), ada.ID); err == nil {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, taken.Load())
		add("late", 0, "192.0.2.0/24")
		fake.Advance(access.ChallengeLasts)
		require.False(t, take("late", 0))
		require.NoError(t, s.SweepPeople(ctx))
		require.Zero(t, s.Int("SELECT COUNT(*) FROM passkey_challenges"))

		// A network that begins many ends its own alone.
		add("other", 0, "198.51.100.1/32")
		for n := range access.MostChallengesEach + 5 {
			fake.Advance(time.Millisecond)
			add(fmt.Sprint("many ", n), 0, "192.0.2.1/32")
		}
		require.Equal(t, access.MostChallengesEach+1, s.Int("SELECT COUNT(*) FROM passkey_challenges"))
		require.True(t, take("other", 0))
		require.False(t, take("many 4", 0))
		require.True(t, take("many 5", 0))
		// And of all networks together so many are kept.
		s.Exec(`INSERT INTO passkey_challenges (hash, challenge, user_id, source, ends_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT 'flood ' || i, 'x', 0, 'network ' || i, CAST(? AS BIGINT) + i FROM n`, access.MostChallenges, fake.Now().Add(time.Hour).UnixMilli())
		add("newest", 0, "203.0.113.1/32")
		require.LessOrEqual(t, s.Int("SELECT COUNT(*) FROM passkey_challenges"), access.MostChallenges)
		require.True(t, take("newest", 0))
	})
}

// Recovery codes come with the first second factor, and go with the last one.
func TestRecoveryCodesStayWhileThereIsASecondFactor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		ada := person(t, s, s.Account("tests"), "ada@example.org")
		left := func() int {
			proofs, err := s.ProofsOf(ctx, ada.ID)
			require.NoError(t, err)
			return proofs.RecoveryLeft
		}
		add := func(credential string, codes ...secret.String) (access.Passkey, bool) {
			k, first, err := s.AddPasskey(ctx, access.Passkey{UserID: ada.ID, Name: "Phone", Credential: []byte(credential)}, codes, 0)
			require.NoError(t, err)
			return k, first
		}
		phone, first := add("phone", secret.New("A"), secret.New("B"))
		require.True(t, first)
		laptop, first := add("laptop", secret.New("C"))
		require.False(t, first)
		require.Equal(t, 2, left())
		app := access.Factor{TOTP: secret.New("JBSWY3DPEHPK3PXP"), Step: 1, Recovery: []secret.String{secret.New("D"), secret.New("E"), secret.New("F")}}
		require.NoError(t, s.SetFactor(ctx, ada.ID, app, 0))
		require.Equal(t, 3, left())
		require.NoError(t, s.SetFactor(ctx, ada.ID, access.Factor{}, 0))
		require.Equal(t, 3, left(), "there are passkeys")
		require.NoError(t, s.RemovePasskey(ctx, ada.ID, phone.ID, 0))
		require.Equal(t, 3, left(), "there is a passkey")
		require.NoError(t, s.RemovePasskey(ctx, ada.ID, laptop.ID, 0))
		require.Zero(t, left())
		require.NoError(t, s.SetFactor(ctx, ada.ID, app, 0))
		phone, first = add("phone", secret.New("A"))
		require.False(t, first)
		require.NoError(t, s.RemovePasskey(ctx, ada.ID, phone.ID, 0))
		require.Equal(t, 3, left(), "there is an app")
		add("phone")
		token := secret.New("a link")
		require.NoError(t, s.AddReset(ctx, access.Reset{UserID: ada.ID, Token: token, DropsFactors: true, EndsAt: s.Clock.Now().Add(time.Hour)}))
		u, err := s.UseReset(ctx, token, secret.New("hash"))
		require.NoError(t, err)
		require.Equal(t, ada.ID, u.ID)
		require.Zero(t, left())
		proofs, err := s.ProofsOf(ctx, ada.ID)
		require.NoError(t, err)
		require.False(t, proofs.SecondFactor())
	})
}
