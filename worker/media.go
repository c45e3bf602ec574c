package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"carillon/internal/fault"
	"carillon/messages"
	"carillon/providers"
)

// Files has what was uploaded to be sent; *messages.Files does.
type Files interface {
	// Get is NotFound if the account has uploaded no such file.
	Get(ctx context.Context, accountID, id int64) (messages.File, error)
	// Public is the file's address; empty where no public address is configured.
	Public(f messages.File) string
	// Read reads a file, for as long as the context holds.
	Read(ctx context.Context, f messages.File) io.ReadSeekCloser
}

// Bounds of files on their way to a provider.
const (
	// leastRate is how fast a file goes out at least, in bytes a second: how long is waited for a
	// larger one follows from it.
	leastRate = 256 << 10
	// renewBefore is how long before a provider forgets a file it is uploaded anew; half of the
	// time where that is less than twice as long.
	renewBefore = 24 * time.Hour
	// triedAgainAfter is how long nobody tries a file again that could not be handed over, and
	// refusedFor the same for one that the provider does not take, or that is gone.
	triedAgainAfter, refusedFor = 5 * time.Second, time.Minute
	// mostWithin bounds the bytes of the files within the messages under way of a channel, which
	// are in memory twice: as they are, and as they are written. mostKnown bounds the files that
	// are known at a time.
	mostWithin = 128 << 20
	mostKnown  = 100
	// mostHeld bounds the bytes that are held for messages to come.
	mostHeld = 32 << 20
)

// carried are the files that messages of a channel carry: each is looked up, and handed over, once.
type carried struct {
	ch     *channel
	way    providers.FileWay
	within *semaphore.Weighted
	mu     sync.Mutex
	known  map[carriedAs]*parcel
	// held are the bytes of the contents that the known ones have.
	held int64
}

// carriedAs is a file, and as what it goes.
type carriedAs struct {
	id   int64
	sort providers.AttachmentType
}

// parcel is what is known of a file. Who has its turn may read and change it: the others wait, so
// that a thousand messages have one upload.
type parcel struct {
	as   carriedAs
	turn chan struct{}
	file messages.File
	kept messages.KeptMedia
	// content is all of it where it goes within messages.
	content []byte
	// failed is why it can't go, until then.
	failed error
	until  time.Time
}

// load is the file of one message; nil for none.
type load struct {
	of     *carried
	parcel *parcel
	file   providers.File
	public string
	// first says that the message carries the file for all that follow, which wait for it.
	first bool
	// weight is what of the channel's memory it takes.
	weight int64
}

func newCarried(ch *channel, way providers.FileWay) *carried {
	return &carried{ch: ch, way: way, within: semaphore.NewWeighted(mostWithin), known: map[carriedAs]*parcel{}}
}

// parcelOf is what is known of a file.
func (c *carried) parcelOf(as carriedAs) *parcel {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.known[as]
	if p == nil {
		if len(c.known) == mostKnown {
			c.forgetAll()
		}
		p = &parcel{as: as, turn: make(chan struct{}, 1)}
		c.known[as] = p
	}
	return p
}

// forgetAll forgets what is known, for who has the lock; those that are in use stay with who uses
// them.
func (c *carried) forgetAll() {
	clear(c.known)
	c.held = 0
}

// hold keeps the content of a parcel for the messages that follow, in place of all others where
// they are too much together.
func (c *carried) hold(p *parcel, content []byte) {
	p.content = content
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held+int64(len(content)) > mostHeld {
		c.forgetAll()
	}
	c.known[p.as] = p
	c.held += int64(len(content))
}

// await waits until the file of a message can go with it. The error is a *providers.Error, or
// errNoTurn where the channel stops.
func (c *carried) await(ctx context.Context, a *providers.Attachment) (*load, error) {
	if a == nil || a.MediaID == 0 {
		return nil, nil
	}
	p := c.parcelOf(carriedAs{a.MediaID, a.Type})
	if !c.take(ctx, p) {
		return nil, errNoTurn
	}
	l := &load{of: c, parcel: p}
	err := c.prepare(ctx, p, l)
	if !l.first {
		<-p.turn
	}
	if err != nil {
		c.within.Release(l.weight)
		return nil, err
	}
	return l, nil
}

// take takes the turn of a file.
func (c *carried) take(ctx context.Context, p *parcel) bool {
	select {
	case p.turn <- struct{}{}:
		return true
	case <-c.ch.stopping:
	case <-ctx.Done():
	}
	return false
}

// prepare has a file ready, and puts it into the load.
func (c *carried) prepare(ctx context.Context, p *parcel, l *load) error {
	now := c.ch.now()
	if p.failed != nil && now.Before(p.until) {
		return p.failed
	}
	p.failed = nil
	err := c.find(ctx, p)
	if err == nil {
		l.file = providers.File{Name: p.file.Name, ContentType: p.file.ContentType, Size: p.file.Size}
		l.public = c.ch.worker.o.Files.Public(p.file)
		err = c.ready(ctx, p, l)
	}
	if err != nil && (c.ch.isStopping() || errors.Is(err, errNoTurn)) {
		return errNoTurn
	}
	if err == nil {
		return nil
	}
	failure := *providers.AsError(err)
	if failure.Kind == providers.ErrorInDoubt { // no message was asked for
		failure.Kind = providers.ErrorTemporary
	}
	p.failed, p.until = &failure, now.Add(triedAgainAfter)
	if failure.Kind == providers.ErrorContent {
		p.until = now.Add(refusedFor)
	}
	return p.failed
}

// find looks the file up.
func (c *carried) find(ctx context.Context, p *parcel) error {
	if p.file.ID != 0 {
		return nil
	}
	if c.ch.worker.o.Files == nil {
		return &providers.Error{Kind: providers.ErrorContent, Code: "no_files", Err: errors.New("this worker reaches no uploaded files")}
	}
	f, err := c.ch.worker.o.Files.Get(ctx, c.ch.c.AccountID, p.as.id)
	if fault.Is(err, fault.NotFound) {
		return &providers.Error{Kind: providers.ErrorContent, Code: "no_file", Err: fmt.Errorf("the uploaded file %d is there no more", p.as.id)}
	}
	if err != nil {
		return unread(err)
	}
	p.file = f
	return nil
}

func unread(err error) error {
	return &providers.Error{Kind: providers.ErrorTemporary, Err: fmt.Errorf("read the uploaded file: %w", err)}
}

// ready has a file as the provider takes it.
func (c *carried) ready(ctx context.Context, p *parcel, l *load) error {
	switch c.way {
	case providers.FileKept, providers.FileSentOnce:
		if err := c.lookUp(ctx, p); err != nil {
			return err
		}
		if p.kept.ID == "" && c.way == providers.FileSentOnce {
			l.first, l.file.Open = true, c.opens(context.WithoutCancel(ctx), p.file)
			return nil
		}
		if p.kept.ID == "" {
			if err := c.upload(ctx, p, l.file); err != nil {
				return err
			}
		}
		l.file.ID = p.kept.ID
	case providers.FileWithin:
		weight := min(2*p.file.Size, mostWithin)
		if c.within.Acquire(ctx, weight) != nil {
			return errNoTurn
		}
		l.weight = weight
		if p.content == nil {
			content, err := io.ReadAll(c.ch.worker.o.Files.Read(ctx, p.file))
			if err != nil {
				return unread(err)
			}
			c.hold(p, content)
		}
		l.file.Content = p.content
	default:
		if l.public == "" {
			return &providers.Error{Kind: providers.ErrorContent, Code: "no_public_url",
				Err: errors.New("the provider fetches files itself, and this server has no address that it reaches: set public_url")}
		}
	}
	return nil
}

// of names the file to the store.
func (c *carried) of(p *parcel) messages.MediaOf {
	return messages.MediaOf{ChannelID: c.ch.c.ID, FileID: p.as.id, Epoch: c.ch.epoch.Load(), Sort: string(p.as.sort)}
}

// lookUp has the id that the provider has for the file, if there is one that lasts: this process
// has uploaded it, or another.
func (c *carried) lookUp(ctx context.Context, p *parcel) (err error) {
	lasts := func() bool { return p.kept.ID != "" && (p.kept.Until.IsZero() || c.ch.now().Before(p.kept.Until)) }
	if lasts() {
		return nil
	}
	if p.kept, err = c.ch.worker.o.Store.KeptMedia(ctx, c.of(p)); err != nil {
		return unread(err)
	}
	if !lasts() {
		p.kept = messages.KeptMedia{}
	}
	return nil
}

// opens reads a file as often as it is asked to.
func (c *carried) opens(ctx context.Context, f messages.File) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return c.ch.worker.o.Files.Read(ctx, f), nil }
}

// upload hands a file over, and keeps its id.
func (c *carried) upload(ctx context.Context, p *parcel, f providers.File) (err error) {
	keeper, keeps := c.ch.provider.(providers.MediaKeeper)
	if !keeps {
		return &providers.Error{Kind: providers.ErrorContent, Code: "no_keeper", Err: errors.New("the provider's adapter keeps no files")}
	}
	ctx, cancel := context.WithTimeout(ctx, c.ch.worker.o.SendTimeout+timeFor(f.Size))
	defer cancel()
	go func() {
		select {
		case <-c.ch.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			c.ch.panicked(r, debug.Stack())
			err = &providers.Error{Kind: providers.ErrorTemporary, Err: errors.New(panicWords)}
		}
	}()
	f.Open = c.opens(ctx, p.file)
	kept, err := keeper.KeepMedia(ctx, f)
	if err != nil {
		return err
	}
	c.keep(ctx, p, kept)
	return nil
}

// keep keeps the id that a provider has given.
func (c *carried) keep(ctx context.Context, p *parcel, kept providers.KeptMedia) {
	p.kept = messages.KeptMedia{ID: kept.ID}
	if kept.Lasts > 0 {
		p.kept.Until = c.ch.now().Add(kept.Lasts - min(renewBefore, kept.Lasts/2))
	}
	if err := c.ch.worker.o.Store.KeepMedia(context.WithoutCancel(ctx), c.of(p), p.kept); err != nil {
		c.ch.worker.o.Logger.Warn("the provider's id of a file could not be kept: other processes upload it, too",
			"channel", c.ch.c.ID, "file", p.as.id, "error", err)
	}
}

// timeFor is how long is waited for so many bytes to go out.
func timeFor(bytes int64) time.Duration { return time.Duration(bytes) * time.Second / leastRate }

// carrying is how much longer a message may take that carries a file.
func carrying(m *providers.Message) time.Duration {
	if a := m.Content.Attachment; a != nil && a.File != nil && (a.File.Open != nil || a.File.Content != nil) {
		return timeFor(a.File.Size)
	}
	return 0
}

// put puts the file into its message.
func (l *load) put(m *providers.Message) {
	if l == nil || m.Content.Attachment == nil {
		return
	}
	a := *m.Content.Attachment
	a.File, a.URL = &l.file, l.public
	if a.Filename == "" {
		a.Filename = l.file.Name
	}
	m.Content.Attachment = &a
}

// went takes up what the provider answered to the message.
func (l *load) went(ctx context.Context, accepted providers.Accepted, err error) {
	switch {
	case l == nil:
	case l.first && err == nil && accepted.MediaID != "":
		l.of.keep(ctx, l.parcel, providers.KeptMedia{ID: accepted.MediaID})
	case err != nil && l.file.ID != "" && providers.AsError(err).MediaGone:
		l.of.forget(ctx, l.parcel, l.file.ID)
	}
}

// forget forgets an id that the provider does not know any more, unless there is another by now.
func (c *carried) forget(ctx context.Context, p *parcel, id string) {
	if !c.take(ctx, p) {
		return
	}
	defer func() { <-p.turn }()
	if p.kept.ID != id {
		return
	}
	p.kept = messages.KeptMedia{}
	if err := c.ch.worker.o.Store.ForgetMedia(context.WithoutCancel(ctx), c.of(p), id); err != nil {
		c.ch.worker.o.Logger.Warn("a file's id that the provider does not know could not be forgotten", "channel", c.ch.c.ID, "file", p.as.id, "error", err)
	}
}

// done lets others have the file.
func (l *load) done() {
	if l == nil {
		return
	}
	if l.first {
		<-l.parcel.turn
	}
	l.of.within.Release(l.weight)
}
