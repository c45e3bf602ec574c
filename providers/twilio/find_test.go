package twilio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/twilio"
)

// asks asks about a message of a list that Twilio answers with.
func asks(t testing.TB, list string, alone bool, others func(context.Context, []string) (map[string]bool, error)) (providers.Found, error) {
	t.Helper()
	s, err := sink.NewHTTP(sink.Options{Dialect: func(*http.Request, []byte) sink.Exchange {
		return sink.Exchange{Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = w.Write([]byte(list)) }}
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	finder, can := providertest.Open(t, twilio.Kind(), config(s.URL())).(providers.Finder)
	require.True(t, can)
	return finder.Find(t.Context(), providers.Sought{
		MessageID: 1, To: "+4915112345678", From: providertest.Now.Add(-time.Hour), Until: providertest.Now.Add(-59 * time.Minute), Alone: alone, Others: others,
	})
}

// A message at Twilio names nothing of ours: where another one may be meant, nothing is told.
func TestAMessageIsToldByItsTimeOnlyWhereNoOtherMayBeMeant(t *testing.T) {
	at := func(before time.Duration) string { return providertest.Now.Add(-before).Format(time.RFC1123Z) }
	item := func(id int64, created, more string) string {
		return fmt.Sprintf(`{"sid":%q,"direction":"outbound-api","date_created":%q%s}`, sid(id), created, more)
	}
	page := func(items ...string) string { return `{"messages":[` + strings.Join(items, ",") + `]}` }
	nobody := func(context.Context, []string) (map[string]bool, error) { return nil, nil }
	knows := func(id int64) func(context.Context, []string) (map[string]bool, error) {
		return func(_ context.Context, ids []string) (map[string]bool, error) {
			require.Contains(t, ids, sid(id))
			return map[string]bool{sid(id): true}, nil
		}
	}
	mine := item(7, at(time.Hour), "")
	for name, c := range map[string]struct {
		list   string
		lonely bool
		others func(context.Context, []string) (map[string]bool, error)
		fate   providers.Fate
		id     string
	}{
		"one at the time":            {page(mine), true, nobody, providers.FateTaken, sid(7)},
		"one, and two are in doubt":  {page(mine), false, nobody, providers.FateUntold, ""},
		"none, and two are in doubt": {page(), false, nobody, providers.FateNotTaken, ""},
		"two at the time":            {page(mine, item(8, at(59*time.Minute), "")), true, nobody, providers.FateUntold, ""},
		"two, and one is another's":  {page(mine, item(8, at(59*time.Minute), "")), true, knows(8), providers.FateTaken, sid(7)},
		"the only one is another's":  {page(mine), true, knows(7), providers.FateNotTaken, ""},
		"one of before":              {page(item(7, at(63*time.Minute), "")), true, nobody, providers.FateNotTaken, ""},
		"one of later":               {page(item(7, at(56*time.Minute), "")), true, nobody, providers.FateNotTaken, ""},
		"within what clocks differ":  {page(item(7, at(60*time.Minute+50*time.Second), "")), true, nobody, providers.FateTaken, sid(7)},
		"a time that can't be read":  {page(item(7, "yesterday", "")), true, nobody, providers.FateUntold, ""},
		"a sid that can't be kept": {page(`{"sid":"a b","direction":"outbound-api","date_created":"` + at(time.Hour) + `"}`),
			true, nobody, providers.FateUntold, ""},
		"what somebody wrote":         {page(`{"sid":"SM1","direction":"inbound","date_created":"` + at(time.Hour) + `"}`), true, nobody, providers.FateNotTaken, ""},
		"a list that goes on":         {`{"messages":[],"next_page_uri":"/x"}`, true, nobody, providers.FateUntold, ""},
		"a list that goes on with it": {`{"messages":[` + mine + `],"next_page_uri":"/x"}`, true, nobody, providers.FateUntold, ""},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := asks(t, c.list, c.lonely, c.others)
			require.NoError(t, err)
			require.Equal(t, c.fate, found.Fate, found.Detail)
			require.Equal(t, c.id, found.ProviderID)
			require.Equal(t, c.fate == providers.FateUntold, found.Detail != "")
		})
	}
	found, err := asks(t, page(item(7, at(time.Hour), `,"status":"undelivered","error_code":30005,"error_message":"no such number"`)), true, nobody)
	require.NoError(t, err)
	require.Equal(t, providers.ReceiptRejected, found.Receipt.Status)
	require.Equal(t, providers.BounceHard, found.Receipt.Bounce)
	require.Equal(t, "30005", found.Receipt.Code)

	_, err = asks(t, page(mine), true, func(context.Context, []string) (map[string]bool, error) { return nil, errors.New("the store is away") })
	require.Error(t, err)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
}

// Whatever is listed, nothing is told that no message stands for.
func FuzzFind(f *testing.F) {
	f.Add(`{"messages":[{"sid":"SM1","direction":"outbound-api","date_created":"Sat, 21 Nov 2026 08:00:00 +0000","error_code":30005,"status":"failed"}]}`)
	f.Add(`{"messages":[],"next_page_uri":null}`)
	f.Add(`{"messages":null}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, list string) {
		found, err := asks(t, list, true, func(context.Context, []string) (map[string]bool, error) { return nil, nil })
		if err != nil {
			require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
			require.Equal(t, providers.Found{}, found)
			return
		}
		require.Equal(t, found.Fate == providers.FateTaken, providers.Key(found.ProviderID))
	})
}
