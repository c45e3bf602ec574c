package campaigns_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
)

// The words that the reference documents name, as they stand there.
func TestVocabularyHasEveryWord(t *testing.T) {
	documents := map[string]string{
		campaigns.MessengerPeople + " send_status": "0 1 2 -1 -2 4 5 6 -5 -6",
		campaigns.Chat44mp + " answer's status":    "success error info",
		campaigns.ChatAPI + " sent in the answer":  "true",
		campaigns.ChatAPI + " ack":                 "sent delivered viewed",
		campaigns.XMS + " inbound status":          "READ DLVRD SENT FAILD DELTD",
		campaigns.XMS + " outbox status": "SCHLD CRTD INIT SENT SENT_ERR SENT_EXC SENTX SENTX_ERR DLVRD READ NSENT BLCKD LIMIT FAILD DELTD CCWIN " +
			"RECEIVD FORWARDED FORWARD_ERR STATUS_FORWARD_ERR",
		campaigns.Chatwoot + " message status":  "sent delivered read failed",
		campaigns.Chatwoot + " campaign status": "active processing completed",
	}
	lists := map[string][]string{}
	for _, w := range campaigns.Vocabulary() {
		list := w.API + " " + w.List
		require.NotContains(t, lists[list], w.Word, "%s has it twice", list)
		lists[list] = append(lists[list], w.Word)
		require.Equal(t, w.Kind == campaigns.WordCampaign, w.Status != "", "%s %s", list, w.Word)
		require.True(t, w.Kind == campaigns.WordMessage || w.State == 0, "%s %s", list, w.Word)
		require.True(t, w.Kind != campaigns.WordOther || w.Note != "", "%s %s says why it changes nothing", list, w.Word)
	}
	got := map[string]string{}
	for list, words := range lists {
		got[list] = strings.Join(words, " ")
	}
	require.Equal(t, documents, got)
}
