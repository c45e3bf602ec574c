package fakes_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/providers"
)

// sample is a configuration of a provider that only shows the form.
func sample(t *testing.T, provider string) (settings map[string]any) {
	t.Helper()
	text, err := os.ReadFile("../../providers/" + provider + "/testdata/config.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &settings))
	return settings
}

func TestFCM(t *testing.T) {
	f := newFar(t, "fcm", fakes.FCM, func(address string) map[string]any {
		settings := sample(t, "fcm")
		settings["api"], settings["token_uri"] = address, address+"/token"
		return settings
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	text := providers.Content{Text: "Hi"}
	require.Empty(t, f.send(1, "dK3:APA99", text))
	require.Equal(t, "UNREGISTERED", f.send(2, "dK3:APA00", text))
	require.Equal(t, "SENDER_ID_MISMATCH", f.send(3, "dK3:APA01", text))
	require.Equal(t, "QUOTA_EXCEEDED", f.send(4, "dK3:APA04", text))
	require.Empty(t, f.send(4, "dK3:APA04", text))
}

// A browser of the fake reads what is encrypted for it, and nothing else.
func TestWebPush(t *testing.T) {
	start, told := telling(fakes.WebPush)
	f := newFar(t, "webpush", start, func(string) map[string]any {
		settings := sample(t, "webpush")
		settings["services"] = "127.0.0.1"
		return settings
	})
	subscription := func(number string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.started.URL()+"/subscriptions/"+number, http.NoBody)
		require.NoError(t, err)
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		require.NoError(t, err)
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return strings.TrimSpace(string(text))
	}
	text := providers.Content{Subject: "News", Text: "Hi"}
	require.Empty(t, f.send(1, subscription("10"), text))
	require.Equal(t, "410", f.send(2, subscription("1000"), text))
	require.Equal(t, "429", f.send(3, subscription("1004"), text))
	require.Empty(t, f.send(3, subscription("1004"), text))
	require.Equal(t, "400", f.send(4, strings.Replace(subscription("11"), "/push/11", "/push/12", 1), text), "it is encrypted for another browser")
	require.Equal(t, "10", told()[0].To)
	require.Contains(t, told()[0].Text, `"title":"News","body":"Hi"`)
}
