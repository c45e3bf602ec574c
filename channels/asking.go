package channels

import (
	"context"
	"errors"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
)

// askingTime bounds how long somebody waits for what a provider says of a channel.
const askingTime = 15 * time.Second

// ProbeState is what a provider says of a channel's settings.
type ProbeState string

// The states.
const (
	ProbeOK ProbeState = "ok" // the provider takes them
	// ProbeRefused: it was asked, and does not.
	ProbeRefused ProbeState = "refused"
	// ProbeUnreachable: it could not be asked, or gave no answer that can be read.
	ProbeUnreachable ProbeState = "unreachable"
	// ProbeUntold: providers of its kind can't be asked without sending something.
	ProbeUntold ProbeState = "untold"
)

// Probe is what a channel's provider says of its settings.
type Probe struct {
	State ProbeState
	// Kind, Code and Detail say why it is not ok: the kind of error, the provider's own code and
	// its words. Of one that is ok Detail is what the provider says of the account, if anything.
	Kind         providers.ErrorKind
	Code, Detail string
	Took         time.Duration
}

// Probe asks a channel's provider whether it takes the channel's settings. Nothing is sent.
func (s *Service) Probe(ctx context.Context, accountID, id int64) (p Probe, err error) {
	err = s.asking(ctx, accountID, id, func(ctx context.Context, c providers.Channel, adapter providers.Provider) error {
		checker, can := adapter.(providers.Checker)
		if !can {
			p = Probe{State: ProbeUntold, Detail: "a " + c.Provider + " channel can't be tried without sending: channel test sends a message"}
			return nil
		}
		began := s.clock.Now()
		informer, tells := adapter.(providers.Informer)
		var told string
		var err error
		if tells {
			told, err = informer.Inform(ctx)
		} else {
			err = checker.Check(ctx)
		}
		p = Probe{State: ProbeOK, Detail: told, Took: s.clock.Now().Sub(began)}
		if err == nil {
			return nil
		}
		failure := providers.AsError(err)
		p.State, p.Kind, p.Code, p.Detail = ProbeRefused, failure.Kind, failure.Code, err.Error()
		if failure.Err != nil {
			p.Detail = failure.Err.Error()
		}
		if failure.Kind == providers.ErrorTemporary || failure.Kind == providers.ErrorInDoubt {
			p.State = ProbeUnreachable
		}
		return nil
	})
	return p, err
}

// KeptTemplates are those that a channel's provider keeps. It is Invalid where it keeps none, a
// Conflict where it refuses the channel's settings, and Unavailable where it can't be asked.
func (s *Service) KeptTemplates(ctx context.Context, accountID, id int64) (list []providers.Template, err error) {
	err = s.asking(ctx, accountID, id, func(ctx context.Context, c providers.Channel, adapter providers.Provider) (err error) {
		syncer, can := adapter.(providers.TemplateSyncer)
		if !can {
			return fault.New(fault.Invalid, "a %s channel keeps no templates of its own: every template of the catalogue can be sent through it", c.Provider)
		}
		list, err = syncer.SyncTemplates(ctx)
		return providerFault(err)
	})
	return list, err
}

// Find asks a channel's provider what became of messages, one after the other. It is Invalid
// where the provider can't be asked that.
func (s *Service) Find(ctx context.Context, accountID, id int64, list []Seeking) error {
	return s.opened(ctx, accountID, id, func(ctx context.Context, c providers.Channel, adapter providers.Provider) error {
		finder, can := adapter.(providers.Finder)
		if !can {
			return fault.New(fault.Invalid, "a %s channel can't be asked what became of a message", c.Provider)
		}
		for _, one := range list {
			if err := one.Turn(ctx); err != nil {
				return err
			}
			asking, cancel := context.WithTimeout(ctx, askingTime)
			found, err := finder.Find(asking, one.Sought)
			cancel()
			if err := one.Told(ctx, found, err); err != nil {
				return err
			}
		}
		return nil
	})
}

// Seeking is one message of Find.
type Seeking struct {
	Sought providers.Sought
	// Turn waits until the provider may be asked; an error ends the asking.
	Turn func(ctx context.Context) error
	// Told is given what the provider said, or its error; an error of its own ends the asking.
	Told func(ctx context.Context, found providers.Found, err error) error
}

// SubmitTemplates hands templates in to a channel's provider, each of which it may take or not: the
// states are of those that it took, and the words why it did not take the others. Its errors are
// those of KeptTemplates.
func (s *Service) SubmitTemplates(ctx context.Context, accountID, id int64, list []providers.NewTemplate) (states []providers.TemplateStatus, refused []string,
	err error) {
	states, refused = make([]providers.TemplateStatus, len(list)), make([]string, len(list))
	err = s.asking(ctx, accountID, id, func(ctx context.Context, c providers.Channel, adapter providers.Provider) error {
		submitter, can := adapter.(providers.TemplateSubmitter)
		if !can {
			return fault.New(fault.Invalid, "a %s channel takes no templates in: make it at the provider", c.Provider)
		}
		for i, t := range list {
			state, err := submitter.SubmitTemplate(ctx, t)
			states[i] = state
			if err == nil {
				continue
			}
			refused[i] = said(providers.AsError(err))
			if kind := providers.AsError(err).Kind; kind != providers.ErrorContent && i == 0 {
				return providerFault(err)
			}
		}
		return nil
	})
	return states, refused, err
}

// providerFault is a provider's error as one of whoever asked.
func providerFault(err error) error {
	if err == nil {
		return nil
	}
	failure := providers.AsError(err)
	if failure.Kind.StopsChannel() || failure.Kind == providers.ErrorContent {
		return fault.New(fault.Conflict, "the provider refuses: %s", said(failure))
	}
	return fault.New(fault.Unavailable, "the provider can't be asked now: %s", said(failure))
}

func said(failure *providers.Error) string {
	if failure.Err != nil {
		return failure.Err.Error()
	}
	return failure.Error()
}

// asking opens a channel's provider for as long as somebody waits for what it says.
func (s *Service) asking(ctx context.Context, accountID, id int64, ask func(context.Context, providers.Channel, providers.Provider) error) error {
	ctx, cancel := context.WithTimeout(ctx, askingTime)
	defer cancel()
	return s.opened(ctx, accountID, id, ask)
}

// opened opens a channel's provider for as long as it is asked something.
func (s *Service) opened(ctx context.Context, accountID, id int64, ask func(context.Context, providers.Channel, providers.Provider) error) error {
	c, err := s.store.GetChannel(ctx, accountID, id)
	if err != nil {
		return err
	}
	adapter, err := s.known.New(c.Provider, c.Config, providers.Deps{
		Installation: s.outside.Installation, ChannelID: c.ID, Concurrency: 1, Dialer: s.outside.Dialer, Clock: s.clock, Replaced: c.Replaced,
		HookURL: providers.HookURL(s.outside.PublicURL, c.ID),
		Receive: func(context.Context, []providers.Receipt) error { return nil }, // nothing is sent
	})
	if err != nil {
		return err
	}
	return errors.Join(ask(ctx, c, adapter), adapter.Close())
}
