package postmark

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"carillon/providers"
)

// Find searches the server's outbound messages for our id among their metadata: those of 45 days,
// or of 7 at the least (postmarkapp.com/developer/api/messages-api, "Outbound message search").
func (p *Provider) Find(ctx context.Context, s providers.Sought) (found providers.Found, err error) {
	ours := p.deps.UniqueID(s.MessageID)
	query := url.Values{"count": {"5"}, "offset": {"0"}, "metadata_" + ourID: {ours}}
	err = p.line.Look(ctx, func(ctx context.Context) (*http.Request, error) {
		return p.request(ctx, http.MethodGet, "/messages/outbound?"+query.Encode())
	}, func(answer *http.Response) error {
		text, broken := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
		if failure := p.failure(answer, string(text)); failure != nil {
			return failure
		}
		if broken != nil {
			return &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("the answer was cut off")}
		}
		found, err = listed(text, ours)
		return err
	})
	return found, err
}

// listed reads a list of messages that are to be ours.
func listed(text []byte, ours string) (providers.Found, error) {
	var list struct {
		TotalCount *int
		Messages   []struct {
			MessageID string
			Metadata  map[string]string
		}
	}
	if err := json.Unmarshal(text, &list); err != nil || list.TotalCount == nil {
		return providers.Found{}, &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New("what answers there is not Postmark: check config.api")}
	}
	for _, m := range list.Messages {
		if m.Metadata[ourID] == ours && providers.Key(m.MessageID) {
			return providers.Found{Fate: providers.FateTaken, ProviderID: m.MessageID}, nil
		}
	}
	if *list.TotalCount != 0 || len(list.Messages) != 0 {
		return providers.Found{Fate: providers.FateUntold, Detail: "it lists messages that were not asked for"}, nil
	}
	return providers.Found{Fate: providers.FateNotTaken}, nil
}
