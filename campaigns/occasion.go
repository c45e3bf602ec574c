package campaigns

import (
	"context"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/liquid"
)

// occasion is what the messages of a campaign would be part of if it fired now, with its
// data feed as it is now. The error of the feed alone, unread, leaves the rest whole.
func (s *Service) occasion(ctx context.Context, c Campaign, channel providers.Channel) (of *liquid.Occasion, unread, err error) {
	if of, err = s.messages.Occasion(ctx, channel); err != nil {
		return nil, nil, err
	}
	at := s.clock.Now()
	if c.NextFireAt != nil {
		at = *c.NextFireAt
	}
	of.CampaignName = c.Name
	of.Run = liquid.Run{Kind: string(RunScheduled), Instant: c.Schedule.LocalInstant(at, channel.Timezone)}
	if c.DataFeed == nil {
		return of, nil, nil
	}
	if of.Feed, _, unread = readFeed(ctx, s.fetcher, *c.DataFeed); unread != nil {
		of.Feed = &liquid.Feed{}
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
	}
	return of, unread, nil
}

// unreadFeed is the refusal of what needs the data feed.
func unreadFeed(id int64, why error) error {
	return fault.New(fault.Conflict, "campaign %d can't be tested now, because its data feed can't be read: %v", id, why)
}
