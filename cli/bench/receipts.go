package bench

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"carillon/campaigns"
	"carillon/messages"
)

// receiptsBeside is how many messages a second are sent while the receipts of all of them come,
// receiptsEach of each.
const receiptsBeside = 400

// receiptsResult is what receipts take, and whether all are heard. Rates are per second.
type receiptsResult struct {
	Store      string `json:"store"`
	Recipients int    `json:"recipients"`
	// Beside is sending at a limit of receiptsBeside while receipts come, which are Meanwhile.
	Beside    float64  `json:"send_per_second_beside"`
	Meanwhile reported `json:"receipts_while_sending"`
	// Alone are receipts that were held back until all was sent, as many as are answered.
	Alone reported `json:"receipts_alone"`
	// Verified says that every receipt was taken and every message has become what it reported.
	Verified bool `json:"verified"`
}

func (r receiptsResult) balances() bool { return r.Verified }

// RunReceipts measures how many receipts are taken, on each of the stores: sqlite and postgres if
// none is named.
func (s Suite) RunReceipts(ctx context.Context, stores []string, recipients int) error {
	return onEach(ctx, s, sized{stores, recipients}, writeReceiptsTable, func(scenario Scenario) (receiptsResult, error) {
		return runReceipts(ctx, scenario, s.Progress)
	})
}

// runReceipts measures receipts on one store.
func runReceipts(ctx context.Context, s Scenario, progress io.Writer) (result receiptsResult, err error) {
	s.Content, s.Transport = "json", reporting
	result = receiptsResult{Store: s.Store, Recipients: s.Recipients, Verified: true}
	b, err := newBench(s, progress)
	if err != nil {
		return result, err
	}
	b.content.Templates.Subject = "" // which a text message has none of
	err = b.withServer(ctx, progress, func(url string) error {
		if err := b.prepare(ctx); err != nil {
			return err
		}
		if err := b.importCSV(ctx); err != nil {
			return err
		}
		hook := fmt.Sprintf("%s/hooks/%d", url, b.channel.ID)
		if err := b.receiptsBeside(ctx, hook, &result); err != nil {
			return err
		}
		return b.receiptsAlone(ctx, hook, &result)
	})
	result.Verified = result.Verified && b.result.Verified
	return result, err
}

// receiptsBeside sends a campaign while its receipts come.
func (b *bench) receiptsBeside(ctx context.Context, hook string, result *receiptsResult) (err error) {
	if err := b.limit(ctx, receiptsBeside); err != nil {
		return err
	}
	if _, err := b.sink.report(ctx, hook); err != nil {
		return err
	}
	if err := b.planAndSend(ctx); err != nil {
		return err
	}
	result.Beside = b.result.SendRate
	if result.Meanwhile, err = b.heard(ctx, result); err != nil {
		return err
	}
	b.say("receipts while sending: %.0f/s, median %.1f ms, 99 in 100 within %.0f ms, counted %.2f s after the last",
		result.Meanwhile.rate(), result.Meanwhile.Median, result.Meanwhile.Most, result.Meanwhile.Settled)
	return nil
}

// receiptsAlone sends a campaign, and has its receipts come afterwards, all at once.
func (b *bench) receiptsAlone(ctx context.Context, hook string, result *receiptsResult) error {
	if err := b.limit(ctx, 0); err != nil {
		return err
	}
	if _, err := b.sink.report(ctx, ""); err != nil {
		return err
	}
	if err := b.planAndSend(ctx); err != nil {
		return err
	}
	busy, err := b.meter(ctx, func() (err error) {
		if _, err = b.sink.report(ctx, hook); err == nil {
			result.Alone, err = b.heard(ctx, result)
		}
		return err
	})
	if err != nil {
		return err
	}
	result.Alone.Micros = (busy.process + busy.store) * 1e6 / float64(max(1, result.Alone.Answered))
	b.say("receipts alone: %.0f/s, %.0f µs each, %s", result.Alone.rate(), result.Alone.Micros, busy.cores())
	return nil
}

// limit has the channel send so many a second; 0 is as many as it can.
func (b *bench) limit(ctx context.Context, perSecond float64) (err error) {
	channel := b.channel
	channel.Limits.PerSecond = perSecond
	b.channel, err = b.engine.Store.UpdateChannel(ctx, channel)
	return err
}

// heard waits until every receipt of the campaign that was sent last was posted, and until every
// message is what they say.
func (b *bench) heard(ctx context.Context, result *receiptsResult) (posted reported, err error) {
	if posted, err = b.sink.posted(ctx); err != nil {
		return posted, err
	}
	start := system.Now()
	campaign, err := b.engine.Campaigns.Get(ctx, b.account, b.sent.ID)
	if err != nil {
		return posted, err
	}
	all := int64(b.people())
	waiting, end := context.WithTimeout(ctx, countedWithin)
	defer end()
	run, err := b.await(waiting, campaign, func(r campaigns.Run) bool { return r.Counts[messages.Delivered] >= all })
	if err != nil && (ctx.Err() != nil || waiting.Err() == nil) {
		return posted, err
	}
	posted.Settled = since(start)
	if got := run.Counts[messages.Delivered]; got != all || posted.Failed > 0 || posted.Answered != receiptsEach*all {
		result.Verified = false
		b.say("%d of %d messages are delivered; %d receipts were answered and %d were not, of %d", got, all, posted.Answered, posted.Failed, receiptsEach*all)
	}
	return posted, b.verify(ctx, campaign)
}

func writeReceiptsTable(out io.Writer, results []receiptsResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.Join([]string{
		"STORE", "SEND/S OF " + fmt.Sprint(receiptsBeside), "RECEIPTS/S THEN", "MEDIAN MS", "99 % MS", "COUNTED AFTER",
		"RECEIPTS/S ALONE", "µS EACH", "99 % MS", "COUNTED AFTER", "VERIFIED",
	}, "\t"))
	seconds := func(s float64) string {
		return time.Duration(s * float64(time.Second)).Round(time.Millisecond).String()
	}
	for _, r := range results {
		_, _ = fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t%.0f\t%s\t%.0f\t%.0f\t%.0f\t%s\t%t\n", r.Store, r.Beside,
			r.Meanwhile.rate(), r.Meanwhile.Median, r.Meanwhile.Most, seconds(r.Meanwhile.Settled),
			r.Alone.rate(), r.Alone.Micros, r.Alone.Most, seconds(r.Alone.Settled), r.Verified)
	}
	return w.Flush()
}
