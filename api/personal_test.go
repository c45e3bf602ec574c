package api_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// impersonal are the operations that read nobody's data, or one person's at a time, as
// somebody does who works with it: their entries in the trail would hide the others.
const impersonal = `
What the account has made and set, and what it is made of:
list-attributes get-attribute list-campaigns get-campaign get-campaign-schedule list-categories get-category list-channels get-channel get-channel-domain
list-filters get-filter list-flows get-flow get-flow-version list-flow-versions list-frequency-caps get-frequency-cap list-groups get-group list-holidays
get-holidays list-identity-providers get-identity-provider
list-keys get-master-key list-labels get-label list-media get-media list-properties get-property list-providers get-retention list-series get-series
get-settings
list-snippets get-snippet list-targeting list-targeting-fields get-targeting list-templates get-template cover-template diff-template list-template-uses
list-template-versions get-template-version list-variables get-variable list-webhook-events list-webhooks get-webhook list-event-names

Counts, states and times:
get-calendar check-campaign get-campaign-report list-runs verify-campaign get-campaign-winner examine-deployment stream-events count-filter
get-flow-report verify-flow verify-hook list-jobs get-job list-log-channels get-queue get-run get-run-languages get-run-reasons get-run-links get-run-variants
count-arrivals count-campaigns count-channels count-contacts count-errors count-flows count-hours count-links count-lists
list-statistics-notes count-notifications count-people verify-statistics get-week get-status get-store-size count-targeting list-uploads
list-workers verify-audit

Who works here, who are no audience:
list-users get-user list-user-sessions list-invitations list-sign-in-ways get-session list-my-sessions list-passkeys list-accounts get-account own-account

The trail itself, which holds no data of people:
list-audit

One person, or a few to look at before something is sent:
get-contact list-addresses list-contact-answers list-contact-consents list-contact-memberships list-contact-messages get-conversation explain
explain-campaign preview-campaign draw-campaign get-message get-clearing get-upload list-webhook-deliveries get-webhook-delivery
`

// Every operation that reads says whether it reads people, so that it is written down.
func TestEveryReadSaysWhetherItReadsPeople(t *testing.T) {
	s := newServer(t)
	var document struct {
		Paths map[string]map[string]struct {
			ID    string `json:"operationId"`
			Reads string `json:"x-reads-people"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(s.do("GET", "/openapi.json", "").Body.Bytes(), &document))
	said := map[string]bool{}
	for line := range strings.Lines(impersonal) {
		if !strings.HasSuffix(strings.TrimSpace(line), ":") {
			for _, id := range strings.Fields(line) {
				said[id] = true
			}
		}
	}
	for path, operations := range document.Paths {
		read, ok := operations["get"]
		if !ok {
			continue
		}
		require.NotEqual(t, read.Reads != "", said[read.ID],
			"%s (%s): say in the operation what it reads of people, or name it in impersonal, and not both", read.ID, path)
		delete(said, read.ID)
	}
	require.Empty(t, said, "these are no operations")
}

// The trail is narrowed, its chain checked and exported.
func TestTheTrailByTheAPI(t *testing.T) {
	s := newServer(t)
	s.channel()
	s.ok("POST", "/v1/groups", `{"name":"Readers"}`)
	s.ok("POST", "/v1/channels/1/pause", "")
	only := func(query string) []any { return s.ok("GET", "/v1/audit?"+query, "")["items"].([]any) }
	require.Len(t, only("action=pause-channel"), 1)
	require.Len(t, only("action=create-*"), 2)
	named := only("target=group%201")[0].(map[string]any)
	require.Equal(t, "Readers", named["target_name"])
	require.Len(t, only("request_id="+named["request_id"].(string)), 1)
	require.Empty(t, only("actor=nobody"))
	require.Empty(t, only("to=2001-01-01T00:00:00Z"))
	require.NotEmpty(t, only("from=2001-01-01T00:00:00Z"))
	require.Equal(t, 422, s.do("GET", "/v1/audit/verify?head=x", "").Code)

	v := s.ok("GET", "/v1/audit/verify", "")
	require.Equal(t, true, v["done"])
	require.NotContains(t, v, "problem")

	lines := strings.Split(strings.TrimSpace(s.do("GET", "/v1/audit/export?action=create-*", "").Body.String()), "\n")
	require.Len(t, lines, 2)
	var first map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.Equal(t, "create-channel", first["action"])
	require.Equal(t, "export-audit", only("limit=1")[0].(map[string]any)["action"])
}
