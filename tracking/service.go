package tracking

import (
	"context"

	"carillon/internal/clock"
)

// Ref is what the token of a tracked link, or of a picture that tells of an open, names.
type Ref struct {
	AccountID, RunID, MessageID int64
	Link                        Link // zero for an open
}

// Tokens reads tokens. Those that were not made here are NotFound.
type Tokens interface {
	ParseClick(token string) (Ref, error)
	ParseOpen(token string) (Ref, error)
}

// Targets knows where links lead.
type Targets interface {
	// LinkTarget is the address that a link of a message leads to, with its run's
	// parameters. It is NotFound where the content has no such link any more.
	LinkTarget(ctx context.Context, r Ref) (string, error)
}

// Recorder keeps what was done with messages.
type Recorder interface {
	// Engaged takes an event and returns before it is written. It waits while too many are
	// to be written, for as long as the context allows.
	Engaged(ctx context.Context, e Event)
}

// Service is what people do with tracked messages.
type Service struct {
	tokens   Tokens
	targets  Targets
	recorder Recorder
	clock    clock.Clock
}

// NewService makes the service. A nil recorder keeps nothing.
func NewService(tokens Tokens, targets Targets, recorder Recorder, c clock.Clock) *Service {
	return &Service{tokens: tokens, targets: targets, recorder: recorder, clock: c}
}

// Click is where a click leads, and has it kept. A token that was not made here, and a link
// that its content has not any more, are NotFound.
func (s *Service) Click(ctx context.Context, token string, r Request) (target string, err error) {
	ref, err := s.tokens.ParseClick(token)
	if err != nil {
		return "", err
	}
	if target, err = s.targets.LinkTarget(ctx, ref); err != nil {
		return "", err
	}
	s.keep(ctx, Event{RunID: ref.RunID, MessageID: ref.MessageID, Link: ref.Link, Why: Judge(r, false)})
	return target, nil
}

// Opened has it kept that the picture of a message was asked for. A token that was not made
// here is NotFound.
func (s *Service) Opened(ctx context.Context, token string, r Request) error {
	ref, err := s.tokens.ParseOpen(token)
	if err != nil {
		return err
	}
	s.keep(ctx, Event{RunID: ref.RunID, MessageID: ref.MessageID, Open: true, Why: Judge(r, true)})
	return nil
}

func (s *Service) keep(ctx context.Context, e Event) {
	if s.recorder == nil {
		return
	}
	e.At = s.clock.Now()
	s.recorder.Engaged(ctx, e)
}
