package returns_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/api/returns"
	"carillon/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office knows addresses that begin with bounces+.
type office struct {
	mu    sync.Mutex
	away  bool
	taken []string
	// busy, unless nil, is told of each mail, which is taken when free is closed.
	busy chan struct{}
	free chan struct{}
}

func (o *office) Expects(_ context.Context, address string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !strings.HasPrefix(address, "bounces+"):
		return fault.New(fault.NotFound, "nothing")
	case o.away:
		return fault.Wrap(fault.Unavailable, "ask", errors.New("the store is away"))
	}
	return nil
}

func (o *office) Returned(_ context.Context, address string, mail []byte) error {
	if o.busy != nil {
		o.busy <- struct{}{}
		<-o.free
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.away {
		return fault.Wrap(fault.Unavailable, "take", errors.New("the store is away"))
	}
	if strings.Contains(string(mail), "no mail") {
		return fault.New(fault.Invalid, "no mail")
	}
	o.taken = append(o.taken, address+" "+string(mail))
	return nil
}

func (o *office) set(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away = away
}

// listen starts a listener; stop may be called before the test ends.
func listen(t *testing.T, o *office) (addr string, stop func() error) {
	t.Helper()
	on, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := returns.Serve(on, o, slog.New(slog.DiscardHandler))
	stop = sync.OnceValue(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return l.Stop(ctx)
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return on.Addr().String(), stop
}

func dial(t *testing.T, addr string) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.Hello("mail.example.org"))
	require.NoError(t, c.Mail("", nil), "reports have no sender")
	return c
}

// refusedWith checks the code of a refusal.
func refusedWith(t *testing.T, code int, err error) {
	t.Helper()
	var refused *smtp.SMTPError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, code, refused.Code, err)
}

func data(t *testing.T, c *smtp.Client, text string) error {
	t.Helper()
	w, err := c.Data()
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	return w.Close()
}

func TestOnlyWhatComesBackIsTaken(t *testing.T) {
	o := &office{}
	addr, _ := listen(t, o)
	c := dial(t, addr)
	for _, other := range []string{"news@example.org", "ada@example.com", "bounces@example.org"} {
		refusedWith(t, 550, c.Rcpt(other, nil))
	}
	_, err := c.Data()
	require.Error(t, err, "nobody is written to")
	require.NoError(t, c.Reset())
	require.NoError(t, c.Mail("whoever@example.com", nil))
	require.NoError(t, c.Rcpt("bounces+1@example.org", nil))
	require.NoError(t, c.Rcpt("bounces+2@example.org", nil))
	require.NoError(t, data(t, c, "Subject: x\r\n\r\n.y\r\n"))
	require.Equal(t, []string{"bounces+1@example.org Subject: x\r\n\r\n.y\r\n", "bounces+2@example.org Subject: x\r\n\r\n.y\r\n"}, o.taken)
	require.NoError(t, c.Mail("", nil), "the recipients of before are forgotten")
	require.NoError(t, c.Rcpt("bounces+3@example.org", nil))
	refusedWith(t, 554, data(t, c, "no mail\r\n"))
	require.Len(t, o.taken, 2)
}

func TestAMailServerTriesAgainWhileTheStoreIsAway(t *testing.T) {
	o := &office{away: true}
	addr, _ := listen(t, o)
	c := dial(t, addr)
	refusedWith(t, 451, c.Rcpt("bounces+1@example.org", nil))
	o.set(false)
	require.NoError(t, c.Rcpt("bounces+1@example.org", nil))
	o.set(true)
	refusedWith(t, 451, data(t, c, "Subject: x\r\n\r\n"))
	require.Empty(t, o.taken)
}

func TestWhatIsTakenIsBounded(t *testing.T) {
	o := &office{}
	addr, _ := listen(t, o)
	c := dial(t, addr)
	for range 50 {
		require.NoError(t, c.Rcpt("bounces+1@example.org", nil))
	}
	refusedWith(t, 452, c.Rcpt("bounces+1@example.org", nil))
	refusedWith(t, 552, data(t, c, strings.Repeat(strings.Repeat("x", 78)+"\r\n", 1<<20/80+1)))
	require.Empty(t, o.taken)
}

// A conversation that goes on does not keep the server from stopping; what is being taken is.
func TestStopWaitsForWhatIsBeingTaken(t *testing.T) {
	o := &office{busy: make(chan struct{}), free: make(chan struct{})}
	addr, stop := listen(t, o)
	idle, working := dial(t, addr), dial(t, addr)
	require.NoError(t, working.Rcpt("bounces+1@example.org", nil))
	answered := make(chan error, 1)
	go func() {
		w, err := working.Data()
		if err == nil {
			_, _ = w.Write([]byte("Subject: x\r\n\r\n")) // Close says what went wrong
			err = w.Close()
		}
		answered <- err
	}()
	<-o.busy
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	require.Error(t, <-answered, "it is cut off, and tries again")
	require.Empty(t, stopped)
	close(o.free)
	require.NoError(t, <-stopped)
	require.Len(t, o.taken, 1)
	require.Error(t, idle.Noop())
	_, err := smtp.Dial(addr)
	require.Error(t, err)
}
