package webpush_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/fakes"
	"carillon/internal/sink"
	"carillon/providers"
)

// done is a context that has ended.
func done(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// What the test and the fake read by is right: it reads what RFC 8291 has as its example, and what another
// implementation encrypted and signed.
func TestVectors(t *testing.T) {
	body, err := base64.RawURLEncoding.DecodeString("DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8w" +
		"EqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	require.NoError(t, err)
	text, err := fakes.Unseal(browser, auth, body)
	require.NoError(t, err)
	require.Equal(t, "When I grow up, I want to be a watermelon", string(text))
	raw, err := os.ReadFile("testdata/sealed.json")
	require.NoError(t, err)
	var vectors []struct {
		Name         string
		Subscription struct {
			Endpoint string
			Keys     struct{ Auth string }
		}
		PrivateKey, Text, Body string
		Headers                map[string]any
	}
	require.NoError(t, json.Unmarshal(raw, &vectors))
	require.NotEmpty(t, vectors)
	for _, v := range vectors {
		body, err := base64.RawURLEncoding.DecodeString(v.Body)
		require.NoError(t, err, v.Name)
		text, err := fakes.Unseal(v.PrivateKey, v.Subscription.Keys.Auth, body)
		require.NoError(t, err, v.Name)
		require.Equal(t, v.Text, string(text), v.Name)
		origin := v.Subscription.Endpoint[:strings.Index(v.Subscription.Endpoint[8:], "/")+8]
		_, problem := fakes.SignedBy(v.Headers["Authorization"].(string), origin, vectorsMade)
		require.Empty(t, problem, v.Name)
	}
}

// vectorsMade is when the vectors were made.
var vectorsMade = time.Date(2026, 11, 29, 15, 5, 0, 0, time.UTC)

// The request has the headers that another implementation sends, and no others of Web Push.
func TestHeadersAsOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/sealed.json")
	require.NoError(t, err)
	var vectors []struct{ Headers map[string]any }
	require.NoError(t, json.Unmarshal(raw, &vectors))
	var got sink.Delivery
	f := &far{}
	f.serve(t, sink.Options{Seen: func(d sink.Delivery) { got = d }})
	_, err = open(t, changed(`"timeout_ms"`, `"topic":"news","urgency":"high","timeout_ms"`)).Send(t.Context(),
		providers.Message{ID: 7, To: f.to(7), Content: providers.Content{Text: "x"}})
	require.NoError(t, err)
	theirs := vectors[1].Headers
	for name, value := range theirs {
		require.NotEmpty(t, got.Header.Get(name), name)
		if name != "Authorization" {
			require.Equal(t, fmt.Sprint(value), got.Header.Get(name), name)
		}
	}
}

// FuzzSubscription has nothing in an address bring the adapter down, or go anywhere that the
// settings do not name.
func FuzzSubscription(f *testing.F) {
	f.Add(subscription("https://push.example.com", 1))
	f.Add(subscription("https://127.0.0.1@example.org", 1))
	f.Add(`{"endpoint":null,"keys":{"p256dh":7}}`)
	f.Add("visitor")
	f.Fuzz(func(t *testing.T, address string) {
		_, err := open(t, config()).Send(done(t), providers.Message{ID: 7, To: address, Content: providers.Content{Text: "x"}})
		require.Contains(t, []providers.ErrorKind{providers.ErrorRecipient, providers.ErrorTemporary}, providers.AsError(err).Kind)
	})
}
