package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/campaigns/schedule"
	"carillon/store/storetest"
	"carillon/templates"
	"carillon/templates/email"
)

// What an approval is of reaches into the template: a snippet that this renders, and
// into the calendars of days off.
func TestAnApprovalIsOfAllThatIsSaidAndWhen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		j := newJourney(t, s, 3)
		snippet := templates.Snippet{AccountID: j.AccountID, Name: "footer", Text: "Yours"}
		_, err := s.SaveSnippet(ctx, snippet, true)
		require.NoError(t, err)
		letter := letterOf(j.AccountID, "hello", "one")
		letter.Translations[1].Email.HTML = "<p>{% render 'footer' %}</p>"
		letter.Built = map[string]email.Built{"en": {HTML: "<p>{% render 'footer' %}</p>", Text: "x"}}
		_, err = s.CreateTemplate(ctx, letter)
		require.NoError(t, err)
		off := campaigns.Holidays{AccountID: j.AccountID, Name: "Days"}
		off.ID = saveHolidays(t, s, off, "2026-12-24")
		j.setSchedule(campaigns.Schedule{Schedule: schedule.Schedule{Cron: []string{"@daily"}, Exclude: &schedule.Exclude{Holidays: []int64{off.ID}}}})
		s.Exec(`UPDATE campaigns SET content = '{"template":{"name":"hello"}}' WHERE id = ?`, j.Campaign)
		propose := func() {
			t.Helper()
			_, err := s.Propose(ctx, j.AccountID, j.Campaign, campaigns.By{KeyID: 1, Actor: "ann"})
			require.NoError(t, err)
			a, err := s.GetApproval(ctx, j.AccountID, j.Campaign)
			require.NoError(t, err)
			require.True(t, a.Current)
		}
		void := func(what string) {
			t.Helper()
			a, err := s.GetApproval(ctx, j.AccountID, j.Campaign)
			require.NoError(t, err)
			require.False(t, a.Current, what)
		}
		propose()
		snippet.Text = "Mine"
		_, err = s.SaveSnippet(ctx, snippet, false)
		require.NoError(t, err)
		void("a snippet of the template")
		propose()
		require.NoError(t, setHolidays(t, s, off, "2026-12-24", "2026-12-25"))
		void("a day off")
		propose()
	})
}
