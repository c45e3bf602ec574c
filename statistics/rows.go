package statistics

import "time"

// Sending counts messages by what became of them by now: what arrives later, or is read,
// moves within the window in which it was sent.
type Sending struct {
	Total     int64 `json:"total" doc:"Messages that providers were asked to send."`
	Sent      int64 `json:"sent" doc:"The provider took them: delivered and read ones, too."`
	Delivered int64 `json:"delivered" doc:"A receipt says that they arrived: read ones, too."`
	Read      int64 `json:"read"`
	Failed    int64 `json:"failed"`
	Rejected  int64 `json:"rejected"`
	Unknown   int64 `json:"unknown" doc:"In doubt: the provider's answer is not known."`
	Skipped   int64 `json:"skipped" doc:"Our own rules kept them from being sent; not part of the total."`
	Canceled  int64 `json:"canceled" doc:"Not part of the total."`
}

// Rates are parts of what was sent, from 0 to 1; absent where nothing was.
type Rates struct {
	DeliveryRate *float64 `json:"delivery_rate,omitempty" doc:"Delivered of those sent."`
	ReadRate     *float64 `json:"read_rate,omitempty" doc:"Read of those sent."`
	FailureRate  *float64 `json:"failure_rate,omitempty" doc:"Failed and rejected of the total."`
}

// Add counts what others count, too.
func (s *Sending) Add(o Sending) {
	s.Total += o.Total
	s.Sent += o.Sent
	s.Delivered += o.Delivered
	s.Read += o.Read
	s.Failed += o.Failed
	s.Rejected += o.Rejected
	s.Unknown += o.Unknown
	s.Skipped += o.Skipped
	s.Canceled += o.Canceled
}

func (s Sending) rates() Rates {
	return Rates{rate(s.Delivered, s.Sent), rate(s.Read, s.Sent), rate(s.Failed+s.Rejected, s.Total)}
}

// rate is a part rounded to a hundredth of a percent, nil of nothing.
func rate(part, of int64) *float64 {
	if of == 0 {
		return nil
	}
	r := float64((part*20_000/of+1)/2) / 10_000
	return &r
}

// Span is the window of a row.
type Span struct {
	Start time.Time `json:"start" doc:"When the window begins, on the clock of the zone."`
}

// NotificationRow counts messages by the template that they speak; those without one have no
// name.
type NotificationRow struct {
	Span
	Template         string `json:"template"`
	Language         string `json:"language,omitempty"`
	Total            int64  `json:"total" doc:"Messages that providers were asked to send."`
	TotalSent        int64  `json:"total_sent" doc:"Without those that failed."`
	TotalFailed      int64  `json:"total_failed" doc:"Failed or rejected."`
	TotalUndelivered int64  `json:"total_undelivered" doc:"Sent, and no receipt yet says that they arrived."`
	TotalDelivered   int64  `json:"total_delivered" doc:"Arrived: read ones, too."`
	TotalRead        int64  `json:"total_read"`
}

// CampaignRow counts messages of a campaign, run or variant, and what people did.
type CampaignRow struct {
	Span
	CampaignID int64  `json:"campaign_id"`
	Campaign   string `json:"campaign"`
	RunID      int64  `json:"run_id,omitempty"`
	Variant    int64  `json:"variant,omitempty" doc:"Its number, from 1."`
	Sending
	Opened     int64 `json:"opened" doc:"People, by tracked messages."`
	Clicked    int64 `json:"clicked" doc:"People."`
	Converted  int64 `json:"converted"`
	OptedOut   int64 `json:"opted_out" doc:"People who opted out by a link in its messages, on the page behind it, or with a word within a week of its message; 0 by variant."`
	Bounced    int64 `json:"bounced" doc:"Addresses suppressed because its messages came back; 0 by variant."`
	Complained int64 `json:"complained" doc:"People who called its messages spam; 0 by variant."`
	Rates
	ClickRate      *float64 `json:"click_rate,omitempty" doc:"People who clicked, of those sent."`
	ConversionRate *float64 `json:"conversion_rate,omitempty" doc:"Of those sent."`
	OptOutRate     *float64 `json:"opt_out_rate,omitempty" doc:"Of those sent."`
	BounceRate     *float64 `json:"bounce_rate,omitempty" doc:"Of the total, as what comes back at once was never taken."`
	ComplaintRate  *float64 `json:"complaint_rate,omitempty" doc:"Of those sent."`
}

// Add counts what another row of the campaign counts, too.
func (r *CampaignRow) Add(o CampaignRow) {
	r.Sending.Add(o.Sending)
	r.Opened += o.Opened
	r.Clicked += o.Clicked
	r.Converted += o.Converted
	r.OptedOut += o.OptedOut
	r.Bounced += o.Bounced
	r.Complained += o.Complained
	r.settle()
}

// settle works the rates out.
func (r *CampaignRow) settle() {
	r.Rates = r.rates()
	r.ClickRate, r.ConversionRate = rate(r.Clicked, r.Sent), rate(r.Converted, r.Sent)
	r.OptOutRate, r.BounceRate, r.ComplaintRate = rate(r.OptedOut, r.Sent), rate(r.Bounced, r.Total), rate(r.Complained, r.Sent)
}

// ChannelRow counts messages of a channel, and replies to it.
type ChannelRow struct {
	Span
	ChannelID int64  `json:"channel_id"`
	Channel   string `json:"channel"`
	Kind      string `json:"kind" doc:"What it sends to, such as email or sms."`
	Sending
	Replied int64 `json:"replied" doc:"Messages that people wrote to it."`
	Rates
	ReplyRate *float64 `json:"reply_rate,omitempty" doc:"Replies of those sent."`
}

// ErrorRow counts answers of a channel's provider that were no success, one for each try.
type ErrorRow struct {
	Span
	ChannelID int64  `json:"channel_id"`
	Channel   string `json:"channel"`
	Kind      string `json:"kind" doc:"What Carillon takes it for, such as recipient or throttled."`
	Code      string `json:"code" doc:"The provider's own."`
	Tries     int64  `json:"tries"`
}

// ArrivalRow says how long messages of a channel took from sending to the receipt that they
// arrived.
type ArrivalRow struct {
	Span
	ChannelID int64  `json:"channel_id"`
	Channel   string `json:"channel"`
	Arrived   int64  `json:"arrived"`
	Within1s  int64  `json:"within_1s"`
	Within5s  int64  `json:"within_5s" doc:"Longer than what stands before; so on."`
	Within15s int64  `json:"within_15s"`
	Within1m  int64  `json:"within_1m"`
	Within5m  int64  `json:"within_5m"`
	Within15m int64  `json:"within_15m"`
	Within1h  int64  `json:"within_1h"`
	Within6h  int64  `json:"within_6h"`
	Within24h int64  `json:"within_24h"`
	Longer    int64  `json:"longer"`
}

// Add counts what another row counts, too.
func (r *ArrivalRow) Add(o ArrivalRow) {
	r.Arrived += o.Arrived
	for i, n := range o.within() {
		*r.within()[i] += *n
	}
}

// Histogram is how many arrived within each of ArrivedWithin, longer than the one before, and
// last those that took longer.
func (r ArrivalRow) Histogram() (counts []int64) {
	for _, n := range r.within() {
		counts = append(counts, *n)
	}
	return counts
}

// within are the fields by the metrics from ArrivedSoonest on.
func (r *ArrivalRow) within() []*int64 {
	return []*int64{
		&r.Within1s, &r.Within5s, &r.Within15s, &r.Within1m, &r.Within5m, &r.Within15m, &r.Within1h, &r.Within6h, &r.Within24h, &r.Longer,
	}
}

// HourRow counts messages by when in the week they were sent, and what people did by when they
// did it.
type HourRow struct {
	Weekday string `json:"weekday"`
	Hour    int    `json:"hour" minimum:"0" maximum:"23"`
	Sending
	Opened  int64 `json:"opened" doc:"People who opened a message then."`
	Clicked int64 `json:"clicked" doc:"People who clicked then."`
	Rates
}

// LinkRow counts clicks on a link of a run, when they were made.
type LinkRow struct {
	Span
	CampaignID int64  `json:"campaign_id"`
	Campaign   string `json:"campaign"`
	RunID      int64  `json:"run_id"`
	Link       string `json:"link" doc:"Its number in the run."`
	Address    string `json:"address"`
	People     int64  `json:"people" doc:"Each counted once for the link, less those who turned out to be programs."`
	Clicks     int64  `json:"clicks" doc:"Of people."`
	Machine    int64  `json:"machine_clicks" doc:"Of programs that look at mails."`
}

// ContactRow says how contacts come and go.
type ContactRow struct {
	Span
	Created    int64 `json:"created"`
	Removed    int64 `json:"removed" doc:"Deleted, erased or merged into another, less those that came back."`
	Total      int64 `json:"total" doc:"How many there are at the end of the window."`
	OptedOut   int64 `json:"opted_out" doc:"Times that somebody opted out, of everything or of a category."`
	OptedIn    int64 `json:"opted_in"`
	Bounced    int64 `json:"bounced" doc:"Addresses suppressed because of bounces."`
	Complained int64 `json:"complained" doc:"Addresses suppressed because of complaints."`
}

// ListRow says how people come to a list or category and leave it.
type ListRow struct {
	Span
	ListID int64  `json:"list_id"`
	List   string `json:"list" doc:"Its name; empty once it is deleted."`
	Joined int64  `json:"joined"`
	Left   int64  `json:"left" doc:"Left, were taken out, or were deleted or erased."`
	Total  int64  `json:"total" doc:"How many are in it at the end of the window."`
}

// PeopleRow says how many people messages reached, each counted once in the window.
type PeopleRow struct {
	Span
	Reached int64 `json:"reached" doc:"People to whom a message was sent."`
	Active  int64 `json:"active" doc:"Of these, who read, opened or clicked a message that was sent then."`
}

// FlowRow says how people went through a flow.
type FlowRow struct {
	Span
	CampaignID int64  `json:"campaign_id"`
	Campaign   string `json:"campaign"`
	Entered    int64  `json:"entered"`
	Answered   int64  `json:"answered" doc:"Questions."`
	Ended      int64  `json:"ended"`
	Outcome    string `json:"outcome,omitempty" doc:"Of those who ended; there is a row for each outcome, and one without for who entered and answered."`
}
