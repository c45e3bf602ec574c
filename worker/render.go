package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
	"carillon/queue"
	"carillon/templates/liquid"
	"carillon/tracking"
)

// What is rendered at a time. Two chunks of an envelope are in memory: one that is
// being sent, and one that is rendered meanwhile.
const (
	// chunkBytes is after how many bytes a chunk ends, unless it has fewer than
	// leastChunk messages.
	chunkBytes = 256 << 10
	leastChunk = 8
	mostChunk  = 128
	// renderFor is how long a chunk is rendered; it ends with what is done by then,
	// so that stopping and other campaigns of the channel need not wait for a template
	// that takes its time.
	renderFor = 200 * time.Millisecond
	// exceededInARow is how many recipients one after the other may exceed the
	// bounds of templates before their campaign is paused.
	exceededInARow = 10
)

// item is a message that is ready to be handed to the provider.
type item struct {
	queue.Item
	message providers.Message
	// kept is the trace in which it was made, queued and loaded are when the feeder and the
	// worker had it.
	kept           string
	queued, loaded time.Time
	// language is that of the content; empty where no template speaks.
	language string
	// filled is the message's content, unless that is in the message.
	filled *liquid.Filled
	// tracked and links write the tracked links into it; tracked is nil if there are none.
	tracked *tracking.Writer
	links   messages.Links
	runID   int64
	// mailbox is the recipient's mailbox provider where the channel has limits for any, and again
	// when it is to ask once more, because that one has room soon.
	mailbox string
	again   time.Time
	// wrote is when the recipient wrote, which lets them be sent anything; zero where that does
	// not matter. instead says that there is something for who has not written lately.
	wrote   time.Time
	instead bool
	// answers says that the recipient has written within the provider's window.
	answers bool
}

// whole is the message as it is handed to the provider. Its texts are put together for
// as long as that takes: before, an item takes a fraction of their memory.
func (j item) whole() providers.Message {
	m := j.message
	if j.filled != nil {
		m.Content = j.filled.Content()
	}
	if j.tracked != nil {
		m.Content = j.tracked.Write(m.Content, j.links.Tracked(j.runID))
	}
	return m
}

// attached is what goes along with it, as it is written; nil for nothing.
func (j item) attached() *providers.Attachment {
	if j.filled != nil {
		return j.filled.Attached()
	}
	return j.message.Content.Attachment
}

// letter is a message that is not rendered yet.
type letter struct {
	queue.Item
	loaded *messages.QueuedMessage
}

// batch is what is left of an envelope.
type batch struct {
	ch  *channel
	e   queue.Envelope
	run *run // nil for transactional messages
	// ready are rendered and not dealt with, left are those behind them. The first of
	// left are being rendered while ahead is not nil.
	ready []item
	left  []letter
	ahead chan chunk
	// near are ready, and ask again at their times: of those that come first.
	near []item
	// loaded is when the messages were read.
	loaded time.Time
	ctx    context.Context
	end    context.CancelFunc
}

// chunk is what became of the first letters of a batch.
type chunk struct {
	items []item
	// done counts the letters that are dealt with: rendered or skipped.
	done int
	err  error
}

// errStale says that an envelope's messages are not its own any more: paused,
// canceled, cleared or fed again. Those that still are go back.
var errStale = errors.New("the envelope is stale")

// batch is an envelope of which nothing is known but the messages that it names.
func (ch *channel) batch(ctx context.Context, e queue.Envelope) *batch {
	b := &batch{ch: ch, e: e, left: make([]letter, len(e.Items))}
	b.ctx, b.end = context.WithCancel(ctx)
	for i, j := range e.Items {
		b.left[i].Item = j
	}
	return b
}

// load reads what is needed to send the messages, those that are still queued in the
// envelope, in one go.
func (b *batch) load() error {
	request := messages.EnvelopeRequest{ChannelID: b.ch.c.ID, RunID: b.e.RunID, EnvelopeID: b.e.ID, MessageIDs: b.rest()}
	if b.e.RunID != 0 {
		r, err := b.ch.run(b.ctx, b.e.RunID)
		if fault.Is(err, fault.NotFound) {
			return errStale
		}
		if err != nil {
			return err
		}
		if r.broken != nil {
			return b.pauseBroken(r.broken)
		}
		b.run, request.Uploads = r, r.uploads()
	}
	if window := b.ch.window; window > 0 {
		request.HeardSince = b.ch.now().Add(-window)
	}
	loaded, err := b.ch.worker.o.Store.LoadEnvelope(b.ctx, request)
	if err != nil {
		return err
	}
	b.loaded = b.ch.now()
	found := make(map[int64]*messages.QueuedMessage, len(loaded))
	for i := range loaded {
		found[loaded[i].ID] = &loaded[i]
		b.ch.stage(StageQueue, loaded[i].QueuedAt)
	}
	queued := b.left[:0]
	for _, l := range b.left {
		if l.loaded = found[l.MessageID]; l.loaded != nil {
			queued = append(queued, l)
		}
	}
	b.left = queued
	return nil
}

// pauseBroken pauses a campaign whose content can't even be compiled: another
// version of this program could.
func (b *batch) pauseBroken(broken error) error {
	why := fmt.Sprintf("its content can't be rendered: %s. Correct it in a copy of the campaign and cancel this one", broken)
	if err := b.ch.worker.o.Store.PauseRun(b.ctx, b.e.RunID, why); err != nil {
		return err
	}
	return errStale
}

func (b *batch) empty() bool { return len(b.ready)+len(b.near)+len(b.left) == 0 }

// rest are the messages that are not dealt with.
func (b *batch) rest() []int64 {
	ids := make([]int64, 0, len(b.ready)+len(b.near)+len(b.left))
	for _, j := range slices.Concat(b.near, b.ready) {
		ids = append(ids, j.MessageID)
	}
	for _, l := range b.left {
		ids = append(ids, l.MessageID)
	}
	return ids
}

// advance sees to it that something is ready, if anything is left and the channel
// does not stop, and has the next chunk rendered while that is sent.
func (b *batch) advance() error {
	for len(b.ready) == 0 && len(b.left) > 0 {
		b.renderAhead()
		select {
		case c := <-b.ahead:
			b.ahead = nil
			if b.ready, b.left = c.items, b.left[c.done:]; c.err != nil {
				return c.err
			}
		case <-b.ch.stopping:
			return nil
		case <-b.ctx.Done():
			return nil
		}
	}
	b.renderAhead()
	return nil
}

func (b *batch) renderAhead() {
	if b.ahead != nil || len(b.left) == 0 {
		return
	}
	ahead, letters := make(chan chunk, 1), b.left[:min(mostChunk, len(b.left))]
	b.ahead = ahead
	go func() { ahead <- b.render(letters) }()
}

// close ends what is being rendered.
func (b *batch) close() {
	b.end()
	if b.ahead != nil {
		<-b.ahead
		b.ahead = nil
	}
}

// render renders letters, for not longer than renderFor, and skips those that can't
// be. As many as there are processors do so at once on a channel.
func (b *batch) render(letters []letter) (c chunk) {
	ch := b.ch
	if b.run != nil {
		select {
		case ch.renderers <- struct{}{}:
			defer func() { <-ch.renderers }()
		case <-b.ctx.Done():
			return chunk{err: b.ctx.Err()}
		}
	}
	began, failed, closed, bytes := ch.now(), map[int64]string{}, map[int64]string{}, 0
	c.items = make([]item, 0, len(letters))
	for i, l := range letters {
		if i > 0 && (ch.isStopping() || ch.now().Sub(began) > renderFor) || i >= leastChunk && bytes > chunkBytes {
			break
		}
		ready, err := b.item(l)
		if b.ctx.Err() != nil {
			return chunk{err: b.ctx.Err()}
		}
		c.done++
		var exceeded *liquid.ExceededError
		var shut *closedError
		switch {
		case errors.As(err, &shut):
			closed[l.MessageID] = shut.detail
		case errors.As(err, &exceeded):
			if c.err = b.exceeded(l.MessageID, exceeded); c.err != nil {
				return c
			}
		case err != nil:
			failed[l.MessageID] = err.Error()
		default:
			c.items = append(c.items, ready)
			if b.run != nil {
				bytes += ready.filled.Bytes()
				b.run.exceeded.Store(0)
			}
		}
	}
	ch.locate(b.ctx, c.items)
	if c.err = b.skip(messages.ReasonRenderFailed, failed); c.err == nil {
		c.err = b.skip(messages.ReasonWindow, closed)
	}
	return c
}

// skip skips messages, and is errStale if none of them is the envelope's any more.
func (b *batch) skip(reason string, details map[int64]string) error {
	if len(details) == 0 {
		return nil
	}
	n, err := b.ch.worker.o.Store.Skip(b.ctx, messages.Skipping{
		RunID: b.e.RunID, ChannelID: b.ch.c.ID, EnvelopeID: b.e.ID, Reason: reason, Details: details,
	})
	if err == nil && n == 0 {
		return errStale
	}
	return err
}

// exceeded skips a message whose template exceeds its bounds; after a run of them
// the campaign is paused. One at a time is counted of a run, so that nothing of it
// is skipped any more when it is paused.
func (b *batch) exceeded(id int64, why error) error {
	b.run.mu.Lock()
	defer b.run.mu.Unlock()
	if err := b.skip(messages.ReasonRenderExceeded, map[int64]string{id: why.Error()}); err != nil {
		return err
	}
	if b.run.exceeded.Add(1) < exceededInARow {
		return nil
	}
	b.run.exceeded.Store(0)
	b.ch.worker.o.Logger.Warn("paused a campaign whose template exceeds its bounds", "campaign", b.e.CampaignID, "run", b.e.RunID)
	err := b.ch.worker.o.Store.PauseRun(b.ctx, b.e.RunID, fmt.Sprintf("%d recipients in a row were skipped: %s. "+
		"Shorten the template in a copy of the campaign and cancel this one; resuming goes on with those who are left", exceededInARow, why))
	if err != nil {
		return err
	}
	return errStale // the pause has taken the rest back
}

// item renders one message. A transactional one was rendered when it was created.
func (b *batch) item(l letter) (j item, err error) {
	to := &l.loaded.Recipient
	j = item{Item: l.Item, message: providers.Message{
		ID: l.MessageID, Attempt: l.Attempt, Transactional: b.e.Transactional, To: to.Address, ToName: to.Name,
	}, kept: l.loaded.Trace, queued: l.loaded.QueuedAt, loaded: b.loaded}
	m := &j.message
	if m.ToName == "" {
		m.ToName = joinName(to.FirstName, to.LastName)
	}
	closed := b.ch.closed(l.loaded.HeardAt)
	j.answers = b.ch.window > 0 && !closed
	if b.run == nil {
		if err := ownContent(l.loaded, m); err != nil {
			return j, err
		}
		if j.instead = m.Content.Outside != nil; closed {
			m.Content, err = outside(m.Content)
		} else {
			j.wrote = l.loaded.HeardAt
		}
		m.Content.Outside = nil
		return j, err
	}
	var links messages.Links
	if linksOf := b.ch.worker.o.Links; linksOf != nil {
		links = linksOf(b.ch.c.AccountID, m.ID)
		m.UnsubscribeURL = links.UnsubscribeURL
	}
	said, err := b.run.content(l.loaded.Variant)
	if err != nil {
		return j, err
	}
	content, language, _, err := said.For(to.Language)
	if err != nil {
		return j, err
	}
	other, otherLanguage := said.Outside(to.Language)
	switch {
	case content.Kept(): // which everybody may be sent
	case !closed:
		j.wrote, j.instead = l.loaded.HeardAt, other != nil
	case other == nil:
		return j, shut(said.FallsBack())
	default:
		content, language = other, otherLanguage
	}
	j.language = language
	j.tracked, j.links, j.runID = b.run.tracked, links, b.e.RunID
	j.filled, err = content.Fill(b.ctx, to.Vars(b.run.occasion, links))
	return j, err
}

// ownContent reads what a transactional message carries.
func ownContent(loaded *messages.QueuedMessage, m *providers.Message) error {
	if len(loaded.Content) == 0 {
		return fault.New(fault.Conflict, "its content is not kept any more")
	}
	var err error
	if m.Content, err = providers.ReadContent(loaded.Content); err != nil {
		return fault.Wrap(fault.Internal, "read the message's content", err)
	}
	if len(loaded.Metadata) <= len("{}") {
		return nil
	}
	if err := json.Unmarshal(loaded.Metadata, &m.Metadata); err != nil {
		return fault.Wrap(fault.Internal, "read the message's metadata", err)
	}
	return nil
}

func joinName(first, last string) string {
	switch {
	case first == "":
		return last
	case last == "":
		return first
	}
	return first + " " + last
}
