package campaigns

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"carillon/internal/words"
	"carillon/messages"
	"carillon/providers"
	"carillon/templates"
)

// Check is something that is wrong with a campaign before it is started, or may be.
type Check struct {
	// Code is one of the codes below; they never change their meaning.
	Code string
	// Field is what it is about, such as "content.html"; may be empty.
	Field string
	// Message says what is wrong, Remedy what mends it.
	Message, Remedy string
}

// Checks are what stands in the way of a campaign, and what may be a mistake.
type Checks struct {
	// Blockers can't be meant: a campaign with one is not started.
	Blockers []Check
	Warnings []Check
}

// The codes of checks.
const (
	CheckInvalid         = "invalid"             // what the campaign is made of can't be sent
	CheckSchedulePast    = "schedule_past"       // its time is over
	CheckHours           = "hours"               // its hours leave no time to send at
	CheckUpload          = "upload"              // an upload of its audience is not taken in
	CheckAudienceEmpty   = "audience_empty"      // the audience has nobody in it
	CheckNobodyReachable = "nobody_reachable"    // everybody in it would be skipped
	CheckAudienceFar     = "audience_far"        // it is far from what the channel was used for last
	CheckLinkEmpty       = "link_empty"          // a link leads nowhere
	CheckLinkRelative    = "link_relative"       // a link has no host, which a mail has not either
	CheckLinkInsecure    = "link_not_https"      // a link is not https
	CheckImageEmpty      = "image_empty"         // a picture has no address
	CheckImageNoAlt      = "image_without_alt"   // a picture has no words for who does not see it
	CheckSize            = "size"                // mail readers cut it off
	CheckUnsubscribe     = "no_unsubscribe"      // a bulk mail shows no way out
	CheckNoPublicURL     = "no_public_url"       // a mail names pages of recipients, which have no address
	CheckUnknownName     = "unknown_name"        // a template names what nobody has
	CheckRender          = "render_failed"       // it can't be rendered for somebody
	CheckSender          = "sender_domain"       // the sender is not of the domain that is signed for
	CheckChannel         = "channel_not_active"  // the channel is paused or stopped
	CheckApproval        = "approval"            // the account asks for approval, and it has none
	CheckDataFeed        = "data_feed"           // the data feed can't be read
	CheckAsText          = "as_text"             // the channel writes a part into the text
	CheckTranslation     = "translation_missing" // the template has not everybody's language
	CheckWindow          = "window"              // people have not written lately, and the channel may send them templates alone
	CheckAttachment      = "attachment"          // a file can't be fetched, or the channel does not send it
)

const (
	// clipsAt is where Gmail cuts a message's HTML off, in bytes.
	clipsAt = 102 * 1024
	// mostAlike bounds the checks of one code.
	mostAlike = 10
	// farFactor and farLeast are by how much an audience is far from the one before.
	farFactor, farLeast = 2, 10
)

// found is what is wrong with a piece of HTML or text.
type found struct {
	code string
	// what is which link or picture.
	what string
}

// says are the words for what is found: what is wrong, of a thing, and what mends it.
var says = map[string]struct{ message, remedy string }{
	CheckLinkEmpty:    {"%s leads nowhere: its href is empty", "give it an address, or leave the link out"},
	CheckLinkRelative: {"%s has no host: a mail knows of no page that it could begin at", "write the whole address, such as https://example.org/shop"},
	CheckLinkInsecure: {"%s is not https: readers warn of it, or spam filters count it", "write https://, if the page is there"},
	CheckImageEmpty:   {"%s has no address: its src is empty", "give it an address, or leave the picture out"},
	CheckImageNoAlt:   {"%s has no alt: who does not see it is told nothing", `say what it shows, alt="Our shop in Mainz"; alt="" if it is decoration`},
}

func (f found) check(field, as string) Check {
	s := says[f.code]
	return Check{Code: f.code, Field: field, Message: as + fmt.Sprintf(s.message, f.what), Remedy: s.remedy}
}

// liquidPiece is a piece of Liquid as far as HTML is concerned.
var liquidPiece = regexp.MustCompile(`(?s)\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}`)

// unknown stands where Liquid writes something that is not known yet.
const unknown = "\ue000"

// inspectHTML looks through the HTML of a content for links and pictures that are wrong.
// What Liquid makes of it is not judged.
func inspectHTML(source string) (list []found) {
	z := html.NewTokenizer(strings.NewReader(liquidPiece.ReplaceAllString(source, unknown)))
	link, within := "", false // the words of the link that is open
	var pending []string      // what is wrong with it
	address := ""
	end := func() {
		what := "the link " + quoted(link, address)
		for _, code := range pending {
			list = append(list, found{code, what})
		}
		link, within, pending = "", false, nil
	}
	for {
		switch z.Next() {
		case html.ErrorToken:
			end()
			return list
		case html.TextToken:
			if within {
				link += string(z.Text())
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "a" && within {
				end()
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			attributes, open := attributesOf(t)
			switch t.Data {
			case "a", "area":
				end()
				href, there := attributes["href"]
				if address, within = href, there; there {
					pending = linkFaults(href)
				}
			case "img":
				src, there := attributes["src"]
				what := "the picture " + quoted("", src)
				if !open && (!there || strings.TrimSpace(src) == "") {
					list = append(list, found{CheckImageEmpty, what})
				}
				if _, there := attributes["alt"]; !there && !open {
					list = append(list, found{CheckImageNoAlt, what})
				}
				if within {
					link += attributes["alt"]
				}
			}
		}
	}
}

// attributesOf are the attributes of an element; open says that Liquid adds some.
func attributesOf(t html.Token) (attributes map[string]string, open bool) {
	attributes = map[string]string{}
	for _, a := range t.Attr {
		if strings.Contains(a.Key, unknown) {
			open = true
		}
		if _, twice := attributes[a.Key]; !twice {
			attributes[a.Key] = a.Val
		}
	}
	return attributes, open
}

// linkFaults are the codes of what is wrong with the address of a link.
func linkFaults(href string) []string {
	href = strings.TrimSpace(href)
	switch {
	case strings.HasPrefix(href, "#") && len(href) > 1, strings.HasPrefix(href, unknown):
		return nil
	case href == "", href == "#":
		return []string{CheckLinkEmpty}
	}
	u, err := url.Parse(href)
	switch {
	case err != nil:
		return nil // such as a placeholder in the host
	case u.Scheme == "" && u.Host == "":
		return []string{CheckLinkRelative}
	case u.Scheme == "http":
		return []string{CheckLinkInsecure}
	}
	return nil
}

// quoted names a link or a picture: by its words, or by its address.
func quoted(text, address string) string {
	if text = strings.Join(strings.Fields(strings.ReplaceAll(text, unknown, "…")), " "); text == "" {
		text = strings.ReplaceAll(address, unknown, "…")
	}
	if text == "" {
		return "without words"
	}
	return `"` + shorten(text, 60) + `"`
}

// insecure finds addresses in a text that are not https.
var insecure = regexp.MustCompile(`http://[^\s<>"'{}]+`)

// inspectText looks through a text for addresses that are wrong.
func inspectText(text string) (list []found) {
	for _, address := range insecure.FindAllString(liquidPiece.ReplaceAllString(text, unknown), -1) {
		list = append(list, found{CheckLinkInsecure, `the address "` + shorten(strings.ReplaceAll(address, unknown, "…"), 60) + `"`})
	}
	return list
}

// inspect looks through a content.
func inspect(c providers.Content) map[string][]found {
	found := map[string][]found{"content.html": inspectHTML(c.HTML), "content.text": inspectText(c.Text)}
	if c.Attachment != nil {
		found["content.attachment.url"] = inspectText(c.Attachment.URL)
	}
	for _, b := range c.Buttons {
		found["content.buttons"] = append(found["content.buttons"], inspectText(b.Info)...)
	}
	return found
}

// asItReads begins what is said of a sample.
const asItReads = "as it reads for "

// contentFields are those that are inspected, in the order in which they are told.
var contentFields = []string{"content.html", "content.text", "content.attachment.url", "content.buttons"}

// checkContent checks a content as it is written, and as it reads for some recipients. A
// link that leads nowhere for everybody can't be meant.
func checkContent(wording templates.Resolved, samples []Sample) (checks Checks) {
	known, alike := map[found]bool{}, map[string]int{}
	add := func(field, as string, f found) {
		if known[f] || alike[f.code] == mostAlike {
			return
		}
		known[f] = true
		alike[f.code]++
		if f.code == CheckLinkEmpty && !strings.HasPrefix(as, asItReads) {
			checks.Blockers = append(checks.Blockers, f.check(field, as))
			return
		}
		checks.Warnings = append(checks.Warnings, f.check(field, as))
	}
	largest := 0
	for _, tag := range wording.Languages.Has {
		as := ""
		if tag != "" {
			as = "in " + tag + ", "
		}
		if len(samples) == 0 {
			largest = max(largest, len(wording.Contents[tag].HTML))
		}
		written := inspect(wording.Contents[tag])
		for _, field := range contentFields {
			for _, f := range written[field] {
				add(field, as, f)
			}
		}
	}
	for _, s := range samples {
		if s.Error != "" {
			checks.Warnings = append(checks.Warnings, Check{
				Code: CheckRender, Field: "content", Message: "can't be rendered for " + s.Recipient.Address + ", who will be skipped: " + s.Error,
				Remedy: "correct the template or the data",
			})
			continue
		}
		largest = max(largest, len(s.Content.HTML), s.sentHTML)
		read := inspect(s.Content)
		for _, field := range contentFields {
			for _, f := range read[field] {
				add(field, asItReads+s.Recipient.Address+", ", f)
			}
		}
	}
	if largest > clipsAt {
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckSize, Field: "content.html",
			Message: fmt.Sprintf("the HTML has %d KB: Gmail cuts a message off at %d KB, with whatever stands at its end", (largest+1023)/1024, clipsAt/1024),
			Remedy:  "shorten it, or take styles and comments out that are not used",
		})
	}
	return checks
}

// checkCarried warns of what a channel can't carry as it is, and writes into the text.
func checkCarried(wording templates.Resolved, channel providers.Channel, can providers.Capabilities) (checks Checks) {
	warn := func(field, what, remedy string) {
		c := Check{
			Code: CheckAsText, Field: field, Remedy: remedy,
			Message: "a " + channel.Provider + " channel has no " + what + ": the preview shows how it stands in the text",
		}
		if !slices.Contains(checks.Warnings, c) {
			checks.Warnings = append(checks.Warnings, c)
		}
	}
	for _, tag := range wording.Languages.Has {
		c := wording.Contents[tag]
		for i, b := range c.Buttons {
			if !slices.Contains(can.Buttons, b.Type) {
				warn(fmt.Sprintf("content.buttons[%d]", i), fmt.Sprintf("%s button (%s)", b.Type, quoted(b.Caption, "")), "nothing, if it reads well as a line")
			}
		}
		if c.Attachment != nil && !can.Carries(c.Attachment) {
			warn("content.attachment", "files", "nothing, if a link is enough")
		}
	}
	return checks
}

// checkSender warns of a sender whose domain is another than the one that the far end signs
// for: neither is it, nor is one part of the other, which mailboxes ask for (DMARC, RFC
// 7489 section 3.1, relaxed alignment).
func checkSender(from, signed string) (checks Checks) {
	if from == "" || signed == "" || from == signed || strings.HasSuffix(from, "."+signed) || strings.HasSuffix(signed, "."+from) {
		return checks
	}
	checks.Warnings = append(checks.Warnings, Check{
		Code: CheckSender, Field: "channel_id",
		Message: "the sender is of " + from + ", and the server is signed in to as an account of " + signed + ": what it signs may not be for the sender's domain",
		Remedy:  "send from an address of " + signed + ", or have the server sign for " + from,
	})
	return checks
}

// checkUnsubscribe warns of a bulk mail in which no way out is seen: neither the page for
// unsubscribing nor the one for choosing, which has it, too. links are those of the
// samples, in their order.
func checkUnsubscribe(wording templates.Resolved, samples []Sample, links []messages.Links) (checks Checks) {
	warn := func(message, remedy string) {
		checks.Warnings = append(checks.Warnings, Check{Code: CheckUnsubscribe, Field: "content", Message: message, Remedy: remedy})
	}
	shown := func(c providers.Content) string {
		if c.HTML != "" {
			return c.HTML
		}
		return c.Text
	}
	for i, s := range samples {
		switch {
		case s.Error != "":
			continue
		case links[i].UnsubscribeURL == "":
			warn("no public address is set: nobody can unsubscribe with a link", "set public_url, and write {{ unsubscribe_url }} into the text")
		case !strings.Contains(shown(s.Content), links[i].UnsubscribeURL) && !strings.Contains(shown(s.Content), links[i].PreferencesURL()):
			warn("it shows no link to unsubscribe: bulk mail needs one by law, and readers who find none call it spam",
				`write {{ unsubscribe_url }} into the text, or <a href="{{ unsubscribe_url }}">Unsubscribe</a> into the HTML`)
		default:
			return checks
		}
		return checks
	}
	if source := shown(wording.Contents[wording.Languages.Default]); !strings.Contains(source, "unsubscribe_url") &&
		!strings.Contains(source, "preferences_url") && !strings.Contains(source, "render") {
		warn("it shows no link to unsubscribe: bulk mail needs one by law, and readers who find none call it spam", "write {{ unsubscribe_url }} into the text")
	}
	return checks
}

// pagesOf names the pages of recipients to which what is said refers by their names.
func pagesOf(wording templates.Resolved) (names []string) {
	for _, name := range []string{"unsubscribe_url", "preferences_url", "view_url"} {
		for _, c := range wording.Contents {
			if strings.Contains(c.Subject+c.Text+c.HTML, name) {
				names = append(names, name)
				break
			}
		}
	}
	return names
}

// checkPublicURL blocks a bulk mail that names pages which have no address, because none is
// set at which this server is reached: readers would see nothing in their place.
func checkPublicURL(wording templates.Resolved) (checks Checks) {
	for _, name := range pagesOf(wording) {
		checks.Blockers = append(checks.Blockers, Check{
			Code: CheckNoPublicURL, Field: "content", Message: "{{ " + name + " }} renders as nothing: no public_url is set",
			Remedy: "set public_url (CARILLON_PUBLIC_URL, or carillon settings set --public-url), take the name out, or start the campaign " +
				"without links (--without-links)",
		})
	}
	return checks
}

// checkTranslations warns of people whose language a template has not.
func checkTranslations(coverage templates.Coverage, wording templates.Resolved) (checks Checks) {
	people, tags := int64(0), []string{}
	for _, missing := range coverage.Missing {
		if missing.Language != "" {
			people += missing.People
			tags = append(tags, missing.Language)
		}
	}
	if people > 0 {
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckTranslation, Field: "content.template",
			Message: fmt.Sprintf("%s with a language that the template has not (%s) would get it in %s", words.Count(people, "recipient"),
				shorten(strings.Join(tags, ", "), 100), wording.Languages.Default),
			Remedy: "translate the template, or leave these people out",
		})
	}
	return checks
}

// checkAudience checks how many would get it. last is how many recipients the channel had
// before, 0 if that is not known; atOnce says that it would be sent now.
func checkAudience(p Preview, last int64, atOnce bool) (checks Checks) {
	const field = "audience"
	switch {
	case p.Total == 0 && atOnce:
		checks.Blockers = append(checks.Blockers, emptyAudience())
	case p.Total == 0:
		checks.Warnings = append(checks.Warnings, emptyAudience())
	case p.Reachable == 0:
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckNobodyReachable, Field: field, Message: fmt.Sprintf("none of %s would be sent to: all are skipped", words.Count(p.Total, "recipient")),
			Remedy: "look at the reasons in the preview",
		})
	case last > 0 && max(p.Total, last)-min(p.Total, last) >= farLeast && (p.Total >= farFactor*last || last >= farFactor*p.Total):
		checks.Warnings = append(checks.Warnings, Check{
			Code: CheckAudienceFar, Field: field, Message: fmt.Sprintf("it goes to %s; the last on this channel went to %d", words.Count(p.Total, "recipient"), last),
			Remedy: "make sure that the audience is the one that is meant",
		})
	}
	return checks
}

func emptyAudience() Check {
	return Check{Code: CheckAudienceEmpty, Field: "audience", Message: "nobody is in the audience", Remedy: "choose another audience, or add people to this one"}
}

// and puts checks together.
func (c Checks) and(other Checks) Checks {
	return Checks{Blockers: append(c.Blockers, other.Blockers...), Warnings: append(c.Warnings, other.Warnings...)}
}

// in has checks of a content name the field that this is in.
func (c Checks) in(at string) Checks {
	for _, list := range [][]Check{c.Blockers, c.Warnings} {
		for i := range list {
			list[i].Field = inField(at, list[i].Field)
		}
	}
	return c
}

// String is a check in a line.
func (c Check) String() string {
	text := c.Message
	if c.Field != "" {
		text = c.Field + ": " + text
	}
	return text + " (" + c.Remedy + ")"
}
