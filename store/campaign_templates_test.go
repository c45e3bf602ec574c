package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/store/storetest"
	"carillon/templates"
)

// say makes the journey's campaign a recurring one that says what a template says.
func (r *recurring) say(t testing.TB, name string) {
	t.Helper()
	c := r.campaign(t)
	c.Content, c.Template = providers.Content{}, &templates.Use{Name: name}
	c, err := r.UpdateCampaign(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, name, c.Template.Name)
}

func TestARunKeepsTheVersionOfItsTemplate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		made, err := s.CreateTemplate(ctx, letterOf(r.AccountID, "hello", "one"))
		require.NoError(t, err)
		r.say(t, "hello")
		first := r.later(t, time.Hour)
		same := r.later(t, time.Hour)
		made.Definition = letterOf(r.AccountID, "hello", "two").Definition
		_, err = s.ChangeTemplate(ctx, made)
		require.NoError(t, err)
		changed := r.later(t, time.Hour)
		for _, c := range []struct {
			runs    []campaigns.Run
			version int
			says    string
		}{{first, 1, "one"}, {same, 1, "one"}, {changed, 2, "two"}} {
			require.Len(t, c.runs, 1)
			k, err := s.CampaignOfRun(ctx, c.runs[0].ID)
			require.NoError(t, err)
			require.Equal(t, c.version, k.Resolved.Version)
			require.Contains(t, k.Resolved.Contents["de"].Text, "Hallo")
			require.Equal(t, k.Version, c.runs[0].Version)
		}
		require.Equal(t, first[0].Version, same[0].Version, "what is the same is kept once")
		require.Equal(t, first[0].Version+1, changed[0].Version)

		err = s.DeleteTemplate(ctx, r.AccountID, made.ID)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, "is used by campaign")
	})
}

// Of variants each is kept as it was, whether it is texts or a template.
func TestARunKeepsTheTemplatesOfItsVariants(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		r := newRecurring(t, s, hourly(campaigns.Policy{WhileRunning: campaigns.RunsTogether}))
		made, err := s.CreateTemplate(ctx, letterOf(r.AccountID, "hello", "one"))
		require.NoError(t, err)
		saveSnippet(t, s, templates.Snippet{AccountID: r.AccountID, Name: "end", Text: "bye"})
		c := r.campaign(t)
		c.Content, c.Experiment = providers.Content{Text: "own"}, &campaigns.Experiment{Variants: []campaigns.Variant{
			{Name: "A"}, {Name: "B", Content: &campaigns.Wording{Template: &templates.Use{Name: "hello"}}},
			{Name: "C", Content: &campaigns.Wording{Content: providers.Content{Text: "{% render 'end' %}"}}},
		}}
		_, err = s.UpdateCampaign(ctx, c)
		require.NoError(t, err)
		first := r.later(t, time.Hour)
		same := r.later(t, time.Hour)
		made.Definition = letterOf(r.AccountID, "hello", "two").Definition
		_, err = s.ChangeTemplate(ctx, made)
		require.NoError(t, err)
		changed := r.later(t, time.Hour)
		require.Equal(t, first[0].Version, same[0].Version, "what is the same is kept once")
		require.Equal(t, first[0].Version+1, changed[0].Version)
		for run, version := range map[int64]int{first[0].ID: 1, same[0].ID: 1, changed[0].ID: 2} {
			k, err := s.CampaignOfRun(ctx, run)
			require.NoError(t, err)
			said := k.Said()
			require.Len(t, said, 3)
			require.Equal(t, "own", said[0].Contents[""].Text)
			require.Equal(t, version, said[1].Version)
			require.Contains(t, said[1].Contents["de"].Text, "Hallo")
			require.Equal(t, "{% render 'end' %}", said[2].Contents[""].Text)
			require.Equal(t, map[string]string{"end": "bye"}, k.Snippets)
		}
		require.ErrorContains(t, s.DeleteTemplate(ctx, r.AccountID, made.ID), "is used by campaign")
		require.ErrorContains(t, s.DeleteSnippet(ctx, r.AccountID, "end"), "is used by campaign")
	})
}

// A template that is gone all the same makes a run that failed, and says why: the next
// instant is tried again.
func TestARunWhoseTemplateIsGoneFails(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *storetest.Store) {
		ctx := t.Context()
		r := newRecurring(t, s, hourly(campaigns.Policy{}))
		_, err := s.CreateTemplate(ctx, letterOf(r.AccountID, "hello", "one"))
		require.NoError(t, err)
		r.say(t, "hello")
		s.Exec("UPDATE templates SET deleted_at = 1")
		require.Empty(t, r.later(t, time.Hour))
		history := r.history(t)
		require.Len(t, history, 1)
		require.Contains(t, history[0], "13:00 failed")
		require.Contains(t, history[0], "there is no such template any more")
		require.Equal(t, campaigns.Scheduled, r.campaign(t).Status)

		once := r.NewCampaign(`{"all":true}`)
		r.Campaign = once
		r.say(t, "hello")
		require.NoError(t, s.ScheduleCampaign(ctx, r.AccountID, once, r.time.Now().Add(time.Minute)))
		require.Empty(t, r.later(t, time.Minute))
		require.Equal(t, campaigns.Failed, r.campaign(t).Status)
		_, err = s.StartRun(ctx, r.AccountID, r.NewCampaign(`{"all":true}`), r.time.Now())
		require.NoError(t, err, "others are not held up")
	})
}
