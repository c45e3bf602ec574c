package tracking

import (
	"strings"

	"golang.org/x/net/html"
)

// inHTML calls replace with the web address of each link of a document, which are the href
// of a and area, and puts what it returns in its place; all else stays as it is, byte for
// byte.
func inHTML(document string, replace func(address string) string) string {
	var b strings.Builder
	from, at := 0, 0 // what is written up to, and where the token begins
	z := html.NewTokenizer(strings.NewReader(document))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		raw := string(z.Raw())
		begin := at
		at += len(raw)
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		value, ok := linkOf(z)
		if !ok {
			continue
		}
		address := strings.TrimSpace(value)
		start, end, found := hrefAt(raw)
		if !found || !isWeb(address) || raw[start:end] != value && !isHref(raw, start, end) {
			continue
		}
		b.WriteString(document[from : begin+start])
		b.WriteString(replace(address))
		from = begin + end
	}
	if from == 0 {
		return document
	}
	b.WriteString(document[from:])
	return b.String()
}

// linkOf is the value of the href of the tag that a tokenizer is at, if it is a link's. Of
// two attributes of a name the first counts.
func linkOf(z *html.Tokenizer) (href string, ok bool) {
	name, more := z.TagName()
	if tag := string(name); tag != "a" && tag != "area" {
		return "", false
	}
	for more {
		var key, value []byte
		if key, value, more = z.TagAttr(); string(key) == "href" {
			return string(value), true
		}
	}
	return "", false
}

// isHref reports whether what stands at a place of a tag is its href: what is put there is
// read as that.
func isHref(tag string, start, end int) bool {
	const probe = "http://probe"
	z := html.NewTokenizer(strings.NewReader(tag[:start] + probe + tag[end:]))
	z.Next()
	href, ok := linkOf(z)
	return ok && href == probe
}

// hrefAt is where the value of the first href stands in a tag, as the HTML standard reads
// tags (13.2.5.32 and following), without its quotes.
func hrefAt(tag string) (start, end int, found bool) {
	at := 1
	for at < len(tag) && !isSpace(tag[at]) && tag[at] != '/' && tag[at] != '>' {
		at++
	}
	for at < len(tag) {
		for at < len(tag) && (isSpace(tag[at]) || tag[at] == '/') {
			at++
		}
		if at >= len(tag) || tag[at] == '>' {
			return 0, 0, false
		}
		nameFrom := at
		for at++; at < len(tag) && !isSpace(tag[at]) && tag[at] != '/' && tag[at] != '>' && tag[at] != '='; {
			at++
		}
		name := tag[nameFrom:at]
		for at < len(tag) && isSpace(tag[at]) {
			at++
		}
		if at >= len(tag) || tag[at] != '=' {
			continue
		}
		for at++; at < len(tag) && isSpace(tag[at]); {
			at++
		}
		start, end, at = valueAt(tag, at)
		if strings.EqualFold(name, "href") {
			return start, end, true
		}
	}
	return 0, 0, false
}

// valueAt is where an attribute's value stands that begins at a place of a tag, and what is
// behind it.
func valueAt(tag string, at int) (start, end, next int) {
	if at < len(tag) && (tag[at] == '"' || tag[at] == '\'') {
		length := strings.IndexByte(tag[at+1:], tag[at])
		if length < 0 {
			return at + 1, len(tag), len(tag)
		}
		return at + 1, at + 1 + length, at + 2 + length
	}
	end = at
	for end < len(tag) && !isSpace(tag[end]) && tag[end] != '>' {
		end++
	}
	return at, end, end
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

// beforeEnd puts more at the end of what a document shows.
func beforeEnd(document, more string) string {
	at, end := 0, len(document)
	z := html.NewTokenizer(strings.NewReader(document))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return document[:end] + more + document[end:]
		}
		length := len(z.Raw())
		if name, _ := z.TagName(); kind == html.EndTagToken && string(name) == "body" {
			end = at
		}
		at += length
	}
}
