package xms

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/messages"
)

// campaign is a name under which messages are counted that are sent with its id.
type campaign struct {
	CampaignID    string  `json:"campaignId"`
	CampaignTitle string  `json:"campaignTitle"`
	TemplateCode  string  `json:"templateCode"`
	CampaignMode  string  `json:"campaignMode"`
	ChannelID     *string `json:"channelId"`
	ContactType   string  `json:"contactType"`
}

// modes are those of campaigns: who answers to them. Carillon has nobody who answers, and
// keeps what it is told.
var modes = []string{"DEFAULT", "AGENT", "BOT"}

// viewCampaign shows the campaign of a title; nothing if there is none.
func (x *Server) viewCampaign(ctx context.Context, a asked) (answer, error) {
	title := strings.TrimSpace(a.r.URL.Query().Get("campaignTitle"))
	if title == "" {
		return answer{}, refuse("campaignTitle", paramMissing, "campaignTitle is required")
	}
	series, err := x.SeriesOf.Find(ctx, a.caller.AccountID, title)
	if fault.Is(err, fault.NotFound) {
		return answer{}, nil
	}
	if err != nil {
		return answer{}, err
	}
	return one(campaignOf(series)), nil
}

// createCampaign makes a campaign; one of the title that there is already stays as it is.
func (x *Server) createCampaign(ctx context.Context, a asked) (answer, error) {
	query := a.r.URL.Query()
	for _, name := range []string{"campaignTitle", "templateCode", "contactType"} {
		if strings.TrimSpace(query.Get(name)) == "" {
			return answer{}, refuse(name, paramMissing, name+" is required")
		}
	}
	c := campaign{
		CampaignTitle: strings.TrimSpace(query.Get("campaignTitle")), TemplateCode: query.Get("templateCode"), ContactType: strings.ToUpper(query.Get("contactType")),
		CampaignMode: strings.ToUpper(query.Get("campaignMode")), ChannelID: optional(query.Get("channelId")),
	}
	if c.CampaignMode == "" {
		c.CampaignMode = modes[0]
	}
	if !slices.Contains(modes, c.CampaignMode) {
		return answer{}, refuse("campaignMode", paramInvalid, "campaignMode must be AGENT, BOT or DEFAULT", modes...)
	}
	var types []string
	for _, w := range words {
		types = append(types, w.contactType)
	}
	if slices.Sort(types); !slices.Contains(types, c.ContactType) {
		return answer{}, refuse("contactType", paramInvalid, "there is no contactType "+strconv.Quote(c.ContactType), slices.Compact(types)...)
	}
	if c.ChannelID != nil {
		_, found, err := x.findChannel(ctx, a.caller, *c.ChannelID)
		if err != nil {
			return answer{}, err
		}
		if !found {
			return answer{}, refuse("channelId", "CHANNEL_NOT_FOUND", "Channel : "+*c.ChannelID+" is Not Setup")
		}
	}
	options, err := json.Marshal(c)
	if err != nil {
		return answer{}, err
	}
	made, err := x.SeriesOf.Create(ctx, messages.Series{AccountID: a.caller.AccountID, Name: c.CampaignTitle, Options: options})
	if err != nil {
		return answer{}, err
	}
	return one(campaignOf(made)), nil
}

// campaignOf is a series in the words of XMS.
func campaignOf(series messages.Series) campaign {
	var c campaign
	_ = json.Unmarshal(series.Options, &c) // one that was made otherwise has a name alone
	c.CampaignID, c.CampaignTitle = strconv.FormatInt(series.ID, 10), series.Name
	return c
}

// seriesOf is the series of a campaign's id; 0 for what is none: the server takes any.
func (x *Server) seriesOf(ctx context.Context, s sending) (int64, error) {
	id, ok := idOf(s.CampaignID)
	if !ok {
		return 0, nil
	}
	series, err := x.SeriesOf.Get(ctx, s.caller.AccountID, id)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	return series.ID, err
}
