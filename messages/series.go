package messages

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
)

// Series is a name under which single messages are counted together: a mailing that a program
// sends by itself, one message after the other.
type Series struct {
	ID        int64
	AccountID int64
	Name      string
	// Options are what the program that made it says of it, a JSON object.
	Options   json.RawMessage
	CreatedAt time.Time
}

// Bounds of series.
const (
	// MostSeries is how many an account may have.
	MostSeries       = 10_000
	maxSeriesName    = 200
	maxSeriesOptions = 4 << 10
)

// SeriesStore keeps series.
type SeriesStore interface {
	// CreateSeries keeps a new one. One of the name that there is already is returned as it
	// is; a Conflict if there are too many.
	CreateSeries(ctx context.Context, s Series, most int) (Series, error)
	// GetSeries and FindSeries are NotFound if the account has none of the id or name.
	GetSeries(ctx context.Context, accountID, id int64) (Series, error)
	FindSeries(ctx context.Context, accountID int64, name string) (Series, error)
	// ListSeries lists those behind the id after.
	ListSeries(ctx context.Context, accountID, after int64, limit int) ([]Series, error)
	// CountSeries counts its messages that are kept by their states.
	CountSeries(ctx context.Context, id int64) (Counts, error)
}

// SeriesService is what people and programs do with series. It is safe for concurrent use.
type SeriesService struct{ store SeriesStore }

// NewSeries makes the service.
func NewSeries(store SeriesStore) *SeriesService { return &SeriesService{store} }

// Create checks and keeps a series; one of the name that there is already stays as it is.
func (s *SeriesService) Create(ctx context.Context, series Series) (Series, error) {
	series.Name = strings.TrimSpace(series.Name)
	var wrong []fault.Field
	if n := utf8.RuneCountInString(series.Name); n == 0 || n > maxSeriesName || strings.ContainsFunc(series.Name, unicode.IsControl) {
		wrong = append(wrong, fault.Field{Location: "name", Value: series.Name, Message: "has 1 to 200 letters, none of them a control character"})
	}
	if len(series.Options) == 0 {
		series.Options = json.RawMessage("{}")
	}
	var object map[string]any
	if len(series.Options) > maxSeriesOptions || json.Unmarshal(series.Options, &object) != nil || object == nil {
		wrong = append(wrong, fault.Field{Location: "options", Message: "must be a JSON object of at most 4096 bytes"})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return Series{}, err
	}
	return s.store.CreateSeries(ctx, series, MostSeries)
}

// Get is one series.
func (s *SeriesService) Get(ctx context.Context, accountID, id int64) (Series, error) {
	return s.store.GetSeries(ctx, accountID, id)
}

// Find is a series by its name.
func (s *SeriesService) Find(ctx context.Context, accountID int64, name string) (Series, error) {
	return s.store.FindSeries(ctx, accountID, strings.TrimSpace(name))
}

// List lists series in the order of their ids, behind after.
func (s *SeriesService) List(ctx context.Context, accountID, after int64, limit int) ([]Series, error) {
	return s.store.ListSeries(ctx, accountID, after, limit)
}

// Count counts a series' messages that are kept by their states.
func (s *SeriesService) Count(ctx context.Context, id int64) (Counts, error) {
	return s.store.CountSeries(ctx, id)
}
