package app

import (
	"context"
	"time"

	"carillon/providers"
)

// templateStatesEvery is how often providers are asked what became of templates: they look at
// one for minutes to a day, and tell of one that they pause by the refusal of each message.
const templateStatesEvery = 10 * time.Minute

// templateStates takes over what the providers of active channels say of the templates that they
// keep. One that can't be asked holds nobody else up for longer than the asking is bounded.
func (e *Engine) templateStates(ctx context.Context) (bool, error) {
	list, err := e.Store.AllChannels(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range list {
		kind, err := e.Registry.Kind(c.Provider)
		if err != nil || !kind.Capabilities.Templates || c.Status != providers.ChannelActive {
			continue
		}
		kept, err := e.Channels.KeptTemplates(ctx, c.AccountID, c.ID)
		if err == nil {
			_, err = e.Catalogue.Sync(ctx, c.AccountID, c.ID, kept)
		}
		if err != nil {
			e.log.Warn("the states of templates could not be asked for", "channel", c.ID, "error", err)
		}
	}
	return false, nil
}
