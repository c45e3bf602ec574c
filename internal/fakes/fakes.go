// Package fakes plays messaging providers, for who wants to see what Carillon does without an
// account at one: they take messages as the providers' documents say, refuse some, and report
// to /hooks/{channel_id} what became of the others, signed as the provider signs. It must not
// know how Carillon reads any of that.
package fakes

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"carillon/internal/clock"
	"carillon/providers"
)

// Bounds of a fake.
const (
	// maxBody is what a request may have, in bytes, and maxMail one that carries mail: Postmark's own.
	maxBody = 1 << 20
	maxMail = 50 << 20
	// maxWaiting bounds the reports that wait to be posted; beyond that there are none.
	maxWaiting = 100_000
	// posters are how many reports are posted at once if nobody says otherwise.
	posters = 4
	// postTries and postAgain are how often a report is posted if nobody says otherwise, and how
	// long after each try.
	postTries   = 5
	postAgain   = 500 * time.Millisecond
	postTimeout = 10 * time.Second
	// maxKnown bounds the numbers of which is remembered that they were asked for too fast.
	maxKnown = 100_000
)

// Fate is what becomes of a message, by the last two digits of the number or id that it is for.
type Fate string

// The fates.
const (
	Delivered Fate = ""   // and read, where the provider tells
	Unknown   Fate = "00" // refused: nobody has the number there
	// Closed is refused as outside the 24 hours, whatever they wrote, unless it is a template or
	// has a tag; of Meta's. By Telegram's it is who has never started the bot, and in Slack, Discord
	// and Teams a room that can't be written to any more.
	Closed Fate = "01"
	// Complained is a mail that is delivered, and then reported as spam.
	Complained      = Closed
	Returned   Fate = "02" // taken, and reported as failed later
	Silent     Fate = "03" // taken, and never heard of again
	Throttled  Fate = "04" // refused as too fast when it is asked for first, and then delivered
)

// fateOf is that of a number.
func fateOf(number string) Fate {
	for _, f := range []Fate{Unknown, Closed, Returned, Silent, Throttled} {
		if strings.HasSuffix(number, string(f)) {
			return f
		}
	}
	return Delivered
}

// Message is one that a fake was asked to take.
type Message struct {
	To, Text string
	// Refused is the code with which it was; empty for one that was taken.
	Refused string
}

// Options say what a fake plays.
type Options struct {
	// Listen is the address to listen at, on this machine alone; a free port of loopback if empty.
	Listen string
	// Hook is the address to which is reported; empty for none until ReportTo says one. Where the
	// provider is told one with each message, reports are signed for that and posted to this.
	Hook string
	// Secret is what reports are signed with: Meta's app secret, Twilio's auth token, Viber's token,
	// Vonage's signature secret, Mailgun's signing key. Telegram and Postmark present it with each,
	// and SendGrid's key and those of browsers are made from it.
	Secret string
	// Templates are WhatsApp's, which the fake has approved in English: texts by name.
	Templates map[string]string
	// Tries is how often a report is posted that is not taken; 0 is 5. Providers go on for days.
	Tries int
	// Posters are how many reports are posted at once; 0 is 4.
	Posters int
	// Clock tells when somebody wrote; the machine's if nil.
	Clock clock.Clock
	// Tell is called with each message; may be nil. It is called by many goroutines.
	Tell func(Message)
}

// Server is a fake that runs.
type Server struct {
	o        Options
	listener net.Listener
	http     *http.Server
	way      *http.Transport
	ids      atomic.Int64
	reports  chan report
	posting  sync.WaitGroup
	// ended ends what waits; dropped counts the reports for which there was no room.
	ended   context.Context
	end     context.CancelFunc
	dropped atomic.Int64

	hook    atomic.Pointer[string]
	mu      sync.Mutex
	tooFast map[string]bool
	// submitted are the templates that were handed in to WhatsApp.
	submitted []*submission
	// wrote is who has written to a fake of Meta's, and when; writes hands on what they wrote.
	wrote  map[conversation]time.Time
	writes func(to, from, text string, at time.Time)
	// most is what a request may have, in bytes, where that is not maxBody.
	most int64
	// presents says that the secret stands behind ?token= in the address to which is reported.
	presents bool
	// mails are what is told of mails that were taken, to who asks for them by what they are known by.
	mails map[string][]any
	// media are the ids of the files that were uploaded.
	media sync.Map
}

// report is a request to a hook.
type report struct {
	header http.Header
	body   []byte
}

// start starts a fake whose requests handle answers.
func start(o Options, handle func(s *Server) http.Handler) (*Server, error) {
	o.Listen, o.Tries, o.Posters = cmp.Or(o.Listen, "127.0.0.1:0"), cmp.Or(o.Tries, postTries), cmp.Or(o.Posters, posters)
	if o.Clock == nil {
		o.Clock = clock.System{}
	}
	listener, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if ip := listener.Addr().(*net.TCPAddr).IP; !ip.IsLoopback() {
		_ = listener.Close()
		return nil, fmt.Errorf("listen at %s: a fake answers on this machine alone; name an address such as 127.0.0.1:9090", o.Listen)
	}
	s := &Server{
		o: o, listener: listener, reports: make(chan report, maxWaiting), tooFast: map[string]bool{}, wrote: map[conversation]time.Time{},
		mails: map[string][]any{},
		way:   &http.Transport{DialContext: providers.Dialer{AllowPrivate: true}.DialContext, MaxIdleConnsPerHost: o.Posters},
	}
	s.ReportTo(o.Hook)
	s.ended, s.end = context.WithCancel(context.Background())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // which Apple's speaks alone
	handler := handle(s)
	s.http = &http.Server{Handler: bounded(handler, cmp.Or(s.most, maxBody)), ReadHeaderTimeout: postTimeout, Protocols: protocols}
	s.posting.Go(func() { _ = s.http.Serve(listener) }) // Close ends it
	for range o.Posters {
		s.posting.Go(s.post)
	}
	return s, nil
}

// bounded takes no larger bodies than the fakes have room for, but files as they come: nothing of
// them is kept.
func bounded(next http.Handler, most int64) http.Handler {
	small := http.MaxBytesHandler(next, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
			next.ServeHTTP(w, r)
			return
		}
		small.ServeHTTP(w, r)
	})
}

// URL is where it answers.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// ReportTo has it report to an address from now on.
func (s *Server) ReportTo(hook string) { s.hook.Store(&hook) }

// Close ends it; reports that wait are dropped.
func (s *Server) Close() error {
	s.end()
	err := s.http.Close()
	s.posting.Wait()
	s.way.CloseIdleConnections()
	return err
}

// Dropped is how many reports were not posted, because too many waited or nobody took them.
func (s *Server) Dropped() int64 { return s.dropped.Load() }

// post posts reports, one after the other.
func (s *Server) post() {
	for {
		select {
		case <-s.ended.Done():
			return
		case r := <-s.reports:
			if !s.posted(r) {
				s.dropped.Add(1)
			}
		}
	}
}

// posted posts a report until it is taken, a few times at most.
func (s *Server) posted(r report) bool {
	for range s.o.Tries {
		if s.postOnce(r) {
			return true
		}
		if (clock.System{}).Sleep(s.ended, postAgain) != nil {
			return false
		}
	}
	return false
}

func (s *Server) postOnce(r report) (taken bool) {
	ctx, cancel := context.WithTimeout(s.ended, postTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, *s.hook.Load(), bytes.NewReader(r.body))
	if err != nil {
		return false
	}
	if s.presents {
		query := request.URL.Query()
		query.Set("token", s.o.Secret)
		request.URL.RawQuery = query.Encode()
	}
	request.Header = r.header
	answer, err := s.way.RoundTrip(request)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody)) // so that the connection is used again
	return answer.StatusCode/100 == 2
}

// reportLater has a report posted.
func (s *Server) reportLater(r report) {
	if *s.hook.Load() == "" {
		return
	}
	select {
	case s.reports <- r:
	default:
		s.dropped.Add(1)
	}
}

// tell tells of a message.
func (s *Server) tell(m Message) {
	if s.o.Tell != nil {
		s.o.Tell(m)
	}
}

// hurried reports whether a number is asked for first, and remembers it.
func (s *Server) hurried(number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tooFast[number] {
		return false
	}
	if len(s.tooFast) >= maxKnown {
		clear(s.tooFast)
	}
	s.tooFast[number] = true
	return true
}
