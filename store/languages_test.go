package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/messages"
	"carillon/store/storetest"
)

// The language that was chosen for a message is written with its claim, whatever becomes
// of it, in one statement for all languages.
func TestTheLanguageStandsOnTheMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 9)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{1, 2, 3}, 3)
		claim := func(envelope int64, languages ...string) []int64 {
			c := messages.Claim{WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: envelope, Languages: languages}
			for _, m := range fed {
				if m.EnvelopeID == envelope {
					c.MessageIDs = append(c.MessageIDs, m.ID)
				}
			}
			claimed, err := j.Writer.Claim(ctx, c)
			require.NoError(t, err)
			require.Len(t, claimed, 3)
			return claimed
		}
		mixed, german := claim(1, "de", "pt-BR", "de"), claim(2, "de", "de", "de")
		j.Record(run.ID, mixed, nil)
		j.Record(run.ID, german[:1], nil)
		j.Record(run.ID, german[1:], func(o *messages.Outcome) { o.State, o.Reason = messages.Failed, messages.ReasonRefused })
		claim(3)

		spoken := map[string]int{}
		list, err := s.ListMessages(ctx, messages.MessageFilter{AccountID: j.AccountID, RunID: run.ID})
		require.NoError(t, err)
		for _, m := range list {
			spoken[m.Language]++
		}
		require.Equal(t, map[string]int{"de": 5, "pt-BR": 1, "": 3}, spoken)
		require.Equal(t, "pt-BR", list[1].Language)
		counted, err := s.RunLanguages(ctx, run.ID)
		require.NoError(t, err)
		require.Equal(t, []campaigns.SpokenCount{{Language: "de", Messages: 5, Reached: 3}, {Language: "pt-BR", Messages: 1, Reached: 1}}, counted)
		reasons, err := s.RunReasons(ctx, run.ID)
		require.NoError(t, err)
		require.Equal(t, []campaigns.ReasonCount{{State: messages.Failed, Reason: messages.ReasonRefused, Messages: 2}}, reasons)
		j.Balanced(run.ID)
	})
}

// So it is when a stale task asks for messages of an envelope that is not its own, and
// each row is looked at.
func TestAStaleClaimSpeaksNoLanguage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 2)
		run := j.Start()
		j.PlanAll(run.ID, 100)
		fed := j.Feed(run.ID, []int64{5}, 2)
		claim := messages.Claim{
			WorkerID: j.Worker, ChannelID: j.Channel.ID, RunID: run.ID, EnvelopeID: 4, MessageIDs: []int64{fed[0].ID, fed[1].ID},
			Languages: []string{"fr", "fr"},
		}
		claimed, err := j.Writer.Claim(ctx, claim)
		require.NoError(t, err)
		require.Empty(t, claimed)
		claim.EnvelopeID, claim.Languages = 5, []string{"de", "en"}
		claim.MessageIDs = append(claim.MessageIDs, 999)
		claim.Languages = append(claim.Languages, "it")
		claimed, err = j.Writer.Claim(ctx, claim)
		require.NoError(t, err)
		require.ElementsMatch(t, []int64{fed[0].ID, fed[1].ID}, claimed)
		for i, language := range []string{"de", "en"} {
			m, err := s.GetMessage(ctx, j.AccountID, fed[i].ID)
			require.NoError(t, err)
			require.Equal(t, language, m.Language)
		}
		j.Balanced(run.ID)
	})
}
