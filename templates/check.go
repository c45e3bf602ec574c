package templates

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/templates/email"
	"carillon/templates/liquid"
)

var (
	templateName  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	whatsAppName  = regexp.MustCompile(`^[a-z0-9_]+$`)
	parameterName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	phoneNumber   = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
)

// Lengths in letters that WhatsApp documents for templates; other kinds of channel are
// held to what their provider says when a campaign names its channel.
const (
	maxHeaderText  = 60
	maxFooterText  = 60
	maxBodyText    = 1024
	maxButtonText  = 25
	maxButtonURL   = 2000
	maxButtonCode  = 15
	maxURLButtons  = 2
	maxSampleText  = 1000
	maxSubject     = 998 // RFC 5322, section 2.1.1
	maxKinds       = 11
	maxFallbacks   = 20
	maxWrongFields = 50
)

// reserved are the names that parameters can't have, because they are values.
var reserved = []string{
	"contact", "row", "feed", "answers", "campaign", "run", "channel", "account", "unsubscribe_url", "preferences_url", "view_url", "forloop", "tablerowloop",
	"true", "false", "nil", "null", "and", "or", "contains", "in", "empty", "blank", "if", "unless", "case", "when", "for", "else", "elsif", "endif",
	"endunless", "endcase", "endfor", "assign", "capture", "endcapture", "render", "with", "as", "limit", "offset", "reversed", "default", "raw",
	"comment", "endcomment", "endraw", "echo", "liquid", "cycle", "increment", "decrement", "break", "continue", "tablerow", "endtablerow",
}

// checker finds what is wrong with a definition, and brings it into the form in which it
// is kept.
type checker struct {
	d     *Definition
	wrong []fault.Field
	// snippets are the texts of those that the template renders, and attributes the keys
	// of the account's properties.
	snippets   map[string]string
	attributes []string
	values     map[string]string
	usedNames  map[string]bool
}

// Check says what is wrong with a definition, e-mails aside, and brings it into the form
// in which it is kept. attributes are the keys of the account's properties.
func Check(name string, d *Definition, attributes []string) []fault.Field {
	c := checker{d: d, attributes: attributes}
	c.check(name)
	return c.wrong
}

func (c *checker) add(location string, value any, format string, args ...any) {
	if len(c.wrong) < maxWrongFields {
		c.wrong = append(c.wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
}

func (c *checker) has(kind providers.AddressKind) bool { return slices.Contains(c.d.Kinds, kind) }

// checkName says what is wrong with a template's name; empty for nothing.
func checkName(name string, kinds []providers.AddressKind) string {
	switch {
	case name == "" || len(name) > MaxName || !templateName.MatchString(name):
		return fmt.Sprintf("must have 1 to %d letters from A to Z, digits, - _ and ., such as order_shipped", MaxName)
	case slices.Contains(kinds, providers.WhatsApp) && !whatsAppName.MatchString(name):
		return "WhatsApp takes lower-case letters, digits and _ alone, such as order_shipped"
	}
	return ""
}

// check checks everything but e-mails, which are built first.
func (c *checker) check(name string) {
	if wrong := checkName(name, c.d.Kinds); wrong != "" {
		c.add("name", name, "%s", wrong)
	}
	if c.d.Category != "" && !slices.Contains(Categories(), c.d.Category) {
		c.add("category", c.d.Category, "must be one of %s", listed(Categories()))
	}
	c.kinds()
	c.languages()
	c.parameters()
	for i := range c.d.Translations {
		c.translation(i)
	}
	for i, p := range c.d.Parameters {
		if len(c.d.Translations) > 0 && !c.usedNames[p.Name] {
			c.add(at("parameters", i), p.Name, "no translation has {{%s}}: use it, or take the parameter out", p.Name)
		}
	}
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func listed[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
	}
	return strings.Join(texts, ", ")
}

func (c *checker) kinds() {
	if len(c.d.Kinds) == 0 || len(c.d.Kinds) > maxKinds {
		c.add("kinds", len(c.d.Kinds), "name at least one kind of channel: %s", listed(providers.AddressKinds()))
	}
	for i, kind := range c.d.Kinds {
		switch {
		case !slices.Contains(providers.AddressKinds(), kind):
			c.add(at("kinds", i), kind, "must be one of %s", listed(providers.AddressKinds()))
		case slices.Contains(c.d.Kinds[:i], kind):
			c.add(at("kinds", i), kind, "stands there twice")
		}
	}
	if c.has(providers.WhatsApp) && c.d.Category == "" {
		c.add("category", nil, "WhatsApp wants to know it: marketing, utility or authentication")
	}
}

// language brings a tag into its form.
func (c *checker) language(location string, tag *string) {
	normal, ok := NormalLanguage(*tag)
	if !ok {
		c.add(location, *tag, "must be a language's tag, such as pl or pt-BR")
		return
	}
	*tag = normal
}

func (c *checker) languages() {
	if len(c.d.Translations) > MaxTranslations {
		c.add("translations", len(c.d.Translations), "at most %d", MaxTranslations)
	}
	c.language("default_language", &c.d.Default)
	if len(c.d.Fallback) > maxFallbacks {
		c.add("fallback", len(c.d.Fallback), "at most %d languages", maxFallbacks)
	}
	for i := range c.d.Fallback {
		c.language(at("fallback", i), &c.d.Fallback[i])
		if slices.Contains(c.d.Fallback[:i], c.d.Fallback[i]) {
			c.add(at("fallback", i), c.d.Fallback[i], "stands there twice")
		}
	}
	for i := range c.d.Translations {
		t := &c.d.Translations[i]
		c.language(at("translations", i)+".language", &t.Language)
		if slices.ContainsFunc(c.d.Translations[:i], func(other Translation) bool { return other.Language == t.Language }) {
			c.add(at("translations", i)+".language", t.Language, "stands there twice")
		}
	}
	if _, ok := NormalLanguage(c.d.Default); ok && len(c.d.Translations) > 0 && c.d.Translation(c.d.Default) == nil {
		c.add("default_language", c.d.Default, "there is no translation into it: write one, or choose one of those that there are")
	}
}

func (c *checker) parameters() {
	c.values, c.usedNames = map[string]string{}, map[string]bool{}
	if len(c.d.Parameters) > MaxParameters {
		c.add("parameters", len(c.d.Parameters), "at most %d", MaxParameters)
	}
	for i := range c.d.Parameters {
		p, where := &c.d.Parameters[i], at("parameters", i)
		switch first := isNumber(c.d.Parameters[0].Name); {
		case first && p.Name != strconv.Itoa(i+1):
			c.add(where+".name", p.Name, "parameters that are numbered are 1, 2, 3 in this order, without a gap: this is %d", i+1)
		case !first && (!parameterName.MatchString(p.Name) || len(p.Name) > MaxName):
			c.add(where+".name", p.Name, "must be lower-case letters, digits and _ and begin with a letter, such as order_id, or a number from 1")
		case slices.Contains(reserved, p.Name):
			c.add(where+".name", p.Name, "is a name that Liquid has already: choose another")
		case c.values[p.Name] != "":
			c.add(where+".name", p.Name, "stands there twice")
		}
		var unknown string
		if p.Value, unknown = Translate(p.Value); unknown != "" {
			c.add(where+".value", p.Value, "%s", unknownReference(unknown))
		}
		if strings.TrimSpace(p.Value) == "" {
			c.add(where+".value", nil, "say what fills it, such as {{ contact.first_name }} or {{ row.order }}")
		}
		if strings.ContainsAny(p.Value, "\r\n") {
			c.add(where+".value", nil, "must be one line")
		}
		switch {
		case strings.TrimSpace(p.Sample) == "":
			c.add(where+".sample", nil, "give an example of its value, such as Ada")
		case strings.ContainsAny(p.Sample, "\r\n\t") || utf8.RuneCountInString(p.Sample) > maxSampleText:
			c.add(where+".sample", nil, "must be one line of at most %d letters", maxSampleText)
		case strings.Contains(p.Sample, "{{") || strings.Contains(p.Sample, "{%"):
			c.add(where+".sample", p.Sample, "is a value as people would see it, and no Liquid")
		}
		c.values[p.Name] = p.Value
		c.compile(where+".value", p.Value, false)
	}
}

// compile checks the Liquid of a text as it is written, with its parameters filled in.
func (c *checker) compile(location, text string, html bool) {
	content := providers.Content{Text: fill(text, c.values)}
	if html {
		content = providers.Content{HTML: content.Text}
	}
	compiled, err := liquid.Compile(content, c.snippets)
	if err != nil {
		fields, rest := fault.Gather(nil, err)
		if rest != nil {
			fields = []fault.Field{{Message: rest.Error()}}
		}
		for _, f := range fields {
			c.add(location, nil, "%s", liquid.WithColumn(text, f.Message))
		}
		return
	}
	for _, mistake := range compiled.Mistakes(c.attributes) {
		c.add(location, nil, "%s", mistake)
	}
}

// text checks a text that may have Liquid and parameters in it.
func (c *checker) text(location, text string, most int) {
	if most > 0 && utf8.RuneCountInString(text) > most {
		c.add(location, utf8.RuneCountInString(text), "at most %d letters", most)
	}
	for _, name := range used(text, c.values) {
		c.usedNames[name] = true
		if _, declared := c.values[name]; !declared {
			c.add(location, "{{"+name+"}}", "there is no parameter %s: declare it in parameters", name)
		}
	}
	c.compile(location, text, false)
	if c.has(providers.WhatsApp) {
		c.whatsAppText(location, text)
	}
}

// whatsAppText refuses what WhatsApp could not fill in.
func (c *checker) whatsAppText(location, text string) {
	for _, piece := range anyPiece.FindAllString(text, -1) {
		m := paramForm.FindStringSubmatch(piece)
		if _, declared := c.values[paramOf(m)]; !declared {
			c.add(location, shorten(piece), "WhatsApp fills in parameters alone: declare one with this as its value, and write {{1}}")
			return
		}
	}
}

func paramOf(m []string) string {
	if m == nil {
		return ""
	}
	return m[1]
}

func shorten(s string) string {
	if letters := []rune(s); len(letters) > 60 {
		return string(letters[:60]) + "…"
	}
	return s
}

func (c *checker) translation(i int) {
	t, where := &c.d.Translations[i], at("translations", i)
	most := func(n int) int {
		if c.has(providers.WhatsApp) {
			return n
		}
		return 0
	}
	if h := t.Header; h != nil {
		if (h.Text == "") == (h.Media == nil) {
			c.add(where+".header", nil, "give either text or media, or leave the header out")
		}
		if h.Text != "" {
			c.text(where+".header.text", h.Text, most(maxHeaderText))
			if len(used(h.Text, c.values)) > 1 && c.has(providers.WhatsApp) {
				c.add(where+".header.text", nil, "WhatsApp takes one parameter in a header")
			}
		}
		if h.Media != nil {
			c.media(where+".header.media", *h.Media)
		}
	}
	wordless := strings.TrimSpace(t.Body) == ""
	email := t.Email != nil
	switch onlyEmail := len(c.d.Kinds) == 1 && c.has(providers.Email); {
	case wordless && !onlyEmail:
		c.add(where+".body", nil, "say something: %s channels send it", listed(c.d.Kinds))
	case wordless && email && t.Email.MJML == "" && t.Email.HTML == "" && t.Email.Text == "":
		c.add(where+".email", nil, "say something: give mjml, html or text")
	case c.has(providers.Email) && !email:
		c.add(where+".email", nil, "an e-mail needs at least a subject")
	case !c.has(providers.Email) && email:
		c.add(where+".email", nil, "kinds has no email: add it, or leave this out")
	}
	c.text(where+".body", t.Body, most(maxBodyText))
	if trimmed := strings.TrimSpace(t.Body); c.has(providers.WhatsApp) && !wordless {
		if ends := paramForm.FindAllStringIndex(trimmed, -1); len(ends) > 0 && (ends[0][0] == 0 || ends[len(ends)-1][1] == len(trimmed)) {
			c.add(where+".body", nil, "WhatsApp takes no parameter at the beginning or the end: write a word or a dot there")
		}
	}
	c.text(where+".footer", t.Footer, most(maxFooterText))
	if c.has(providers.WhatsApp) && anyPiece.MatchString(t.Footer) {
		c.add(where+".footer", nil, "WhatsApp takes no parameters in a footer")
	}
	c.buttons(where+".buttons", t.Buttons, most)
	if email {
		c.email(where+".email", t.Email)
	}
}

func (c *checker) media(where string, m Media) {
	if m.Type != "image" && m.Type != "video" && m.Type != "document" {
		c.add(where+".type", m.Type, "must be image, video or document")
	}
	if m.Filename != "" && m.Type != "document" {
		c.add(where+".filename", m.Filename, "a document alone has a name")
	}
	switch {
	case m.MediaID < 0 || m.MediaID != 0 && m.URL != "":
		c.add(where+".media_id", nil, "give either the id of a file that was uploaded, or an address")
	case m.MediaID == 0:
		c.address(where+".url", m.URL)
	}
	c.text(where+".url", m.URL, maxButtonURL)
	c.text(where+".filename", m.Filename, maxButtonURL)
}

// address refuses what is no address; what Liquid makes of one is seen when it is
// rendered.
func (c *checker) address(where, address string) {
	if strings.Contains(address, "{{") || strings.Contains(address, "{%") {
		return
	}
	if u, err := url.Parse(address); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		c.add(where, address, "must be an address such as https://example.org/menu")
	}
}

func (c *checker) buttons(where string, list []Button, most func(int) int) {
	if len(list) > MaxButtons {
		c.add(where, len(list), "at most %d", MaxButtons)
	}
	count := map[string]int{}
	for i, b := range list {
		here := at(where, i)
		count[b.Type]++
		for _, f := range []struct{ of, name, value string }{
			{URLButton, "url", b.URL}, {URLButton, "suffix", b.Suffix}, {PhoneButton, "phone", b.Phone}, {CopyCode, "code", b.Code},
		} {
			if f.value != "" && f.of != b.Type {
				c.add(here+"."+f.name, f.value, "belongs to a %s button: leave it out, or change type", f.of)
			}
		}
		switch b.Type {
		case QuickReply:
		case URLButton:
			c.address(here+".url", b.URL)
			if strings.Contains(b.URL, "{") {
				c.add(here+".url", b.URL, "is the same for everybody: what differs stands in suffix")
			}
			c.text(here+".suffix", b.Suffix, maxButtonURL)
		case PhoneButton:
			if !phoneNumber.MatchString(b.Phone) {
				c.add(here+".phone", b.Phone, "must be a number with its country, such as +49301234567")
			}
		case CopyCode:
			if b.Code == "" {
				c.add(here+".code", nil, "say what is copied, such as {{1}}")
			}
			c.text(here+".code", b.Code, 0)
			if !strings.Contains(b.Code, "{") && utf8.RuneCountInString(b.Code) > maxButtonCode {
				c.add(here+".code", b.Code, "at most %d letters", maxButtonCode)
			}
		default:
			c.add(here+".type", b.Type, "must be %s, %s, %s or %s", QuickReply, URLButton, PhoneButton, CopyCode)
		}
		if strings.TrimSpace(b.Text) == "" || strings.Contains(b.Text, "{") {
			c.add(here+".text", b.Text, "say what stands on it, without Liquid")
		} else if n := most(maxButtonText); n > 0 && utf8.RuneCountInString(b.Text) > n {
			c.add(here+".text", b.Text, "at most %d letters", n)
		}
	}
	if c.has(providers.WhatsApp) && (count[URLButton] > maxURLButtons || count[PhoneButton] > 1 || count[CopyCode] > 1) {
		c.add(where, len(list), "WhatsApp takes at most %d url buttons, one phone and one copy_code", maxURLButtons)
	}
}

func (c *checker) email(where string, e *Email) {
	if strings.TrimSpace(e.Subject) == "" {
		c.add(where+".subject", nil, "e-mail needs a subject")
	}
	if e.MJML != "" && e.HTML != "" {
		c.add(where+".html", nil, "give either mjml or html")
	}
	if e.Preheader != "" && e.MJML == "" && e.HTML == "" {
		c.add(where+".preheader", nil, "stands in the HTML part: give mjml or html, or leave it out")
	}
	saved := c.d.Kinds
	c.d.Kinds = []providers.AddressKind{providers.Email} // WhatsApp has no say in it
	c.text(where+".subject", e.Subject, maxSubject)
	c.text(where+".preheader", e.Preheader, maxSubject)
	c.text(where+".text", e.Text, 0)
	c.d.Kinds = saved
	for _, part := range []struct{ name, source string }{{"mjml", e.MJML}, {"html", e.HTML}} {
		missing := false
		for _, name := range used(part.source, c.values) {
			c.usedNames[name] = true
			if _, declared := c.values[name]; !declared && !missing {
				missing = true
				c.add(where+"."+part.name, "{{"+name+"}}", "there is no parameter %s: declare it in parameters", name)
			}
		}
		if !missing {
			c.compile(where+"."+part.name, part.source, true)
		}
	}
}

// source is what the e-mail of a translation is built of.
func (t *Translation) source() email.Source {
	e := t.Email
	if e == nil {
		return email.Source{}
	}
	return email.Source{MJML: e.MJML, HTML: e.HTML, Text: e.Text}
}

// texts are all texts of a definition that may render snippets.
func (d *Definition) texts() []string {
	var all []string
	for _, p := range d.Parameters {
		all = append(all, p.Value)
	}
	for _, t := range d.Translations {
		all = append(all, t.Body, t.Footer)
		if t.Header != nil {
			all = append(all, t.Header.Text)
			if t.Header.Media != nil {
				all = append(all, t.Header.Media.URL, t.Header.Media.Filename)
			}
		}
		for _, b := range t.Buttons {
			all = append(all, b.Suffix, b.Code)
		}
		if e := t.Email; e != nil {
			all = append(all, e.Subject, e.Preheader, e.MJML, e.HTML, e.Text)
		}
	}
	return all
}

// Renders are the names of the snippets that a definition renders itself.
func (d *Definition) Renders() []string { return liquid.Rendered(d.texts()...) }

// size is that of all texts, in bytes.
func (d *Definition) size() (n int) {
	for _, text := range d.texts() {
		n += len(text)
	}
	return n
}
