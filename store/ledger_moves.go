package store

import "carillon/messages"

// moves are all the ways in which the store changes the state of messages, but
// for the two that carry a state for each message: what workers record
// (statements.recordOutcomes) and what receipts say (statements.applyReceipts).
// What sets a column takes its arguments in the order of the question marks.
var moves = struct {
	feed, skip, giveBack, putOff, withdraw       move
	cancel, cancelCleared, cancelOne             move
	claim, unclaim, sent                         move
	doubt, retryDead, notAsked, notAskedCanceled move
	takeUp                                       move
	resend, settleSent, settleNotSent, found     move
}{
	// What is due gets room in its channel's window.
	feed: move{
		from: []messages.State{messages.Pending}, to: messages.Queued,
		set: "envelope_id = ?, queued_at = ?, claimed_at = NULL, reason = NULL, detail = NULL",
	},
	// Our own rules keep it from being sent: consent, status, caps, its template.
	skip: move{
		from: []messages.State{messages.Pending, messages.Queued}, to: messages.Skipped,
		set: "reason = ?, detail = ?, final_at = ?",
	},
	// A worker can't send it now, or its task is gone from Redis.
	giveBack: move{
		from: []messages.State{messages.Queued}, to: messages.Pending,
		set: "reason = ?, detail = NULL, due_at = ?",
	},
	// A frequency cap has it wait; statements.deferMessages sets the rest.
	putOff: move{from: []messages.State{messages.Queued}, to: messages.Pending},
	// Its run or channel is paused or stopped.
	withdraw: move{
		from: []messages.State{messages.Queued}, to: messages.Pending,
		set: "reason = ?, detail = NULL, final_at = NULL",
	},
	// Its campaign is canceled, or the queue is cleared.
	cancel: move{
		from: []messages.State{messages.Pending, messages.Queued}, to: messages.Canceled,
		set: "reason = ?, detail = ?, final_at = ?",
	},
	// The queue was cleared while it was in flight, and it has come back.
	cancelCleared: move{
		from: []messages.State{messages.Pending}, to: messages.Canceled,
		set: "reason = ?, detail = 'cleared while it was in flight', final_at = ?, due_at = 0",
	},
	// An operator cancels this one.
	cancelOne: move{
		from: []messages.State{messages.Pending, messages.Queued}, to: messages.Canceled,
		set: "reason = ?, detail = ?, final_at = ?, due_at = 0, sent_at = NULL, delivered_at = NULL, read_at = NULL",
	},
	// A worker takes it to ask the provider.
	claim: move{
		from: []messages.State{messages.Queued}, to: messages.Sending,
		set: "worker_id = ?, attempt = attempt + 1, claimed_at = ?",
	},
	// The claim was a stale task's.
	unclaim: move{
		from: []messages.State{messages.Sending}, to: messages.Queued, undoes: true,
		set: "attempt = attempt - 1, worker_id = 0, claimed_at = NULL",
	},
	// The provider has it, and said no more than that.
	sent: move{
		from: []messages.State{messages.Sending}, to: messages.Sent,
		set: "sent_at = ?, reason = NULL, detail = NULL",
	},
	// Its worker is dead: it is held in doubt, or tried again.
	doubt: move{
		from: []messages.State{messages.Sending}, to: messages.Unknown,
		set: "reason = ?, detail = ?, due_at = 0, final_at = ?",
	},
	retryDead: move{
		from: []messages.State{messages.Sending}, to: messages.Pending,
		set: "reason = ?, detail = ?, due_at = 0, final_at = NULL",
	},
	// Its worker lives, and has not asked the provider: it waits again, or is
	// canceled with its campaign.
	notAsked: move{
		from: []messages.State{messages.Unknown}, to: messages.Pending,
		set: "reason = ?, detail = ?, due_at = ?, final_at = ?, attempt = attempt - ?",
	},
	notAskedCanceled: move{
		from: []messages.State{messages.Unknown}, to: messages.Canceled,
		set: "reason = ?, detail = ?, due_at = ?, final_at = ?, attempt = attempt - ?",
	},
	// Its dead worker's answer was found: retryDead was wrong.
	takeUp: move{
		from: []messages.State{messages.Pending}, to: messages.Sending, undoes: true,
		set: "reason = NULL, due_at = 0",
	},
	// An operator sends it again.
	resend: move{
		from: []messages.State{messages.Sent, messages.Delivered, messages.Read, messages.Failed, messages.Rejected, messages.Unknown}, to: messages.Pending,
		set: "reason = ?, detail = ?, due_at = 0, final_at = NULL, sent_at = NULL, delivered_at = NULL, read_at = NULL",
	},
	// An operator says what became of what was in doubt.
	settleSent: move{
		from: []messages.State{messages.Unknown}, to: messages.Sent,
		set: "reason = ?, detail = ?, sent_at = COALESCE(claimed_at, ?), final_at = NULL",
	},
	settleNotSent: move{
		from: []messages.State{messages.Unknown}, to: messages.Failed,
		set: "reason = ?, detail = ?, final_at = ?",
	},
	// Its provider says that it took what was in doubt.
	found: move{
		from: []messages.State{messages.Unknown}, to: messages.Sent,
		set: "reason = ?, detail = ?, sent_at = COALESCE(claimed_at, ?), provider_id = COALESCE(?, provider_id), final_at = NULL",
	},
}
