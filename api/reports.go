package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/internal/naming"
	"carillon/messages"
	"carillon/reports"
	"carillon/statistics"
)

// ReportQuery is the time that is reported on.
type ReportQuery struct {
	From     string `query:"from" maxLength:"40" doc:"Since when: a time such as 2026-11-01T09:00:00Z, or a day such as 2026-11-01 on the zone's clock. The campaign's beginning if absent."`
	To       string `query:"to" maxLength:"40" doc:"Until when, not included; of a day its end is. Now if absent."`
	Timezone string `query:"timezone" maxLength:"64" doc:"The zone on whose clock days begin; the account's if absent."`
}

// request reads the query.
func (q ReportQuery) request(ctx context.Context, s *statistics.Service, accountID int64) (statistics.Request, error) {
	return StatisticsQuery{From: q.From, To: q.To, Timezone: q.Timezone}.request(ctx, s, statistics.Request{AccountID: accountID})
}

// ReportFormat is how a report is shown.
type ReportFormat struct {
	Format string `query:"format" enum:"json,html" default:"json" doc:"html is one page, which loads nothing and can be printed."`
}

// ReportMailing is to whom a report is mailed.
type ReportMailing struct {
	ChannelID int64      `json:"channel_id,omitempty" minimum:"1" doc:"The e-mail channel; that of the account's report mails if absent."`
	Channel   naming.Ref `json:"channel,omitzero" kind:"channel" doc:"Instead of channel_id: the channel, by its id or its name."`
	To        []string   `json:"to,omitempty" maxItems:"20" doc:"The addresses; those of the account's report mails if absent." example:"[\"boss@example.org\"]"`
}

func (m ReportMailing) mail() campaigns.ReportMail {
	return campaigns.ReportMail{ChannelID: m.ChannelID, To: m.To}
}

// ReportMailed is what was written.
type ReportMailed struct {
	Messages []int64 `json:"messages" doc:"The ids of the messages, one for each address."`
}

func mailedOut(sent []messages.Message, err error) (*one[ReportMailed], error) {
	if err != nil {
		return nil, err
	}
	out := &one[ReportMailed]{ReportMailed{Messages: []int64{}}}
	for _, m := range sent {
		out.Body.Messages = append(out.Body.Messages, m.ID)
	}
	return out, nil
}

// WeekQuery says which week.
type WeekQuery struct {
	At string `query:"at" maxLength:"40" doc:"The last week is shown that is over by this day, such as 2026-11-30, or time; by now if absent."`
}

// time reads the query; the zero time is now.
func (q WeekQuery) time(ctx context.Context, s *statistics.Service, accountID int64) (at time.Time, err error) {
	if q.At == "" {
		return at, nil
	}
	r, err := StatisticsQuery{From: q.At}.request(ctx, s, statistics.Request{AccountID: accountID})
	if err != nil {
		return at, fault.InvalidField("at", q.At, "write a day such as 2026-11-30, or a time such as 2026-11-30T09:00:00Z")
	}
	return r.From, nil
}

// shownAsPage is a report that can be shown as a page.
type shownAsPage interface{ Page(w io.Writer) error }

// reportBody answers with a report as JSON or as a page. The page is made before the answer
// begins, so that none breaks off.
func reportBody(format string, report shownAsPage) (*huma.StreamResponse, error) {
	kind := "text/html; charset=utf-8"
	var text bytes.Buffer
	var err error
	if format == "json" {
		kind = "application/json"
		err = json.NewEncoder(&text).Encode(report)
	} else {
		err = report.Page(&text)
	}
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", kind)
		ctx.SetHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
		_, _ = ctx.BodyWriter().Write(text.Bytes()) // who does not read it any more misses nothing
	}}, nil
}

// describeReport says what a report's answer is.
func describeReport[Report any](s *Server, path string) {
	s.api.OpenAPI().Paths[path].Get.Responses["200"] = &huma.Response{Description: "The report.", Content: map[string]*huma.MediaType{
		"application/json": {Schema: huma.SchemaFromType(s.api.OpenAPI().Components.Schemas, reflect.TypeFor[Report]())},
		"text/html":        {Schema: &huma.Schema{Type: huma.TypeString}},
	}}
}

type (
	campaignReport struct {
		ByID
		ReportQuery
		ReportFormat
	}
	mailCampaignReport struct {
		ByID
		ReportQuery
		Body ReportMailing
	}
	weekReport struct {
		WeekQuery
		ReportFormat
	}
	mailWeekReport struct {
		WeekQuery
		Body ReportMailing
	}
)

func (s *Server) reportRoutes() {
	const ofCampaign, ofWeek, tag = "/v1/campaigns/{id}/report", "/v1/stats/week", "statistics"
	register(s, operation{id: "get-campaign-report", method: http.MethodGet, path: ofCampaign, tag: tag, roles: mayLook,
		doc:  "Report on a campaign",
		more: "All that became of its messages: figures and words, its course, variants, runs, links and errors; as a page with charts, too."},
		func(ctx context.Context, caller access.Caller, in *campaignReport) (*huma.StreamResponse, error) {
			within, err := in.request(ctx, s.Statistics, caller.AccountID)
			if err != nil {
				return nil, err
			}
			report, err := s.Summaries.Campaign(ctx, caller.AccountID, in.ID, within)
			if err != nil {
				return nil, err
			}
			return reportBody(in.Format, report)
		})
	describeReport[reports.Campaign](s, ofCampaign)
	register(s, operation{id: "mail-campaign-report", method: http.MethodPost, path: ofCampaign + "/mail", tag: tag, roles: mayEdit,
		status: http.StatusAccepted, doc: "Mail the report of a campaign", more: "A single message to each address, with charts in it."},
		func(ctx context.Context, caller access.Caller, in *mailCampaignReport) (*one[ReportMailed], error) {
			within, err := in.request(ctx, s.Statistics, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return mailedOut(s.Summaries.SendCampaign(ctx, caller.AccountID, in.ID, within, in.Body.mail()))
		})
	register(s, operation{id: "get-week", method: http.MethodGet, path: ofWeek, tag: tag, roles: mayLook, doc: "Sum up a week",
		more: "The last week that is over, from Monday to Sunday on the account's clock: what the weekly mail says (report_mail in the settings)."},
		func(ctx context.Context, caller access.Caller, in *weekReport) (*huma.StreamResponse, error) {
			at, err := in.time(ctx, s.Statistics, caller.AccountID)
			if err != nil {
				return nil, err
			}
			week, err := s.Summaries.Week(ctx, caller.AccountID, at)
			if err != nil {
				return nil, err
			}
			return reportBody(in.Format, week)
		})
	describeReport[reports.Week](s, ofWeek)
	register(s, operation{id: "mail-week", method: http.MethodPost, path: ofWeek + "/mail", tag: tag, roles: mayEdit, status: http.StatusAccepted,
		doc: "Mail the summary of a week", more: "Now, whatever the settings say; the weekly mail comes all the same."},
		func(ctx context.Context, caller access.Caller, in *mailWeekReport) (*one[ReportMailed], error) {
			at, err := in.time(ctx, s.Statistics, caller.AccountID)
			if err != nil {
				return nil, err
			}
			return mailedOut(s.Summaries.SendWeek(ctx, caller.AccountID, at, in.Body.mail()))
		})
}
