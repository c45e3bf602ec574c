package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/configs"
	"carillon/messages"
	"carillon/providers"
)

// Postmark takes a message and cuts the connection: asked later it says so, and nobody gets it twice.
func TestAProviderIsAskedAboutADoubt(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, config configs.Config) {
		var sends, asks atomic.Int64
		var metadata atomic.Value
		far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/messages/outbound" {
				asks.Add(1)
				metadata.Store(r.FormValue("metadata_carillon"))
				_, _ = fmt.Fprintf(w, `{"TotalCount":1,"Messages":[{"MessageID":"pm-1","Status":"Sent","Metadata":{"carillon":%q}}]}`, metadata.Load())
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			sends.Add(1)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}))
		t.Cleanup(far.Close)
		e := startTestEngine(t, config, AllRoles)
		f := newFixture(t, e, testChannel{provider: "postmark", config: fmt.Sprintf(
			`{"api":%q,"token":"the-token-of-the-server","from":"news@example.org","hook_token":"what-stands-in-the-address"}`, far.URL)}, 1)
		c, err := e.Store.GetChannel(t.Context(), f.account, f.channel.ID)
		require.NoError(t, err)
		c.InDoubt = providers.InDoubtHold
		_, err = e.Store.UpdateChannel(t.Context(), c)
		require.NoError(t, err)
		m, err := e.Messages.Send(t.Context(), messages.Notification{AccountID: f.account, ChannelID: f.channel.ID, To: "x@example.com",
			Content: providers.Content{Subject: "s", Text: "your code"}})
		require.NoError(t, err)
		e.Wake()
		await := func(state messages.State) messages.Message {
			t.Helper()
			require.Eventually(t, func() bool {
				m, err = e.Store.GetMessage(t.Context(), f.account, m.ID)
				require.NoError(t, err)
				return m.State == state
			}, time.Minute, 5*time.Millisecond)
			return m
		}
		doubtful := await(messages.Unknown)
		require.NoError(t, e.askAbout(t.Context(), []messages.Doubt{{
			MessageID: m.ID, ChannelID: c.ID, AccountID: f.account, To: m.Address, AskedFrom: *doubtful.ClaimedAt, Began: *doubtful.FinalAt, Alone: true,
		}}))
		require.Equal(t, "pm-1", await(messages.Sent).ProviderID)
		require.Equal(t, messages.ReasonProviderAsked, m.Reason)
		require.EqualValues(t, 1, sends.Load())
		require.EqualValues(t, 1, asks.Load())
		require.Regexp(t, fmt.Sprintf("^%d-[0-9a-z]+$", m.ID), metadata.Load(), "it asks by the id that this installation gave")
		worked, err := e.askAboutDoubts(t.Context())
		require.NoError(t, err)
		require.False(t, worked)
		require.EqualValues(t, 1, asks.Load(), "nothing is due")
	})
}
