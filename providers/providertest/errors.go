package providertest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// Refusal is an answer of the far end and the error that it must become.
type Refusal struct {
	Name string
	// Answer is what the far end does with the message.
	Answer sink.Answer
	// Command is what it answers to commands, for SMTP.
	Command func(line string) string
	// Config makes an adapter that talks to nobody refuse.
	Config json.RawMessage
	// Kind, Code and RetryAfter are what must come of it. An empty Kind means
	// success.
	Kind       providers.ErrorKind
	Code       string
	RetryAfter time.Duration
	// Bounce is what must come of it for the address.
	Bounce providers.BounceKind
	// Window says that they have not written within Capabilities.ReplyWindow.
	Window bool
	// Moved is the address that the recipient has now.
	Moved string
}

// refusals has a check for each answer.
func (s Subject) refusals() []check {
	checks := make([]check, len(s.Refusals))
	for i, r := range s.Refusals {
		checks[i] = check{"Refusals/" + r.Name, func(t testing.TB) { s.refusal(t, r) }}
	}
	return checks
}

func (s Subject) refusal(t testing.TB, r Refusal) {
	t.Helper()
	_, err := s.refuse(t, r)
	if r.Kind == "" {
		require.NoError(t, err)
		return
	}
	r.require(t, err)
	if providers.AsError(err).WindowClosed {
		require.Positive(t, s.Kind.Capabilities.ReplyWindow, "there is no window that could be closed")
	}
}

// require checks that an error is the one that the answer must become.
func (r Refusal) require(t testing.TB, err error) {
	t.Helper()
	require.Error(t, err)
	var e *providers.Error
	require.ErrorAs(t, err, &e)
	require.Contains(t, providers.ErrorKinds(), e.Kind)
	require.Equal(t, r.Kind, e.Kind, err.Error())
	require.Error(t, e.Err, "it says why in words")
	if e.Kind != providers.ErrorRecipient {
		require.Empty(t, e.Bounce, "no address is at fault")
	}
	require.Equal(t, r.Code, e.Code)
	require.Equal(t, r.RetryAfter, e.RetryAfter)
	require.Equal(t, r.Bounce, e.Bounce)
	require.Equal(t, r.Moved, e.MovedTo)
	if e.MovedTo != "" {
		require.Equal(t, providers.ErrorRecipient, e.Kind, "it is the recipient who moved")
	}
	require.Equal(t, r.Window, e.WindowClosed, "whether all that is wrong is that they have not written lately")
}

func (s Subject) refuse(t testing.TB, r Refusal) (providers.Provider, error) {
	t.Helper()
	config := r.Config
	if s.Serve != nil {
		config = s.Serve(t, sink.Options{
			Answer: func(int64, int64) sink.Answer { return r.Answer }, Command: r.Command,
		}).Config
	}
	p := s.open(t, config)
	_, err := p.Send(t.Context(), s.message(7))
	return p, err
}
