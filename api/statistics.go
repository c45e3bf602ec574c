package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/internal/zone"
	"carillon/statistics"
)

// StatisticsQuery is the time that is counted, and how.
type StatisticsQuery struct {
	From       string     `query:"from" maxLength:"40" doc:"Since when, to a quarter of an hour: a time such as 2026-11-01T09:00:00Z, or a day such as 2026-11-01 on the zone's clock. 30 days before to if absent."`
	To         string     `query:"to" maxLength:"40" doc:"Until when, not included; of a day its end is. Now if absent."`
	Interval   string     `query:"interval" enum:"hour,day,week,month,all" default:"day" doc:"How long each window is; all is one."`
	Timezone   string     `query:"timezone" maxLength:"64" doc:"The zone on whose clock days begin; the account's if absent. A day on which the clock changes has 23 or 25 hours."`
	ChannelID  naming.Ref `query:"channel_id" kind:"channel" doc:"Of this channel alone, by its id or its name."`
	CampaignID naming.Ref `query:"campaign_id" kind:"campaign" doc:"Of this campaign or flow alone, by its id or its name."`
	By         string     `query:"by" enum:"campaign,run,variant" default:"campaign" doc:"Of campaigns: how finely they are counted."`
	Format     string     `query:"format" enum:"json,csv" default:"json" doc:"csv has the same names in its first line."`
}

// StatisticsOf is the answer: the rows of a subject.
type StatisticsOf[Row any] struct {
	Items []Row `json:"items"`
}

// StatisticsProof says whether what is counted is what the rows say.
type StatisticsProof struct {
	Balanced bool              `json:"balanced"`
	Compared int64             `json:"compared" doc:"How many counts there are."`
	Drifts   []StatisticsDrift `json:"drifts" doc:"What differs, at most a hundred."`
}

// StatisticsDrift is a count that is not what the rows say.
type StatisticsDrift struct {
	What    string     `json:"what" doc:"The number of the metric."`
	Of      string     `json:"of"`
	Slot    *time.Time `json:"slot,omitempty" doc:"The quarter of an hour; absent where only totals are compared."`
	Counted int64      `json:"counted"`
	Rows    int64      `json:"rows"`
}

// StatisticsRepaired is how many counts were put right.
type StatisticsRepaired struct {
	Repaired int64 `json:"repaired"`
}

// request reads the query.
func (q StatisticsQuery) request(ctx context.Context, s *statistics.Service, of statistics.Request) (statistics.Request, error) {
	of.Interval, of.By, of.Zone, of.ChannelID, of.CampaignID = statistics.Interval(q.Interval), statistics.By(q.By), q.Timezone, q.ChannelID.ID, q.CampaignID.ID
	location := time.UTC
	if q.From != "" || q.To != "" {
		probe := of
		var err error
		if location, err = s.Settle(ctx, &probe); err != nil {
			return of, err
		}
	}
	for _, t := range []struct {
		name, text string
		to         *time.Time
		days       int
	}{{"from", q.From, &of.From, 0}, {"to", q.To, &of.To, 1}} {
		if t.text == "" {
			continue
		}
		if day, err := time.Parse(time.DateOnly, t.text); err == nil {
			*t.to = zone.Resolve(day.AddDate(0, 0, t.days), location)
		} else if *t.to, err = time.Parse(time.RFC3339, t.text); err != nil {
			return of, fault.InvalidField(t.name, t.text, "write a time such as 2026-11-01T09:00:00Z, or a day such as 2026-11-01")
		}
	}
	return of, nil
}

// statisticsRoute serves the rows of a subject, as they are counted.
func statisticsRoute[Row any](s *Server, of statistics.Subject, doc, more string) {
	path := "/v1/stats/" + string(of)
	register(s, operation{id: "count-" + string(of), method: http.MethodGet, path: path, tag: "statistics", doc: doc, more: more, roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *StatisticsQuery) (*huma.StreamResponse, error) {
			r, err := in.request(ctx, s.Statistics, statistics.Request{AccountID: caller.AccountID, Subject: of})
			if err != nil {
				return nil, err
			}
			// What is wrong is said before the answer begins.
			if _, _, err := s.Statistics.Check(ctx, &r); err != nil {
				return nil, err
			}
			if in.Format == "csv" {
				return csvBody("statistics-"+string(of)+".csv", columnsOf(reflect.TypeFor[Row]()), access.Hidden{}, func(write func(...string) error) error {
					return s.Statistics.Each(ctx, r, func(row any) error { return write(cellsOf(reflect.ValueOf(row))...) })
				}), nil
			}
			return rowsBody(func(write func(row any) error) error { return s.Statistics.Each(ctx, r, write) }), nil
		})
	operation := s.api.OpenAPI().Paths[path].Get
	operation.Responses["200"] = &huma.Response{Description: "The rows, in the order of their windows.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(s.api.OpenAPI().Components.Schemas, reflect.TypeFor[StatisticsOf[Row]]())},
		"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
}

// rowsBody streams rows as items of a JSON object; when rows fails in the middle the
// connection is broken, as with csvBody.
func rowsBody(rows func(write func(row any) error) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
		out, separator := ctx.BodyWriter(), `{"items":[`
		err := rows(func(row any) error {
			text, err := json.Marshal(row)
			if err == nil {
				_, err = fmt.Fprintf(out, "%s%s", separator, text)
			}
			separator = ",\n"
			return err
		})
		if err == nil {
			if separator != ",\n" {
				_, err = out.Write([]byte(separator))
			}
			if err == nil {
				_, err = out.Write([]byte("]}\n"))
			}
		}
		if err != nil {
			_, w := humago.Unwrap(ctx)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}}
}

// columnsOf are the names of a row's fields in JSON, with those of what is embedded.
func columnsOf(row reflect.Type) (names []string) {
	for field := range rowFields(row) {
		names = append(names, field)
	}
	return names
}

// rowFields yields the fields of a row by their names in JSON.
func rowFields(row reflect.Type) func(yield func(name string, index []int) bool) {
	return func(yield func(string, []int) bool) {
		for _, field := range reflect.VisibleFields(row) {
			if field.Anonymous {
				continue
			}
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !yield(name, field.Index) {
				return
			}
		}
	}
}

// cellsOf are the values of a row's fields as texts.
func cellsOf(row reflect.Value) (cells []string) {
	for _, index := range rowFields(row.Type()) {
		switch v := row.FieldByIndex(index).Interface().(type) {
		case time.Time:
			cells = append(cells, v.Format(time.RFC3339))
		case *float64:
			text := ""
			if v != nil {
				text = strconv.FormatFloat(*v, 'f', -1, 64)
			}
			cells = append(cells, text)
		default:
			cells = append(cells, fmt.Sprint(v))
		}
	}
	return cells
}

func (s *Server) statisticsRoutes() {
	statisticsRoute[statistics.NotificationRow](s, statistics.Notifications, "Count messages by template and language",
		"A message is counted in the window in which it was sent, whenever its receipts come. Those without a template have no name.")
	statisticsRoute[statistics.CampaignRow](s, statistics.Campaigns, "Count what became of campaigns",
		"Messages are counted in the window in which they were sent; openings, clicks and conversions in the one in which they happened.")
	statisticsRoute[statistics.ChannelRow](s, statistics.Channels, "Count what went through channels", "")
	statisticsRoute[statistics.ErrorRow](s, statistics.Errors, "Count what providers refused, by their codes",
		"One for each try, also of messages that went out later.")
	statisticsRoute[statistics.ArrivalRow](s, statistics.Arrivals, "Count how long messages took to arrive", "By the receipts of channels that give them.")
	statisticsRoute[statistics.HourRow](s, statistics.Hours, "Count messages by weekday and hour",
		"All of the time folded into one week, 168 rows; interval is not looked at. Openings and clicks are counted in the hour in which they happened.")
	statisticsRoute[statistics.LinkRow](s, statistics.Links, "Count clicks on links", "")
	statisticsRoute[statistics.ContactRow](s, statistics.Contacts, "Count how contacts come and go", "A row for each window.")
	statisticsRoute[statistics.ListRow](s, statistics.Lists, "Count how people come to lists and categories, and leave them",
		"A row for each list and window in which somebody did.")
	statisticsRoute[statistics.PeopleRow](s, statistics.People, "Count whom messages reached",
		"Each person is counted once in each window, exactly: the messages of the runs that were under way are read, a few seconds for ten million.")
	statisticsRoute[statistics.FlowRow](s, statistics.Flows, "Count how people went through flows", "")
	const path, tag = "/v1/stats", "statistics"
	register(s, operation{id: "list-statistics-notes", method: http.MethodGet, path: path + "/notes", tag: tag, roles: mayLook,
		doc: "Say in words what is out of the ordinary", more: "Channels whose providers refuse, in the last hours, much more than in the week before."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Page[statistics.Note]], error) {
			notes, err := s.Statistics.Notes(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return &one[Page[statistics.Note]]{Page[statistics.Note]{Items: notes}}, nil
		})
	register(s, operation{id: "verify-statistics", method: http.MethodGet, path: path + "/verify", tag: tag, roles: mayLook,
		doc: "Compare what is counted with the rows that it is of"},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[StatisticsProof], error) {
			list, compared, err := s.Statistics.Verify(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			proof := StatisticsProof{Balanced: len(list) == 0, Compared: compared, Drifts: []StatisticsDrift{}}
			for _, d := range list {
				proof.Drifts = append(proof.Drifts, StatisticsDrift{
					What: strconv.FormatInt(int64(d.Metric), 10), Of: d.Whose, Slot: timestamp(&d.Slot), Counted: d.Counted, Rows: d.Rows,
				})
			}
			return &one[StatisticsProof]{proof}, nil
		})
	register(s, operation{id: "repair-statistics", method: http.MethodPost, path: path + "/repair", tag: tag, roles: mayAdmin,
		doc: "Make counts what the rows say", more: "Of messages and flows. Nothing is locked: what happens meanwhile is counted by itself."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[StatisticsRepaired], error) {
			n, err := s.Statistics.Repair(ctx, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return &one[StatisticsRepaired]{StatisticsRepaired{n}}, nil
		})
}
