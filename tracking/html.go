package tracking

import (
	"strings"

	"golang.org/x/net/html"
)

// span is where the address of a link stands in a text or a document.
type span struct {
	start, end int
	address    string
}

// inHTML are the web addresses of the links of a document, which are the href of a and area,
// in their order, and where the document ends to be shown: before the last </body>.
func inHTML(document string) (list []span, end int) {
	at := 0 // where the token begins
	end = len(document)
	z := html.NewTokenizer(strings.NewReader(document))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return list, end
		}
		begin := at
		at += len(z.Raw())
		raw := document[begin:at]
		switch kind {
		case html.EndTagToken:
			if len(raw) > len("</body") && strings.EqualFold(raw[:len("</body")], "</body") {
				if name, _ := z.TagName(); string(name) == "body" {
					end = begin
				}
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			if raw[1] != 'a' && raw[1] != 'A' {
				continue
			}
			value, ok := linkOf(z)
			if !ok {
				continue
			}
			address := strings.TrimSpace(value)
			from, to, found := hrefAt(raw)
			if found && isWeb(address) && (raw[from:to] == value || isHref(raw, from, to)) {
				list = append(list, span{begin + from, begin + to, address})
			}
		default:
		}
	}
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
