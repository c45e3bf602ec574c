package sink_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/internal/clock"
	"carillon/internal/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dialog writes lines and reads as many replies as are wanted.
func dialog(t *testing.T, c *textproto.Conn, lines string, replies ...int) {
	t.Helper()
	_, err := c.W.WriteString(strings.ReplaceAll(lines, "\n", "\r\n"))
	require.NoError(t, err)
	require.NoError(t, c.W.Flush())
	for _, want := range replies {
		code, text, err := c.ReadResponse(0)
		require.NoError(t, err)
		require.Equal(t, want, code, text)
	}
}

func connect(t *testing.T, s *sink.SMTP) *textproto.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	c := textproto.NewConn(conn)
	t.Cleanup(func() { _ = c.Close() })
	dialog(t, c, "", 220)
	return c
}

func newSMTP(t *testing.T, o sink.Options) *sink.SMTP {
	t.Helper()
	s, err := sink.NewSMTP(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

const mail = "Message-ID: <%d.3@example.org>\n\nHello\n..dot\n.\n"

func TestSMTP(t *testing.T) {
	var seen []sink.Delivery
	s := newSMTP(t, sink.Options{Record: true, Seen: func(d sink.Delivery) { seen = append(seen, d) }})
	c := connect(t, s)
	dialog(t, c, "EHLO me\n", 250)
	dialog(t, c, "MAIL FROM:<a@b> SIZE=7\nRCPT TO:<c@d>\nDATA\n", 250, 250, 354)
	dialog(t, c, fmt.Sprintf(mail, 7)+"MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n", 250, 250, 250, 354)
	dialog(t, c, fmt.Sprintf(mail, 7), 250)
	dialog(t, c, "DATA\n", 503)
	dialog(t, c, "RCPT TO:<c@d>\n", 503)
	dialog(t, c, "RSET\nNOOP\nWHAT\nQUIT\n", 250, 250, 500, 221)
	require.Equal(t, int64(2), s.Count())
	require.Equal(t, map[int64]int{7: 2}, s.Duplicates())
	require.Zero(t, s.Violations())
	require.Equal(t, sink.Delivery{
		ID: 7, From: "a@b", To: "c@d", Body: []byte("Message-ID: <7.3@example.org>\r\n\r\nHello\r\n.dot\r\n"),
	}, seen[0])
}

func TestSMTPCountsViolations(t *testing.T) {
	plain := newSMTP(t, sink.Options{Plain: true})
	dialog(t, connect(t, plain), "EHLO me\n", 250)
	dialog(t, connect(t, plain), "MAIL FROM:<a@b>\nRCPT TO:<c@d>\n", 250, 250)
	require.Equal(t, int64(1), plain.Violations())
	eager := newSMTP(t, sink.Options{})
	dialog(t, connect(t, eager), "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n"+fmt.Sprintf(mail, 1), 250, 250, 354, 250)
	require.Equal(t, int64(1), eager.Violations())
}

func TestSMTPAnswers(t *testing.T) {
	s := newSMTP(t, sink.Options{
		Record: true,
		Answer: func(n, id int64) sink.Answer {
			return []sink.Answer{
				{Code: 550, Text: "5.1.1 no"}, {Code: 421, Text: "bye"}, {Drop: sink.BeforeAccepting}, {Drop: sink.AfterAccepting}, {},
			}[n-1]
		},
		Command: func(line string) string {
			if strings.HasPrefix(line, "VRFY") {
				return "252 perhaps"
			}
			return ""
		},
	})
	envelope := "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n"
	c := connect(t, s)
	dialog(t, c, "VRFY x\n", 252)
	dialog(t, c, envelope, 250, 250, 354)
	dialog(t, c, fmt.Sprintf(mail, 1), 550)
	dialog(t, c, envelope, 250, 250, 354)
	dialog(t, c, fmt.Sprintf(mail, 2), 421)
	for id := 3; id <= 4; id++ {
		c = connect(t, s)
		dialog(t, c, envelope, 250, 250, 354)
		dialog(t, c, fmt.Sprintf(mail, id))
		_, err := c.ReadLine()
		require.ErrorIs(t, err, io.EOF)
	}
	require.Equal(t, int64(4), s.Asked())
	require.Equal(t, int64(1), s.Count())
	require.Equal(t, int64(4), s.Arrivals()[0].ID)
	require.Equal(t, 1, s.MaxInSlidingSecond())
	require.Equal(t, int64(3), s.Connections())
}

func TestHTTP(t *testing.T) {
	s, err := sink.NewHTTP(sink.Options{Record: true, Answer: func(n, _ int64) sink.Answer {
		return []sink.Answer{
			{}, {Code: 429, Header: http.Header{"Retry-After": {"7"}}, Text: "slow"}, {Drop: sink.BeforeAccepting}, {Drop: sink.AfterAccepting},
		}[n-1]
	}})
	require.NoError(t, err)
	transport := &http.Transport{}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	post := func(id string) (*http.Response, error) {
		r, err := http.NewRequest(http.MethodPost, s.URL(), strings.NewReader("{}"))
		require.NoError(t, err)
		r.Header.Set("Webhook-Id", id)
		answer, err := client.Do(r)
		if err == nil {
			require.NoError(t, answer.Body.Close())
		}
		return answer, err
	}
	answer, err := post("msg_5")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	answer, err = post("msg_6")
	require.NoError(t, err)
	require.Equal(t, "7", answer.Header.Get("Retry-After"))
	_, err = post("msg_7")
	require.Error(t, err)
	_, err = post("other")
	require.Error(t, err)
	require.Equal(t, int64(4), s.Asked())
	require.Equal(t, int64(2), s.Count())
	require.Equal(t, int64(5), s.Arrivals()[0].ID)
	require.Equal(t, int64(0), s.Arrivals()[1].ID)
	transport.CloseIdleConnections()
	require.NoError(t, s.Close())
	require.Zero(t, s.Open())
}

// TestHTTPSpeaksADialect has requests of several messages, and of none, counted
// message by message and answered in words of their own.
func TestHTTPSpeaksADialect(t *testing.T) {
	refusal := sink.Answer{Code: 422, Text: "no"}
	s, err := sink.NewHTTP(sink.Options{
		Record: true,
		Dialect: func(r *http.Request, body []byte) sink.Exchange {
			var ids []int64
			for _, digit := range body {
				ids = append(ids, int64(digit-'0'))
			}
			return sink.Exchange{Messages: ids, Reply: func(w http.ResponseWriter, verdicts []sink.Answer) {
				_, _ = fmt.Fprint(w, r.URL.Path, len(verdicts))
				for _, a := range verdicts {
					_, _ = fmt.Fprint(w, " ", a.Code)
				}
			}}
		},
		Answer: func(_, id int64) sink.Answer {
			return map[int64]sink.Answer{3: refusal, 4: refusal, 8: {Drop: sink.BeforeAccepting}, 9: {Drop: sink.AfterAccepting}}[id]
		},
	})
	require.NoError(t, err)
	transport := &http.Transport{}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	post := func(body string) (string, error) {
		answer, err := client.Post(s.URL()+"/path", "text/plain", strings.NewReader(body))
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return fmt.Sprint(answer.StatusCode, " ", string(text)), nil
	}
	for body, want := range map[string]string{"": "200 /path0", "12": "200 /path2 0 0", "13": "200 /path2 0 422", "34": "422 no"} {
		got, err := post(body)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Equal(t, int64(6), s.Asked(), "each message is counted")
	require.Equal(t, int64(3), s.Count())
	_, err = post("28")
	require.Error(t, err)
	_, err = post("29")
	require.Error(t, err)
	require.Equal(t, int64(10), s.Asked())
	require.Equal(t, int64(5), s.Count(), "the second lost only its answer")
	transport.CloseIdleConnections()
	require.NoError(t, s.Close())
}

// TestDelayHoldsAnswersBack shows that every answer takes its time, that
// connections wait side by side, and that a receiver which is closed lets go.
func TestDelayHoldsAnswersBack(t *testing.T) {
	const delay = 50 * time.Millisecond
	s := newSMTP(t, sink.Options{Delay: delay})
	system := clock.System{}
	var open []*textproto.Conn
	for range 3 {
		c := connect(t, s)
		dialog(t, c, "MAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n", 250, 250, 354)
		open = append(open, c)
	}
	start := system.Now()
	for i, c := range open {
		dialog(t, c, fmt.Sprintf(mail, i+1))
	}
	for _, c := range open {
		dialog(t, c, "", 250)
	}
	require.GreaterOrEqual(t, system.Now().Sub(start), delay)
	require.Equal(t, int64(3), s.Count())

	slow, err := sink.NewHTTP(sink.Options{Delay: time.Hour})
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		answer, err := http.Post(slow.URL(), "application/json", strings.NewReader("{}"))
		if err == nil {
			_ = answer.Body.Close()
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { return slow.Asked() == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, slow.Close())
	require.Error(t, <-failed)
}
