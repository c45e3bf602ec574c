package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/sqldb"
	"carillon/store/storetest"
	"carillon/templates"
	"carillon/templates/liquid"
)

func saveSnippet(t *testing.T, s *storetest.Store, sn templates.Snippet) {
	t.Helper()
	_, err := s.SaveSnippet(t.Context(), sn, false)
	require.NoError(t, err)
}

func TestSnippets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account, other := s.Account("one"), s.Account("two")
		made := clock.Now()
		sn, err := s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: "b", Text: "one"}, true)
		require.NoError(t, err)
		require.Equal(t, templates.Snippet{AccountID: account, Name: "b", Text: "one", CreatedAt: made, UpdatedAt: made}, sn)
		clock.Advance(time.Minute)
		_, err = s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: "b", Text: "x"}, true)
		require.True(t, fault.Is(err, fault.Conflict))
		sn, err = s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: "b", Text: "two"}, false)
		require.NoError(t, err)
		require.Equal(t, templates.Snippet{AccountID: account, Name: "b", Text: "two", CreatedAt: made, UpdatedAt: clock.Now()}, sn)
		got, err := s.GetSnippet(ctx, account, "b")
		require.NoError(t, err)
		require.Equal(t, sn, got)
		for _, name := range []string{"a", "B", "b/c", "b-"} {
			saveSnippet(t, s, templates.Snippet{AccountID: account, Name: name, Text: ""})
		}
		saveSnippet(t, s, templates.Snippet{AccountID: other, Name: "z", Text: ""})
		var names []string
		for after := ""; ; {
			page, err := s.ListSnippets(ctx, account, after, 2)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			for _, sn := range page {
				names = append(names, sn.Name)
				after = sn.Name
			}
		}
		require.Equal(t, []string{"B", "a", "b", "b-", "b/c"}, names, "both stores sort alike")
		_, err = s.GetSnippet(ctx, other, "b")
		require.True(t, fault.Is(err, fault.NotFound))
		require.True(t, fault.Is(s.DeleteSnippet(ctx, other, "b"), fault.NotFound))
		require.NoError(t, s.DeleteSnippet(ctx, account, "b"))
		_, err = s.GetSnippet(ctx, account, "b")
		require.True(t, fault.Is(err, fault.NotFound))
	})
}

func TestWhatASnippetMaySay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		save := func(name, text string) error {
			_, err := s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: name, Text: text}, false)
			return err
		}
		require.ErrorContains(t, save("a", "x\n{% iff %}"), `text: line 2: unknown tag "iff"`)
		require.ErrorContains(t, save("a", "{% render 'b' %}"), `there is no snippet "b"`)
		require.NoError(t, save("c", "c"))
		require.NoError(t, save("b", "{% render 'c' %}"))
		require.NoError(t, save("a", "{% render 'b' %}"))
		require.ErrorContains(t, save("c", "{% render 'a' %}"), "c → a → b → c")
		require.ErrorContains(t, save("c", "{% render 'c' %}"), "renders itself")
		sn, err := s.GetSnippet(ctx, account, "c")
		require.NoError(t, err)
		require.Equal(t, "c", sn.Text, "what was refused changed nothing")

		err = s.DeleteSnippet(ctx, account, "c")
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, `used by snippet "b"`)
		_, err = s.GetSnippet(ctx, account, "c")
		require.NoError(t, err)
	})
}

func TestSnippetsAreBoundedInNumber(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		account := s.Account("one")
		require.NoError(t, s.InTx(ctx, func(tx sqldb.Conn) error {
			for i := range templates.MaxSnippets {
				if _, err := tx.Exec(ctx, "INSERT INTO snippets (account_id, name, text, created_at, updated_at) VALUES (?, ?, '', 0, 0)",
					account, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		}))
		_, err := s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: "one more"}, false)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, "1000 snippets")
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "7", Text: "changed"})
	})
}

// A run keeps the words that it began with, and what it uses is not deleted before it
// is over.
func TestARunKeepsItsSnippets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account := s.Account("one")
		draft := testDraft(t, s, account)
		draft.Content.Text = "{% render 'outer' %}"
		_, err := s.CreateCampaign(ctx, draft)
		require.ErrorContains(t, err, `there is no snippet "outer"`)
		require.True(t, fault.Is(err, fault.Invalid))
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "inner", Text: "as it was"})
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "outer", Text: "({% render 'inner' %})"})
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "aside", Text: "x"})
		made, err := s.CreateCampaign(ctx, draft)
		require.NoError(t, err)
		err = s.DeleteSnippet(ctx, account, "outer")
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, fmt.Sprintf(`campaign %d "Spring" (draft)`, made.ID))
		made.Content.Text = "{% render 'gone' %}"
		_, err = s.UpdateCampaign(ctx, made)
		require.ErrorContains(t, err, `there is no snippet "gone"`)

		plain := testDraft2(t, s, draft)
		for name, fire := range map[string]func(id int64) campaigns.Run{
			"started": func(id int64) campaigns.Run {
				run, err := s.StartRun(ctx, account, id, clock.Now())
				require.NoError(t, err)
				return run
			},
			"scheduled": func(id int64) campaigns.Run {
				require.NoError(t, s.ScheduleCampaign(ctx, account, id, clock.Now().Add(time.Hour)))
				clock.Advance(2 * time.Hour)
				runs, err := s.FireDue(ctx)
				require.NoError(t, err)
				require.Len(t, runs, 1)
				return runs[0]
			},
		} {
			t.Run(name, func(t *testing.T) {
				saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "inner", Text: "as it was"})
				k, err := s.CreateCampaign(ctx, draft)
				require.NoError(t, err)
				run := fire(k.ID)
				want := map[string]string{"outer": "({% render 'inner' %})", "inner": "as it was"}
				got, err := s.CampaignOfRun(ctx, run.ID)
				require.NoError(t, err)
				require.Equal(t, want, got.Snippets)
				saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "inner", Text: "as it is"})
				got, err = s.CampaignOfRun(ctx, run.ID)
				require.NoError(t, err)
				require.Equal(t, want, got.Snippets)
				compiled, err := liquid.Compile(got.Content, got.Snippets)
				require.NoError(t, err)
				out, err := compiled.Render(ctx, liquid.Vars{})
				require.NoError(t, err)
				require.Equal(t, "(as it was)", out.Text)
				require.ErrorContains(t, s.DeleteSnippet(ctx, account, "outer"), fmt.Sprintf(`campaign %d "Spring" (running)`, k.ID))
				require.NoError(t, s.CancelCampaign(ctx, account, k.ID, "tests"))
			})
		}
		run, err := s.StartRun(ctx, account, plain, clock.Now())
		require.NoError(t, err)
		got, err := s.CampaignOfRun(ctx, run.ID)
		require.NoError(t, err)
		require.Empty(t, got.Snippets)

		require.NoError(t, s.DeleteCampaign(ctx, account, made.ID))
		require.NoError(t, s.DeleteSnippet(ctx, account, "outer"), "what is over uses it no more")
	})
}

// testDraft2 is a second campaign, which renders nothing.
func testDraft2(t *testing.T, s *storetest.Store, like campaigns.Campaign) int64 {
	like.Content = providers.Content{Subject: "s", Text: "{% raw %}{% render 'none' %}{% endraw %}"}
	made, err := s.CreateCampaign(t.Context(), like)
	require.NoError(t, err)
	return made.ID
}

// A snippet is not saved in a way that a campaign which fires by itself could not
// take.
func TestASnippetSparesScheduledCampaigns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		clock := s.FakeTime()
		account := s.Account("one")
		const depth = 20 // of templates
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "0", Text: "x"})
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "deep0", Text: "x"})
		for i := 1; i < depth; i++ {
			saveSnippet(t, s, templates.Snippet{AccountID: account, Name: fmt.Sprint(i), Text: fmt.Sprintf("{%% render '%d' %%}", i-1)})
			saveSnippet(t, s, templates.Snippet{AccountID: account, Name: fmt.Sprintf("deep%d", i), Text: fmt.Sprintf("{%% render 'deep%d' %%}", i-1)})
		}
		draft := testDraft(t, s, account)
		draft.Content.Text = fmt.Sprintf("{%% render '%d' %%}", depth-1)
		k, err := s.CreateCampaign(ctx, draft)
		require.NoError(t, err)
		require.NoError(t, s.ScheduleCampaign(ctx, account, k.ID, clock.Now().Add(time.Hour)))
		_, err = s.SaveSnippet(ctx, templates.Snippet{AccountID: account, Name: "0", Text: "{% render 'deep0' %}"}, false)
		require.True(t, fault.Is(err, fault.Conflict))
		require.ErrorContains(t, err, fmt.Sprintf(`campaign %d "Spring" (scheduled) could not be sent with this text`, k.ID))
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "0", Text: "y"})
		require.NoError(t, s.CancelCampaign(ctx, account, k.ID, "tests"))
		saveSnippet(t, s, templates.Snippet{AccountID: account, Name: "0", Text: "{% render 'deep0' %}"})
	})
}
