package crashtest

import (
	"bytes"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/sink"
	"carillon/providers"
)

// object is a JSON object.
type object = map[string]any

// ask is a request to the API.
type ask struct {
	method, path string
	// body is of type contentType; nil for none.
	body        io.Reader
	contentType string
}

// do asks the API and reads its answer.
func (c *cluster) do(a ask, answer any) error {
	base := c.api()
	if base == "" {
		return errors.New("no process has an API yet")
	}
	request, err := http.NewRequestWithContext(c.t.Context(), a.method, base+a.path, a.body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+adminKey)
	request.Header.Set("Content-Type", a.contentType)
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: %s %s", a.method, a.path, response.Status, text)
	case answer == nil:
		return nil
	}
	if raw, ok := answer.(*[]byte); ok {
		*raw = text
		return nil
	}
	return json.Unmarshal(text, answer)
}

func (c *cluster) get(path string, answer any) error {
	return c.do(ask{method: http.MethodGet, path: path}, answer)
}

func (c *cluster) post(path string, body, answer any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ask{method: http.MethodPost, path: path, body: bytes.NewReader(text), contentType: "application/json"}, answer)
}

func (c *cluster) patch(path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.do(ask{method: http.MethodPatch, path: path, body: bytes.NewReader(text), contentType: "application/json"}, nil)
}

// mustPost is post for a moment at which nothing is dying.
func (c *cluster) mustPost(path string, body, answer any) {
	c.t.Helper()
	require.NoError(c.t, c.post(path, body, answer))
}

// hasID is what every resource has.
type hasID struct {
	ID int64 `json:"id"`
}

// far is the far end of a channel.
type far struct {
	*sink.Tally
	provider string
	config   object
}

// httpSink receives over HTTP.
func (c *cluster) httpSink(o sink.Options) far {
	c.t.Helper()
	o.Record = true
	s, err := sink.NewHTTP(o)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, s.Close()) })
	return far{&s.Tally, "webhook", object{"url": s.URL(), "secret": "whsec_c2VjcmV0IG9mIHRoZSBjcmFzaCBzdWl0ZSE="}}
}

// smtpSink receives mail.
func (c *cluster) smtpSink(o sink.Options) far {
	c.t.Helper()
	o.Record = true
	s, err := sink.NewSMTP(o)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, s.Close()) })
	return far{&s.Tally, "smtp", object{"host": "127.0.0.1", "port": s.Port(), "tls": "none", "from": "news@example.com"}}
}

func (c *cluster) createChannel(to far, limits providers.Limits, inDoubt string) int64 {
	c.t.Helper()
	var made hasID
	c.mustPost("/v1/channels", object{"name": rand.Text(), "provider": to.provider, "config": to.config, "limits": limits, "in_doubt": inDoubt}, &made)
	return made.ID
}

func address(i int) string { return fmt.Sprintf("person%06d@example.com", i) }

// postPeople hands in a CSV file of n people.
func (c *cluster) postPeople(n int) error {
	var lines strings.Builder
	lines.WriteString("email,first_name,coupon\n")
	for i := range n {
		fmt.Fprintf(&lines, "%s,Name%d,C%d\n", address(i), i, i)
	}
	return c.postFile(lines.String())
}

// postFile hands in a CSV file.
func (c *cluster) postFile(lines string) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "people.csv")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(file, lines); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	return c.do(ask{method: http.MethodPost, path: "/v1/contacts/import", body: &body, contentType: form.FormDataContentType()}, nil)
}

// awaitUpload waits until the import of the one file is over and returns its id.
func (c *cluster) awaitUpload(n int) int64 {
	c.t.Helper()
	var uploads struct {
		Items []struct {
			hasID
			State string `json:"state"`
			Rows  int    `json:"rows"`
		} `json:"items"`
	}
	c.await("the import is finished", func() error {
		err := c.get("/v1/uploads", &uploads)
		if err == nil && (len(uploads.Items) != 1 || uploads.Items[0].State != "finished") {
			err = fmt.Errorf("uploads: %+v", uploads.Items)
		}
		return err
	})
	require.Equal(c.t, n, uploads.Items[0].Rows)
	return uploads.Items[0].ID
}

// draft takes n people in and makes a campaign for them.
func (c *cluster) draft(channel int64, n int) (campaign int64) {
	c.t.Helper()
	require.NoError(c.t, c.postPeople(n))
	return c.draftFor(channel, c.awaitUpload(n))
}

func (c *cluster) draftFor(channel, upload int64) (campaign int64) {
	c.t.Helper()
	return c.draftOf(channel, upload, object{"subject": "Hello {{ contact.first_name }}", "text": "Your coupon is {{ row.coupon }}."})
}

func (c *cluster) draftOf(channel, upload int64, content object) (campaign int64) {
	c.t.Helper()
	var made hasID
	c.mustPost("/v1/campaigns", object{
		"name": "crash", "channel_id": channel, "audience": object{"uploads": []int64{upload}}, "content": content,
	}, &made)
	return made.ID
}

// campaignState is what the tests look at of a campaign and its only run.
type campaignState struct {
	Status string         `json:"status"`
	RunID  int64          `json:"run_id"`
	Counts map[string]int `json:"-"`
}

func (c *cluster) state(campaign int64) (s campaignState, err error) {
	if err = c.get(fmt.Sprintf("/v1/campaigns/%d", campaign), &s); err != nil || s.RunID == 0 {
		return s, err
	}
	var run struct {
		Counts map[string]int `json:"counts"`
	}
	err = c.get(fmt.Sprintf("/v1/runs/%d", s.RunID), &run)
	s.Counts = run.Counts
	return s, err
}

// start starts a campaign, over again if the process dies before it has.
func (c *cluster) startCampaign(campaign int64) {
	c.t.Helper()
	c.await("the campaign is started", func() error {
		s, err := c.state(campaign)
		if err != nil || s.Status != "draft" {
			return err
		}
		return c.post(fmt.Sprintf("/v1/campaigns/%d/start", campaign), object{}, nil)
	})
}

// steer pauses, resumes or cancels a campaign.
func (c *cluster) steer(campaign int64, verb string) {
	c.t.Helper()
	c.mustPost(fmt.Sprintf("/v1/campaigns/%d/%s", campaign, verb), object{}, nil)
}

// awaitStatus waits until a campaign has come to a status.
func (c *cluster) awaitStatus(campaign int64, status string) campaignState {
	c.t.Helper()
	var s campaignState
	c.await("the campaign is "+status, func() (err error) {
		if s, err = c.state(campaign); err == nil && s.Status != status {
			err = fmt.Errorf("it is %+v", s)
		}
		return err
	})
	return s
}

// awaitOver waits until nothing of a campaign can move any more.
func (c *cluster) awaitOver(campaign int64) {
	c.t.Helper()
	c.await("nothing of the campaign is under way", func() error {
		s, err := c.state(campaign)
		if err != nil {
			return err
		}
		// The counts of a canceled run say what will become of the messages.
		var run struct {
			FinishedAt *time.Time `json:"finished_at"`
		}
		if err := c.get(fmt.Sprintf("/v1/runs/%d", s.RunID), &run); err != nil {
			return err
		}
		if run.FinishedAt == nil {
			return fmt.Errorf("it is %+v", s)
		}
		return nil
	})
}

// awaitArrivals waits until at least n messages have arrived.
func (c *cluster) awaitArrivals(to far, n int) {
	c.t.Helper()
	c.await(fmt.Sprintf("%d messages have arrived", n), func() error {
		if got := to.Count(); got < int64(n) {
			return fmt.Errorf("%d have", got)
		}
		return nil
	})
}

// message is a row of a run's messages.csv.
type message struct {
	id             int64
	address, state string
	attempt        int
}

// messages reads every message of a run.
func (c *cluster) messages(run int64) []message {
	c.t.Helper()
	var raw []byte
	require.NoError(c.t, c.get(fmt.Sprintf("/v1/runs/%d/messages.csv", run), &raw))
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(c.t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	list := make([]message, 0, len(rows)-1)
	for _, row := range rows[1:] {
		m := message{address: row[column["address"]], state: row[column["state"]]}
		m.id, err = strconv.ParseInt(row[column["id"]], 10, 64)
		require.NoError(c.t, err)
		m.attempt, err = strconv.Atoi(row[column["attempt"]])
		require.NoError(c.t, err)
		list = append(list, m)
	}
	return list
}

// doubts counts how often a message was in doubt, as its history shows.
func (c *cluster) doubts(id int64) (n int) {
	c.t.Helper()
	var history struct {
		Attempts []struct {
			Kind string `json:"kind"`
		} `json:"attempts"`
	}
	require.NoError(c.t, c.get(fmt.Sprintf("/v1/messages/%d", id), &history))
	for _, a := range history.Attempts {
		if a.Kind == string(providers.ErrorInDoubt) {
			n++
		}
	}
	return n
}
