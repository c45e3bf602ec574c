package room_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func webhook(name string) secret.String {
	return secret.New("https://hooks.example.org/services/" + name + "/what-nobody-can-guess-0123?v=1&sig=another-that-nobody-guesses")
}

// open opens rooms whose far end answers with the path that was asked.
func open(t testing.TB, c room.Config) *room.Rooms {
	t.Helper()
	s, err := sink.NewHTTP(sink.Options{Dialect: func(r *http.Request, _ []byte) sink.Exchange {
		return sink.Exchange{Messages: []int64{1}, Reply: func(w http.ResponseWriter, _ []sink.Answer) { _, _ = fmt.Fprint(w, r.URL.RequestURI()) }}
	}})
	require.NoError(t, err)
	c.API, c.TimeoutMS = s.URL()+"/by/", 60000
	rooms := room.Open(&c, providers.Deps{Dialer: providers.Dialer{AllowPrivate: true}, Clock: clock.NewFake(providertest.Now), Concurrency: 2})
	t.Cleanup(func() {
		require.NoError(t, rooms.Close())
		require.NoError(t, s.Close())
	})
	return rooms
}

// ask is where a message for an address arrives.
func ask(t testing.TB, rooms *room.Rooms, to string) (path string, of room.Room, err error) {
	t.Helper()
	_, err = rooms.Ask(t.Context(), room.Asking{Message: &providers.Message{To: to}, Query: "wait=true", Body: []byte("{}"),
		Read: func(answer *http.Response, found room.Room) (providers.Accepted, error) {
			buffer := make([]byte, 1000)
			n, _ := answer.Body.Read(buffer)
			path, of = string(buffer[:n]), found
			return providers.Accepted{}, nil
		}})
	return path, of, err
}

// An address is a room's name, and the webhook without one takes what is no room's.
func TestWhichRoom(t *testing.T) {
	both := open(t, room.Config{Webhook: webhook("all"), Rooms: map[string]secret.String{"ops": webhook("ops")}})
	for to, want := range map[string]string{"ops": "ops", "Ops": "all", "sales": "all", "": "all"} {
		path, of, err := ask(t, both, to)
		require.NoError(t, err)
		require.Equal(t, "/by/services/"+want+"/what-nobody-can-guess-0123?v=1&sig=another-that-nobody-guesses&wait=true", path, to)
		require.Equal(t, want == "ops", of.Named)
	}
	rooms := map[string]secret.String{}
	for i := range 22 {
		rooms[fmt.Sprintf("room %02d", i)] = webhook("x")
	}
	_, _, err := ask(t, open(t, room.Config{Rooms: rooms}), "ops")
	require.Equal(t, providers.ErrorRecipient, providers.AsError(err).Kind)
	require.Empty(t, providers.AsError(err).Bounce, "it may be a room tomorrow")
	require.ErrorContains(t, err, `no room is called "ops"; those of config.rooms are "room 00", "room 01"`)
	require.ErrorContains(t, err, `"room 19" and 2 more`)
}

// A webhook that is no more is the matter of its room, and of the whole channel where it is
// everybody's.
func TestDead(t *testing.T) {
	rooms := open(t, room.Config{Webhook: webhook("all"), Rooms: map[string]secret.String{"ops": webhook("ops")}})
	_, named, err := ask(t, rooms, "ops")
	require.NoError(t, err)
	_, all, err := ask(t, rooms, "sales")
	require.NoError(t, err)
	require.Equal(t, `recipient gone: it is gone: set config.rooms["ops"] to another webhook, or mend it there`, room.Dead(named, "gone", "it is gone").Error())
	require.Equal(t, `auth gone: it is gone: set config.webhook to another webhook, or mend it there`, room.Dead(all, "gone", "it is gone").Error())
}

// No part of a webhook's URL that is not to be guessed is quoted.
func TestQuoted(t *testing.T) {
	rooms := open(t, room.Config{Webhook: webhook("all"), Rooms: map[string]secret.String{"ops": webhook("ops")}})
	u, err := url.Parse(webhook("ops").Reveal())
	require.NoError(t, err)
	for _, said := range []string{u.String(), u.RequestURI(), u.Path, "what-nobody-can-guess-0123", u.Query().Get("sig"), webhook("all").Reveal()} {
		quoted := rooms.Quoted("no: " + said)
		require.Contains(t, quoted, ": no: ")
		require.NotContains(t, quoted, "guess")
	}
	require.Empty(t, rooms.Quoted(" \n"))
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", rooms, rooms, rooms), "guess")
}

func TestCheck(t *testing.T) {
	theirs := func(u *url.URL) string {
		if u.Hostname() != "hooks.example.org" {
			return "must be at hooks.example.org"
		}
		return ""
	}
	for raw, want := range map[string]string{
		`{}`: "config.webhook is required", `{"rooms":{}}`: "config.webhook is required",
		`{"rooms":{"":"https://hooks.example.org/x"}}`:                  `config.rooms "" is no name`,
		`{"rooms":{" x":"https://hooks.example.org/x"}}`:                `config.rooms " x" is no name`,
		`{"rooms":{"x":""}}`:                                            `config.rooms the URL of "x" must be an https address`,
		`{"webhook":"://"}`:                                             "config.webhook must be an https address",
		`{"webhook":"https://example.org/x"}`:                           "config.webhook must be at hooks.example.org",
		`{"webhook":"https://hooks.example.org/x","api":"ftp://x.org"}`: "config.api must be an http or https address",
	} {
		var c room.Config
		require.NoError(t, json.Unmarshal([]byte(raw), &c))
		wrong := room.Check(&c, theirs)
		require.Len(t, wrong, 1, raw)
		require.Contains(t, wrong[0].Location+" "+wrong[0].Message, want)
	}
	require.Empty(t, room.Check(&room.Config{Rooms: map[string]secret.String{"Zimmer 1": webhook("x")}}, theirs))
}

func TestText(t *testing.T) {
	file := &providers.Attachment{URL: "https://x.org/a.pdf", Filename: "a.pdf", Caption: "A file"}
	require.Equal(t, "Hello", room.Text(&providers.Content{Text: "Hello"}))
	require.Equal(t, "Hello\nA file\na.pdf: https://x.org/a.pdf", room.Text(&providers.Content{Text: "Hello", Attachment: file}))
	require.Equal(t, "https://x.org/a", room.Text(&providers.Content{Attachment: &providers.Attachment{URL: "https://x.org/a"}}))
}
