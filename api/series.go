package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/messages"
)

// Series is a name under which single messages are counted together.
type Series struct {
	ID        int64            `json:"id"`
	Name      string           `json:"name"`
	Options   any              `json:"options" doc:"What the program that made it says of it."`
	CreatedAt time.Time        `json:"created_at"`
	Counts    map[string]int64 `json:"counts,omitempty" doc:"Its messages that are kept, by their states; not in lists."`
}

// SeriesInput is what a series is made of.
type SeriesInput struct {
	Name    string         `json:"name" minLength:"1" maxLength:"200"`
	Options map[string]any `json:"options,omitempty" doc:"Anything to be kept with it, at most 4 KiB."`
}

// BySeries is the input of operations on one series.
type BySeries struct {
	ID int64 `path:"id" minimum:"1"`
}

type createSeries struct{ Body SeriesInput }

func (in *createSeries) target(noun string) string { return noun + " " + in.Body.Name }

func seriesView(s messages.Series) Series {
	return Series{ID: s.ID, Name: s.Name, Options: s.Options, CreatedAt: s.CreatedAt.UTC()}
}

func (s *Server) seriesRoutes() {
	const path, tag = "/v1/series", "messages"
	register(s, operation{id: "list-series", method: http.MethodGet, path: path, tag: tag, doc: "List series of single messages", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Series], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.SeriesOf.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, seriesView, func(s messages.Series) string { return strconv.FormatInt(s.ID, 10) }), nil
		})
	register(s, operation{id: "create-series", method: http.MethodPost, path: path, tag: tag, doc: "Make a series of single messages",
		status: http.StatusCreated, roles: maySend,
		more: "Messages that name it in series_id are counted together. One of the name that there is already is returned as it is."},
		func(ctx context.Context, caller access.Caller, in *createSeries) (*one[Series], error) {
			options, err := json.Marshal(in.Body.Options)
			if err != nil {
				return nil, fault.InvalidField("options", nil, "must be JSON: %v", err)
			}
			if in.Body.Options == nil {
				options = nil
			}
			made, err := s.SeriesOf.Create(ctx, messages.Series{AccountID: caller.AccountID, Name: in.Body.Name, Options: options})
			if err != nil {
				return nil, err
			}
			return &one[Series]{seriesView(made)}, nil
		})
	register(s, operation{id: "get-series", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Count the messages of a series", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *BySeries) (*one[Series], error) {
			series, err := s.SeriesOf.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			view := seriesView(series)
			counts, err := s.SeriesOf.Count(ctx, in.ID)
			view.Counts = counts.Map()
			return &one[Series]{view}, err
		})
}
