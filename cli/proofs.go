package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"carillon/api"
)

// campaignProof is what verify finds for one campaign.
type campaignProof struct {
	CampaignID int64 `json:"campaign_id"`
	api.Verifications
}

func (c *cli) verify(cmd *cobra.Command, args []string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var ids []int64
	if len(args) == 1 {
		id, err := idArg("campaign", "campaign ls", args[0])
		if err != nil {
			return err
		}
		ids = append(ids, id)
	} else {
		const everyCampaign = 1 << 30
		all, _, err := list[api.Campaign](cmd.Context(), cl, "/v1/campaigns", nil, everyCampaign)
		if err != nil {
			return err
		}
		for _, k := range all {
			if k.RunID != 0 {
				ids = append(ids, k.ID)
			}
		}
	}
	proofs, balanced := []campaignProof{}, true
	for _, id := range ids {
		proof := campaignProof{CampaignID: id}
		if _, err := cl.call(cmd.Context(), http.MethodGet, fmt.Sprintf("/v1/campaigns/%d/verify", id), nil, &proof.Verifications); err != nil {
			return err
		}
		balanced = balanced && proof.Balanced
		proofs = append(proofs, proof)
	}
	raw, err := json.Marshal(map[string]any{"balanced": balanced, "campaigns": proofs})
	if err != nil {
		return fmt.Errorf("print proofs: %w", err)
	}
	err = c.show(raw, func(w *tabwriter.Writer) {
		sayln(w, "CAMPAIGN\tRUN\tSTATUS\tPLANNED\tACCOUNTED FOR\t")
		for _, proof := range proofs {
			for _, run := range proof.Runs {
				var sum int64
				for _, n := range run.Rows {
					sum += n
				}
				word := "balances"
				if len(run.Problems) > 0 {
					word = "DOES NOT BALANCE"
				}
				sayf(w, "%d\t%d\t%s\t%d\t%d: %s\t%s\n", proof.CampaignID, run.RunID, run.Status, run.Planned, sum, counts(run.Rows), word)
				for _, problem := range run.Problems {
					sayf(w, "\t\t\t\t%s\t\n", clean(problem))
				}
			}
		}
	})
	if err == nil && !balanced {
		err = &exitError{exitUnbalanced, fmt.Errorf("something does not balance")}
	}
	return err
}

// explanation is what explain is asked for.
type explanation struct {
	contact int64
	steps   bool
}

func (c *cli) explain(cmd *cobra.Command, args []string, e explanation) error {
	path, q := "/v1/explain", url.Values{}
	switch {
	case e.contact != 0 && len(args) == 0:
		q.Set("contact_id", strconv.FormatInt(e.contact, 10))
	case e.contact != 0 || len(args) == 0:
		return usagef("say whom: an address, a campaign and a recipient, or --contact alone")
	case len(args) == 1:
		if _, err := strconv.ParseInt(args[0], 10, 64); err == nil && !strings.HasPrefix(args[0], "+") {
			return usagef("%s alone: a campaign needs a recipient behind it, a contact is --contact %s, and a phone number begins with +", args[0], args[0])
		}
		q.Set("address", args[0])
	default:
		id, err := idArg("campaign", "campaign ls", args[0])
		if err != nil {
			return err
		}
		path = fmt.Sprintf("/v1/campaigns/%d/explain", id)
		q.Set("recipient", args[1])
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	var found api.Explanation
	raw, err := cl.call(cmd.Context(), http.MethodGet, path+"?"+q.Encode(), nil, &found)
	if err != nil {
		return err
	}
	return c.show(raw, func(w *tabwriter.Writer) {
		for _, line := range found.Says {
			sayln(w, upperFirst(clean(line))+".")
		}
		for _, m := range found.Messages {
			switch {
			case e.steps:
				sayln(w)
				historyTable(w, m)
			case m.Standstill != nil:
				sayf(w, "Message %d waits: %s\n", m.ID, standstillLine(m.Standstill))
			}
		}
	})
}

func upperFirst(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToUpper(r)) + s[i+utf8.RuneLen(r):]
	}
	return s
}

func historyTable(w *tabwriter.Writer, m api.MessageHistory) {
	var of []string // a transactional message has no run, and perhaps no contact
	for _, part := range []struct {
		what string
		id   int64
	}{{"run", m.RunID}, {"contact", m.ContactID}} {
		if part.id != 0 {
			of = append(of, fmt.Sprintf("%s %d", part.what, part.id))
		}
	}
	sayf(w, "Message %d\t%s: %s\t\n", m.ID, strings.Join(append(of, clean(m.Address)), ", "), m.State)
	for _, h := range m.History {
		if h.Omitted > 0 {
			sayf(w, "  …\t%d more\tnot kept\n", h.Omitted)
		}
		sayf(w, "  %s\t%s\t%s\n", exactly(h.At), h.State, why(h))
	}
	if m.Standstill != nil {
		sayf(w, "  now\twaits\t%s\n", standstillLine(m.Standstill))
	}
}

// why says why a message came to a state, with the answer to a try that led there.
func why(h api.HistoryEntry) string {
	if h.Kind == "" {
		return because(h.Reason, h.Detail)
	}
	answer := fmt.Sprintf("try %d: %s", h.Attempt, because(h.Kind, because(h.Code, h.Detail)))
	if h.Reason == h.Kind {
		return answer
	}
	return because(h.Reason, answer)
}

func because(reason, detail string) string {
	switch {
	case reason == "" && detail == "":
		return ""
	case detail == "":
		return clean(reason)
	case reason == "":
		return clean(detail)
	}
	return clean(reason + ": " + detail)
}
