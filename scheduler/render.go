package scheduler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates"
)

// rendering is what became of a batch of messages.
type rendering struct {
	// messages are those of jobs, in their order.
	messages []campaigns.FeedMessage
	jobs     []queue.Job
	// failed and exceeded say of messages why they are skipped.
	failed, exceeded map[int64]string
	// late are those that there was no time for.
	late []campaigns.FeedMessage
	// pause says why the run is to be paused; empty if it is not.
	pause string
}

// render renders messages, for not longer than renderFor.
func (f *feeder) render(ctx context.Context, channel providers.Channel, run *fedRun, messages []campaigns.FeedMessage) (rendering, error) {
	began := f.clock.Now()
	r := rendering{jobs: make([]queue.Job, 0, len(messages)), messages: make([]campaigns.FeedMessage, 0, len(messages)), failed: map[int64]string{}, exceeded: map[int64]string{}}
	for i, m := range messages {
		if run != nil && i > 0 && f.clock.Now().Sub(began) > renderFor {
			r.late = messages[i:]
			break
		}
		job, err := f.job(ctx, channel, run, m)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		var exceeded *templates.ExceededError
		switch {
		case errors.As(err, &exceeded):
			r.exceeded[m.ID] = err.Error()
			if run.exceeded++; run.exceeded >= exceededInARow {
				run.exceeded = 0
				r.pause = fmt.Sprintf("%d recipients in a row were skipped: %s. Shorten the template in a copy of the campaign and cancel this one; resuming goes on with those who are left", exceededInARow, err)
				r.late = messages[i+1:]
			}
		case err != nil:
			r.failed[m.ID] = err.Error()
		default:
			if run != nil {
				run.exceeded = 0
			}
			r.jobs, r.messages = append(r.jobs, job), append(r.messages, m)
		}
		if r.pause != "" {
			break
		}
	}
	if run != nil {
		run.each = f.clock.Now().Sub(began) / time.Duration(len(messages)-len(r.late))
	}
	return r, nil
}

// settle writes down what will not be enqueued now.
func (f *feeder) settle(ctx context.Context, channel providers.Channel, run *fedRun, request campaigns.FeedRequest, r rendering) error {
	for reason, list := range map[string]map[int64]string{campaigns.ReasonRenderFailed: r.failed, campaigns.ReasonRenderExceeded: r.exceeded} {
		if len(list) == 0 {
			continue
		}
		if err := f.store.Skip(ctx, request.RunID, channel.ID, reason, list); err != nil {
			return err
		}
	}
	if r.pause != "" {
		f.log.Warn("paused a campaign whose template exceeds its bounds", "campaign", run.campaign.ID, "run", request.RunID)
		return f.store.PauseRun(ctx, request.RunID, r.pause) // takes back what is queued
	}
	for envelope, ids := range byEnvelope(r.late) {
		if err := f.store.Unqueue(ctx, request.RunID, channel.ID, envelope, ids, campaigns.Due{At: f.clock.Now()}); err != nil {
			return err
		}
	}
	return nil
}

func byEnvelope(messages []campaigns.FeedMessage) map[int64][]int64 {
	ids := map[int64][]int64{}
	for _, m := range messages {
		ids[m.EnvelopeID] = append(ids[m.EnvelopeID], m.ID)
	}
	return ids
}

// enveloped puts rendered messages into their envelopes.
func enveloped(channel providers.Channel, run *fedRun, request campaigns.FeedRequest, r rendering) []queue.Envelope {
	envelopes := make([]queue.Envelope, 0, len(request.Envelopes))
	for i, m := range r.messages {
		if len(envelopes) == 0 || envelopes[len(envelopes)-1].ID != m.EnvelopeID {
			e := queue.Envelope{ID: m.EnvelopeID, ChannelID: channel.ID, RunID: request.RunID, Transactional: run == nil, Jobs: make([]queue.Job, 0, request.PerEnvelope)}
			if run != nil {
				e.CampaignID, e.CampaignPerSecond = run.campaign.ID, run.campaign.Throttle.PerSecond
			}
			envelopes = append(envelopes, e)
		}
		last := &envelopes[len(envelopes)-1]
		last.Jobs = append(last.Jobs, r.jobs[i])
	}
	return envelopes
}

// job renders one message. A transactional message was rendered when it was
// created.
func (f *feeder) job(ctx context.Context, channel providers.Channel, run *fedRun, m campaigns.FeedMessage) (queue.Job, error) {
	job := queue.Job{MessageID: m.ID, Attempt: m.Attempt, To: m.Recipient.Address, ToName: m.Recipient.Name}
	if job.ToName == "" {
		job.ToName = joinName(m.Recipient.FirstName, m.Recipient.LastName)
	}
	if l := channel.Limits; l.PerRecipientSeconds > 0 || l.RecipientsPerDay > 0 {
		job.RecipientKey = campaigns.RecipientKey(m.Recipient.Address)
	}
	if run == nil {
		if err := json.Unmarshal(m.Content, &job.Content); err != nil {
			return job, fault.Wrap(fault.Internal, "read the message's content", err)
		}
		if len(m.Metadata) > 2 {
			if err := json.Unmarshal(m.Metadata, &job.Metadata); err != nil {
				return job, fault.Wrap(fault.Internal, "read the message's metadata", err)
			}
		}
		return job, nil
	}
	if f.unsubscribe != nil {
		job.UnsubscribeURL = f.unsubscribe(channel.AccountID, m.ID)
	}
	var err error
	job.Content, err = run.content.Render(ctx, m.Recipient.Vars(run.campaign.Name, job.UnsubscribeURL))
	return job, err
}
