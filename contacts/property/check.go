package property

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/jsontext"
)

// Checker is a property that checks values. It is safe for concurrent use.
type Checker struct {
	Property
	rule rule
}

// Compile checks a property's own fields and makes its Checker. The error names
// every field that is wrong: key, label, type, rule, default, expires, position.
func Compile(p Property) (*Checker, error) {
	var wrong []fault.Field
	refuse := func(location string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: location, Value: value, Message: fmt.Sprintf(format, args...)})
	}
	if !ValidKey(p.Key) {
		refuse("key", p.Key, "begins with a lower-case letter, then has lower-case letters, digits and _, at most 63 in all")
	}
	if p.Name == p.Key {
		p.Name = ""
	}
	if len(p.Name) > maxName || !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, notInName) {
		refuse("name", p.Name, "has at most %d letters, digits and characters such as - and _, without spaces", maxName)
	}
	p.Label = strings.Join(strings.Fields(p.Label), " ")
	if utf8.RuneCountInString(p.Label) > maxLabel || !utf8.ValidString(p.Label) || strings.ContainsFunc(p.Label, unicode.IsControl) {
		refuse("label", p.Label, "has at most %d characters and no control characters", maxLabel)
	}
	if p.Expires < 0 || p.Expires > maxExpires || p.Expires%time.Second != 0 {
		refuse("expires_seconds", int64(p.Expires/time.Second), "is from 1 to %d, or -1 for values that stay", int64(maxExpires/time.Second))
	}
	if p.Position < 0 || p.Position > maxPosition {
		refuse("position", p.Position, "is from 0 to %d", maxPosition)
	}
	if !slices.Contains(Types(), p.Type) {
		refuse("type", string(p.Type), "is no type: use one of %s", typeNames())
		return nil, fault.InvalidFields(wrong)
	}
	r, reason := parseRule(p.Type, p.Rule)
	if reason != "" {
		refuse("rule", p.Rule, "%s", reason)
		return nil, fault.InvalidFields(wrong)
	}
	p.Rule = r.source
	c := &Checker{Property: p, rule: r}
	if len(p.Default) > 0 {
		if c.Default, reason = c.Check(p.Default); reason != "" {
			refuse("default", string(p.Default), "%s", reason)
		}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidFields(wrong)
	}
	return c, nil
}

const (
	maxName     = 100 // bytes
	maxLabel    = 100
	maxPosition = 100_000
	maxExpires  = 100 * 366 * 24 * time.Hour
)

// notInName says which characters no name has: those that end a name where it is written.
func notInName(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`$,;|"'{}`, r)
}

// KeyOf is the key that a property of a name has where it is free: in small letters, with _
// for what no key may have.
func KeyOf(name string) string {
	const most = 60 // of the 63 that a key may have
	var b strings.Builder
	for _, r := range Fold(name) {
		switch {
		case b.Len() >= most:
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	key := strings.Trim(b.String(), "_")
	if key == "" || key[0] >= '0' && key[0] <= '9' {
		key = "p_" + key
	}
	return strings.TrimRight(key, "_")
}

// ValidKey reports whether a text can be a property's key.
func ValidKey(key string) bool {
	if len(key) == 0 || len(key) > 63 || key[0] < 'a' || key[0] > 'z' {
		return false
	}
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

func typeNames() string {
	names := make([]string, 0, len(Types()))
	for _, t := range Types() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

// Check brings a JSON value into its stored form (ADR 0012). A reason says why
// it can't be taken, in words that follow the value. null is no value and is
// refused.
func (c *Checker) Check(value json.RawMessage) (stored json.RawMessage, reason string) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var decoded any
	if err := decoder.Decode(&decoded); err != nil || !utf8.Valid(value) {
		return nil, "is no JSON value"
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, "is more than one JSON value"
	}
	want := c.want()
	switch v := decoded.(type) {
	case json.Number:
		if c.Type.Comparison() != AsNumber {
			return nil, want
		}
		return c.number(decimal(v.String()))
	case bool:
		if c.Type != Checkbox {
			return nil, want
		}
		return strconv.AppendBool(nil, v), ""
	case string:
		switch c.Type {
		case Number, Currency, Percent, Checkbox, Collection:
			return nil, want
		default:
			return c.text(v)
		}
	case []any:
		if c.Type != Collection {
			return nil, want
		}
		items := make([]string, len(v))
		for i, item := range v {
			text, ok := item.(string)
			if !ok {
				return nil, want
			}
			items[i] = text
		}
		return c.collection(items)
	case map[string]any:
		latitude, okLat := v["latitude"].(json.Number)
		longitude, okLong := v["longitude"].(json.Number)
		if c.Type != Location || len(v) != 2 || !okLat || !okLong {
			return nil, want
		}
		return c.text(latitude.String() + "," + longitude.String())
	}
	return nil, want
}

// want says what the values of a type are in JSON.
func (c *Checker) want() string {
	switch c.Type {
	case Number, Currency, Percent:
		return "is not a number"
	case Checkbox:
		return "is not true or false"
	case Collection:
		return "is not an array of texts"
	case Location:
		return `is not a text "latitude,longitude" in degrees`
	default:
		return "is not a text"
	}
}

// Parse reads a text, as it stands in a cell of a file or in a form, and brings
// it into stored form; it takes more spellings than Check. The texts of a
// collection are separated by |. The empty text is no value and is refused.
func (c *Checker) Parse(text string) (stored json.RawMessage, reason string) {
	return c.ParseAs(text, Formats{})
}

// ParseAs is Parse for a text of a file of which somebody says how it writes dates and
// numbers. UnsureDate and UnsureNumber are the reasons that this would have avoided.
func (c *Checker) ParseAs(text string, f Formats) (stored json.RawMessage, reason string) {
	if !utf8.ValidString(text) {
		return nil, "is no valid UTF-8"
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, "is empty"
	}
	switch c.Type {
	case Number, Currency, Percent:
		return c.number(plainNumber(c.Type, text, f.Decimal))
	case Checkbox:
		value, ok := checkboxWords[Fold(text)]
		if !ok {
			return nil, "is neither yes nor no: write true or false"
		}
		return strconv.AppendBool(nil, value), ""
	case Collection:
		return c.collection(strings.Split(text, "|"))
	case Date:
		date, reason := looseDate(text, f.Dates)
		if reason != "" {
			return nil, reason
		}
		return c.text(date)
	case Time:
		clock, reason := looseClock(text)
		if reason != "" {
			return nil, reason
		}
		return c.text(clock)
	default:
		return c.text(text)
	}
}

// checkboxWords are what people write for yes and no.
var checkboxWords = map[string]bool{
	"true": true, "yes": true, "y": true, "1": true, "on": true, "x": true, "ja": true, "j": true, "wahr": true,
	"si": true, "sí": true, "sì": true, "oui": true, "vrai": true, "sim": true, "verdadero": true, "vero": true, "verdadeiro": true,
	"false": false, "no": false, "n": false, "0": false, "off": false, "nein": false, "falsch": false,
	"non": false, "faux": false, "não": false, "nao": false, "falso": false,
}

func (c *Checker) number(normal, reason string) (json.RawMessage, string) {
	if reason == "" {
		reason = c.rule.keep(c.Type, normal)
	}
	if reason != "" {
		return nil, reason
	}
	return json.RawMessage(normal), ""
}

// text checks a value of a type whose values are stored as strings.
func (c *Checker) text(s string) (json.RawMessage, string) {
	if reason := badText(s, MaxText); reason != "" {
		return nil, reason
	}
	var reason string
	switch c.Type {
	case Text:
		reason = c.length(s)
	case Word:
		if s == "" || strings.ContainsFunc(s, unicode.IsSpace) {
			return nil, "is not one word without white space"
		}
		reason = c.length(s)
	case Link:
		if s, reason = checkLink(s); reason == "" {
			reason = c.length(s)
		}
	case Enum, List:
		s, reason = c.rule.choose(strings.TrimSpace(s))
	case Date:
		if s, reason = parseDate(s); reason == "" {
			reason = c.rule.keep(c.Type, s)
		}
	case Time:
		if s, reason = parseClock(s); reason == "" {
			reason = c.rule.keep(c.Type, s)
		}
	case Location:
		s, reason = parseLocation(s)
	default:
		reason = c.want()
	}
	if reason != "" {
		return nil, reason
	}
	return quote(s), ""
}

func quote(s string) json.RawMessage { return jsontext.AppendString(nil, s) }

func (c *Checker) length(s string) string {
	return c.rule.keep(c.Type, strconv.Itoa(utf8.RuneCountInString(s)))
}

// badText says why a text can't be stored at all.
func badText(s string, most int) string {
	switch {
	case !utf8.ValidString(s):
		return "is no valid UTF-8"
	case strings.ContainsRune(s, 0):
		return "has a NUL character in it"
	case len(s) > most || len(Fold(s)) > most:
		return fmt.Sprintf("is longer than %d bytes", most)
	}
	return ""
}

// collection checks the texts of a collection; whoever is in it twice is in it
// once.
func (c *Checker) collection(items []string) (json.RawMessage, string) {
	stored := []byte{'['}
	seen := make(map[string]bool, len(items))
	for _, item := range items {
		item = strings.TrimSpace(item)
		if item == "" {
			return nil, "has an empty text in it"
		}
		if reason := badText(item, MaxItem); reason != "" {
			return nil, fmt.Sprintf("has %q in it, which %s", shorten(item), reason)
		}
		if strings.Contains(item, "|") {
			return nil, fmt.Sprintf("has %q in it: a | separates texts in files", shorten(item))
		}
		item, reason := c.rule.choose(item)
		if reason != "" {
			return nil, "has a text in it that " + reason
		}
		if folded := Fold(item); !seen[folded] {
			if seen[folded] = true; len(seen) > 1 {
				stored = append(stored, ',')
			}
			stored = append(stored, quote(item)...)
		}
	}
	if len(seen) > MaxItems {
		return nil, fmt.Sprintf("has %d texts in it; at most %d", len(seen), MaxItems)
	}
	if stored = append(stored, ']'); len(stored) > MaxText {
		return nil, fmt.Sprintf("is longer than %d bytes", MaxText)
	}
	return stored, ""
}

// shorten bounds what an error repeats.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func checkLink(s string) (link, reason string) {
	const wrong = "is no http or https address such as https://example.org/page"
	s = strings.TrimSpace(s)
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
		strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", wrong
	}
	if u.User != nil {
		return "", "carries a user name or password, which does not belong into a link"
	}
	return s, ""
}

// parseLocation reads "latitude,longitude" in degrees.
func parseLocation(s string) (location, reason string) {
	const wrong = `is no "latitude,longitude" in degrees such as 52.52,13.405`
	latitude, longitude, ok := strings.Cut(s, ",")
	if !ok {
		return "", wrong
	}
	parts := [2]string{latitude, longitude}
	for i, most := range [...]string{"90", "180"} {
		degrees, why := decimal(strings.TrimPrefix(strings.TrimSpace(parts[i]), "+"))
		if why != "" || compareDecimal(degrees, most) > 0 || compareDecimal(degrees, "-"+most) < 0 {
			return "", wrong
		}
		parts[i] = degrees
	}
	return parts[0] + "," + parts[1], ""
}
