package store

import (
	"context"
	"encoding/json"

	"carillon/campaigns"
	"carillon/providers"
)

// CampaignOfRun is the campaign behind a run, as far as sending needs it:
// content, throttle, weight, audience.
func (s *Store) CampaignOfRun(ctx context.Context, runID int64) (campaigns.Campaign, error) {
	var c campaigns.Campaign
	var audience, content, throttle string
	err := s.reader().row(ctx, `SELECT k.id, k.account_id, k.name, k.channel_id, k.audience, k.content, k.throttle, k.weight, k.status
		FROM runs r JOIN campaigns k ON k.id = r.campaign_id WHERE r.id = ?`, runID).
		Scan(&c.ID, &c.AccountID, &c.Name, &c.ChannelID, &audience, &content, &throttle, &c.Weight, &c.Status)
	if err != nil {
		return c, s.translate(err)
	}
	for _, part := range []struct {
		text string
		to   any
	}{{audience, &c.Audience}, {content, &c.Content}, {throttle, &c.Throttle}} {
		if err := json.Unmarshal([]byte(part.text), part.to); err != nil {
			return c, err
		}
	}
	c.RunID = runID
	return c, nil
}

// ChannelByID is a channel of any account.
func (s *Store) ChannelByID(ctx context.Context, id int64) (providers.Channel, error) {
	list, err := s.channels(ctx, selectChannel+" WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = noChannel(id)
	}
	if err != nil {
		return providers.Channel{}, err
	}
	return list[0], nil
}
