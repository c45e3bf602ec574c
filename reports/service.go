package reports

import (
	"context"
	"time"

	"carillon/campaigns"
	"carillon/internal/clock"
	"carillon/providers"
	"carillon/statistics"
)

// Store is what reports need to know and to keep.
type Store interface {
	Mails
	// GetCampaign is NotFound if the account has no such campaign.
	GetCampaign(ctx context.Context, accountID, id int64) (campaigns.Campaign, error)
	// GetChannel is NotFound if the account has no such channel.
	GetChannel(ctx context.Context, accountID, id int64) (providers.Channel, error)
	// StatisticsNames are the names of an account's channels.
	StatisticsNames(ctx context.Context, accountID int64, of statistics.Subject, ids []int64) (map[int64]string, error)
	// AccountName is the name of an account.
	AccountName(ctx context.Context, accountID int64) (string, error)
}

// Statistics counts; *statistics.Service does.
type Statistics interface {
	// Settle fills in what a request leaves open.
	Settle(ctx context.Context, r *statistics.Request) (*time.Location, error)
	// Each yields the rows of a request.
	Each(ctx context.Context, r statistics.Request, yield func(row any) error) error
	// Notes says what is out of the ordinary.
	Notes(ctx context.Context, accountID int64) ([]statistics.Note, error)
}

// Service makes reports. It is safe for concurrent use.
type Service struct {
	store      Store
	statistics Statistics
	mailer     Mailer
	clock      clock.Clock
}

// NewService makes the service.
func NewService(store Store, s Statistics, m Mailer, c clock.Clock) *Service {
	return &Service{store: store, statistics: s, mailer: m, clock: c}
}

// rows are those of a request.
func rows[Row any](ctx context.Context, s Statistics, r statistics.Request) (list []Row, err error) {
	err = s.Each(ctx, r, func(row any) error {
		list = append(list, row.(Row))
		return nil
	})
	return list, err
}

// sole is the row of a request that has one at most.
func sole[Row any](ctx context.Context, s Statistics, r statistics.Request) (row Row, err error) {
	list, err := rows[Row](ctx, s, r)
	if len(list) > 0 {
		row = list[0]
	}
	return row, err
}
