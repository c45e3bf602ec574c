package campaigns_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/campaigns"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
	"carillon/tracking"
)

// coded are the codes of checks, each with its field.
func coded(list []campaigns.Check) []string {
	codes := make([]string, len(list))
	for i, c := range list {
		codes[i] = c.Code + " " + c.Field
	}
	return codes
}

func TestChecksOfAContent(t *testing.T) {
	f := newFixture(t)
	const way = `<p>Hi <a href="{{ unsubscribe_url }}">Bye</a></p>`
	for name, c := range map[string]struct {
		html               string
		blockers, warnings []string
	}{
		"nothing wrong":      {way + `<a href="https://example.org">x</a><img src="https://example.org/a.png" alt=""><a href="mailto:a@example.org">m</a>`, nil, nil},
		"an empty link":      {way + `<a href=" ">Read  <b>more</b></a>`, []string{"link_empty content.html"}, nil},
		"a link to nothing":  {way + `<a href="#">Read more</a>`, []string{"link_empty content.html"}, nil},
		"an anchor":          {way + `<a name="top">x</a><a href="#top">up</a>`, nil, nil},
		"a link that varies": {way + `<a href="{{ contact.last_name | default: 'https://example.org' }}">Shop</a>`, nil, nil},
		"empty for some":     {way + `<a href="{{ contact.attributes.shop }}">Shop</a>`, nil, []string{"link_empty content.html", "unknown_name content"}},
		"varying attributes": {way + `<a {% if true %}href="https://example.org"{% endif %}>Shop</a><img {{ contact.name }}>`, nil, []string{
			"image_empty content.html", "image_without_alt content.html"}},
		"http":           {way + `<a href="http://example.org/">x</a>`, nil, []string{"link_not_https content.html"}},
		"relative":       {way + `<a href="/shop">x</a>`, nil, []string{"link_relative content.html"}},
		"no alt":         {way + `<a href="https://example.org/"><img src="https://example.org/a.png"></a>`, nil, []string{"image_without_alt content.html"}},
		"no picture":     {way + `<img src="" alt="x">`, nil, []string{"image_empty content.html"}},
		"too large":      {way + strings.Repeat("<p>words</p>", 9000), nil, []string{"size content.html"}},
		"no way out":     {`<p>Hi</p>`, nil, []string{"no_unsubscribe content"}},
		"in a comment":   {way + `<!-- <a href="">x</a> --><style>a[href=""] {}</style>{% comment %}<a href="">x</a>{% endcomment %}`, nil, nil},
		"the same twice": {way + strings.Repeat(`<a href="http://example.org/">x</a>`, 30), nil, []string{"link_not_https content.html"}},
	} {
		t.Run(name, func(t *testing.T) {
			made := f.campaign()
			made.Content = providers.Content{Subject: "x", HTML: c.html, Text: "x {{ unsubscribe_url }}"}
			kept, err := f.Create(t.Context(), made)
			require.NoError(t, err)
			checks, err := f.Check(t.Context(), f.Account, kept.ID)
			require.NoError(t, err)
			require.ElementsMatch(t, c.blockers, coded(checks.Blockers))
			require.ElementsMatch(t, c.warnings, coded(checks.Warnings))
			for _, check := range append(checks.Blockers, checks.Warnings...) {
				require.NotEmpty(t, check.Message)
				require.NotEmpty(t, check.Remedy)
			}
			_, err = f.StartWith(t.Context(), f.Account, kept.ID, campaigns.Starting{Undo: time.Minute})
			require.Equal(t, len(c.blockers) > 0, err != nil, "%v", err)
		})
	}
}

func TestStartRefusesBlockers(t *testing.T) {
	f := newFixture(t)
	made := f.campaign()
	made.Content.HTML = `<a href="">Read more</a>`
	c, err := f.Create(t.Context(), made)
	require.NoError(t, err)
	for _, start := range []func() error{
		func() error { _, err := f.Start(t.Context(), f.Account, c.ID, true); return err },
		func() error {
			_, err := f.Schedule(t.Context(), f.Account, c.ID, campaigns.Schedule{At: "2027-01-01T09:00"})
			return err
		},
	} {
		err := start()
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, `content.html: the link "Read more" leads nowhere: its href is empty (give it an address, or leave the link out)`)
	}
	kept, err := f.Get(t.Context(), f.Account, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaigns.Draft, kept.Status)
	require.Empty(t, kept.Schedule.At, "nothing was changed")
}

// A mail is as large as it is sent: with the links that are tracked.
func TestTrackedLinksCountForTheSize(t *testing.T) {
	f := newFixture(t)
	c := f.campaign()
	c.Content = providers.Content{
		Subject: "x", Text: "x {{ unsubscribe_url }}", HTML: `<a href="{{ unsubscribe_url }}">Bye</a>` + strings.Repeat(`<a href="https://a.io/1">x</a>`, 3400),
	}
	kept, err := f.Create(t.Context(), c)
	require.NoError(t, err)
	checks, err := f.Check(t.Context(), f.Account, kept.ID)
	require.NoError(t, err)
	require.Empty(t, checks.Warnings, "98 KiB")
	kept.Tracking = tracking.Settings{Links: true}
	_, err = f.Update(t.Context(), kept)
	require.NoError(t, err)
	checks, err = f.Check(t.Context(), f.Account, kept.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"size content.html"}, coded(checks.Warnings))
	require.Regexp(t, "has 2[0-9][0-9] KB", checks.Warnings[0].Message)

	// What can't be tracked is refused when it is made.
	text := f.campaign()
	text.ChannelID, text.Content = f.Text.ID, providers.Content{Text: "x"}
	text.Tracking = tracking.Settings{Opens: true}
	_, err = f.Create(t.Context(), text)
	require.ErrorContains(t, err, "tracking.opens: opens are told by a picture in HTML, which a channel for phone does not carry")
}

func TestChecksOfAudienceAndSchedule(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	check := func(change func(*campaigns.Campaign)) campaigns.Checks {
		t.Helper()
		made := f.campaign()
		change(&made)
		c, err := f.Create(ctx, made)
		require.NoError(t, err)
		checks, err := f.Check(ctx, f.Account, c.ID)
		require.NoError(t, err)
		return checks
	}
	nobody := targeting.Audience{Rule: []byte(`{"condition":"AND","rules":[{"field":"first_name","operator":"equal","value":"Nobody"}]}`)}
	checks := check(func(c *campaigns.Campaign) { c.Audience = nobody })
	require.Equal(t, []string{"audience_empty audience"}, coded(checks.Blockers))
	checks = check(func(c *campaigns.Campaign) { c.Audience, c.Schedule.At = nobody, "2027-01-01T09:00" })
	require.Empty(t, checks.Blockers, "somebody may be in it by then")
	require.Equal(t, []string{"audience_empty audience"}, coded(checks.Warnings))
	checks = check(func(c *campaigns.Campaign) { c.Schedule.At = "2020-01-01T09:00" })
	require.Equal(t, []string{"schedule_past schedule.at"}, coded(checks.Blockers))
	checks = check(func(c *campaigns.Campaign) {
		c.Audience.Exclude = &targeting.Exclude{Rule: []byte(
			`{"condition":"AND","rules":[{"field":"first_name","operator":"is_null"},{"field":"first_name","operator":"is_not_null"}]}`)}
	})
	require.Empty(t, coded(checks.Blockers))
	_, err := f.Check(ctx, f.Account, 99)
	require.True(t, fault.Is(err, fault.NotFound))

	empty, err := f.Create(ctx, func() campaigns.Campaign { c := f.campaign(); c.Audience = nobody; return c }())
	require.NoError(t, err)
	_, err = f.Start(ctx, f.Account, empty.ID, false)
	require.ErrorContains(t, err, "nobody is in the audience")
}

// A start can be undone for a while.
func TestAStartIsUndone(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	c := f.create(t)
	for _, undo := range []time.Duration{-time.Second, 301 * time.Second} {
		_, err := f.StartWith(ctx, f.Account, c.ID, campaigns.Starting{Undo: undo})
		require.ErrorContains(t, err, "undo_seconds")
	}
	started, err := f.StartWith(ctx, f.Account, c.ID, campaigns.Starting{Undo: 30 * time.Second})
	require.NoError(t, err)
	require.Equal(t, campaigns.Scheduled, started.Status)
	require.Equal(t, noon.Add(30*time.Second), *started.NextFireAt)
	held, err := f.Pause(ctx, f.Account, c.ID, "me")
	require.NoError(t, err)
	require.Equal(t, campaigns.Paused, held.Status)
	_, err = f.Resume(ctx, f.Account, c.ID, "me")
	require.NoError(t, err)
	undone, err := f.Cancel(ctx, f.Account, c.ID, "me")
	require.NoError(t, err)
	require.Equal(t, campaigns.Canceled, undone.Status)
	require.Zero(t, undone.RunID, "nobody has got anything")

	recurring, err := f.Create(ctx, func() campaigns.Campaign { c := f.campaign(); c.Schedule.Every = "1h"; return c }())
	require.NoError(t, err)
	_, err = f.StartWith(ctx, f.Account, recurring.ID, campaigns.Starting{Undo: time.Second})
	require.ErrorContains(t, err, "a campaign that recurs")
}

// The page on which people choose is a way out, because one can leave everything there.
func TestThePageOfPreferencesIsAWayOut(t *testing.T) {
	f := newFixture(t)
	for text, warns := range map[string]bool{"Hi": true, "{{ unsubscribe_url }}": false, "{{ preferences_url }}": false, "{{ view_url }}": true} {
		campaign := f.campaign()
		campaign.Content.Text = text
		campaign, err := f.Create(t.Context(), campaign)
		require.NoError(t, err)
		checks, err := f.Check(t.Context(), f.Account, campaign.ID)
		require.NoError(t, err)
		if warns {
			require.Contains(t, codes(checks.Warnings), campaigns.CheckUnsubscribe, text)
		} else {
			require.NotContains(t, codes(checks.Warnings), campaigns.CheckUnsubscribe, text)
		}
	}
}

// What a channel writes into the text is said before, and shown as it reads.
func TestWhatAChannelCanNotCarry(t *testing.T) {
	f := newFixture(t)
	made := f.campaign()
	made.Content = providers.Content{
		Subject: "x", Text: "Hi {{ unsubscribe_url }}", Attachment: &providers.Attachment{URL: f.file(t)},
		Buttons: []providers.MessageButton{
			{Type: providers.ButtonLink, Caption: "Our shop", Info: "https://example.org/"}, {Type: providers.ButtonPostback, Caption: "Yes"},
		},
	}
	kept, err := f.Create(t.Context(), made)
	require.NoError(t, err)
	require.Equal(t, made.Content.Buttons, kept.Content.Buttons)
	checks, err := f.Check(t.Context(), f.Account, kept.ID)
	require.NoError(t, err)
	require.Equal(t, []string{
		"link_not_https content.attachment.url", "as_text content.buttons[0]", "as_text content.buttons[1]", "as_text content.attachment",
	}, coded(checks.Warnings))
	require.Contains(t, checks.Warnings[1].Message, `a mail channel has no link button ("Our shop")`)
	preview, err := f.Preview(t.Context(), f.Account, kept.ID)
	require.NoError(t, err)
	require.NotEmpty(t, preview.Samples)
	for _, sample := range preview.Samples {
		require.True(t, strings.HasSuffix(sample.Content.Text, "\n\nOur shop: https://example.org/\nReply \"Yes\""), sample.Content.Text)
		require.Empty(t, sample.Content.Buttons)
	}
}
