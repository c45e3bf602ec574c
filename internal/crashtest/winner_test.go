package crashtest

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/failpoint"
	"carillon/internal/secret"
	"carillon/internal/sink"
	"carillon/providers"
	"carillon/providers/hook"
)

// dieChoosing dies when the winner of a campaign's variants is written down, or when some
// of those who wait have it. by is what it is told by. Everybody gets one message, and all
// who waited that of the winner.
func dieChoosing(t *testing.T, s stack, n int, by string) {
	t.Helper()
	const people = 6000 // of whom more wait than one batch takes
	const after = 12 * time.Second
	c := newCluster(t, s)
	to := c.httpSink(sink.Options{})
	p := c.serve("serve", fmt.Sprintf("CARILLON_FAILPOINT=%s:%d", failpoint.AfterWinnerChosen, n))
	channel := c.createChannel(to, providers.Limits{Concurrency: 64}, "")
	campaign := c.draft(channel, people)
	winner := object{"by": by}
	if by != "person" {
		winner["after"], winner["otherwise"] = after.String(), "leader"
	}
	require.NoError(t, c.patch(fmt.Sprintf("/v1/campaigns/%d", campaign), object{"experiment": object{
		"test_share": 10, "winner": winner,
		"variants": []object{{"name": "A"}, {"name": "B", "content": object{"subject": "Other", "text": "Words"}}},
	}}))
	c.startCampaign(campaign)
	var tested map[int64]string
	c.await("the test is over", func() error {
		var shown struct {
			Standstill struct {
				Reason string `json:"reason"`
			} `json:"standstill"`
		}
		if err := c.get(fmt.Sprintf("/v1/campaigns/%d", campaign), &shown); err != nil {
			return err
		}
		// After that nobody of the test is to be fed any more.
		state, err := c.state(campaign)
		if err == nil && (shown.Standstill.Reason != "awaits_winner" || state.Counts["sent"] == 0 || state.Counts["sent"]+state.Counts["pending"] != people) {
			err = fmt.Errorf("it is %+v, and %+v", shown, state)
		}
		return err
	})
	state, err := c.state(campaign)
	require.NoError(t, err)
	tested = c.variants(state.RunID, "sent")
	require.Len(t, tested, state.Counts["sent"])
	if by == "person" {
		_ = c.post(fmt.Sprintf("/v1/campaigns/%d/winner", campaign), object{"variant": "B"}, nil) // it may die before it answers
	} else {
		c.reply(channel, to, state.RunID, "B")
	}
	c.awaitDeath(p)
	if n == passing[failpoint.AfterWinnerChosen] {
		require.EqualValues(t, len(tested), to.Count(), "who waits has got nothing yet")
	}
	c.serve("serve")
	c.awaitStatus(campaign, "finished")
	c.prove(campaign, to, expected{people: people, doubt: failpointConcurrency, unasked: 1})
	all := c.variants(state.RunID, "")
	require.Len(t, all, people)
	for id, variant := range all {
		if was, test := tested[id]; test {
			require.Equal(t, was, variant, "message %d was in the test", id)
		} else {
			require.Equal(t, "B", variant, "message %d waited", id)
		}
	}
}

// variants are those of a run's messages in a state, or in any, by the messages' ids.
func (c *cluster) variants(run int64, state string) map[int64]string {
	c.t.Helper()
	var raw []byte
	require.NoError(c.t, c.get(fmt.Sprintf("/v1/runs/%d/messages.csv", run), &raw))
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	require.NoError(c.t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	list := map[int64]string{}
	for _, row := range rows[1:] {
		id, err := strconv.ParseInt(row[column["id"]], 10, 64)
		require.NoError(c.t, err)
		if state == "" || row[column["state"]] == state {
			list[id] = row[column["variant"]]
		}
	}
	return list
}

// reply has somebody answer who was sent a variant.
func (c *cluster) reply(channel int64, to far, run int64, variant string) {
	c.t.Helper()
	of := c.variants(run, "sent")
	from := ""
	for _, m := range c.messages(run) {
		if of[m.id] == variant {
			from = m.address
		}
	}
	require.NotEmpty(c.t, from)
	body, err := json.Marshal(object{"replies": []object{{"id": "1", "from": from, "text": "Thank you, I will come"}}})
	require.NoError(c.t, err)
	signer, err := hook.NewSigner(secret.New(fmt.Sprint(to.config["secret"])))
	require.NoError(c.t, err)
	now := time.Now().Unix()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.api()+fmt.Sprintf("/hooks/%d", channel), bytes.NewReader(body))
	require.NoError(c.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("webhook-id", "reply")
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now, 10))
	request.Header.Set("webhook-signature", signer.Sign("reply", now, body))
	response, err := c.http.Do(request)
	require.NoError(c.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	require.Equal(c.t, 2, response.StatusCode/100, "%s", text)
}
