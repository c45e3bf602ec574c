package email

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/inbucket/html2text"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// textOf makes a text part of HTML, with the Liquid that prints or decides there.
func textOf(source string) (string, error) {
	s, safe := shielded("html", source)
	doc, err := html.Parse(strings.NewReader(safe))
	if err != nil {
		return "", err
	}
	s.plain(doc)
	text, err := textify(doc)
	if err != nil {
		return "", err
	}
	// What stands in attributes and styles is not in a text.
	text, _ = s.restore(text)
	return text, nil
}

func textify(doc *html.Node) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return html2text.FromHTMLNode(doc)
}

// plain makes a document ready to be read as text: the tokens of Liquid are texts
// again, headings and what is bold have no ornaments, and what is never shown is gone.
func (s *shield) plain(n *html.Node) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		switch {
		case child.Type == html.CommentNode:
			piece, ok := s.piece("<!--" + child.Data + "-->")
			if ok = ok && strings.TrimSpace(child.Data) == s.prefix+strconv.Itoa(piece)+"c"; ok && !s.pieces[piece].idle {
				child.Type, child.Data = html.TextNode, strings.TrimSpace(child.Data)
			} else {
				n.RemoveChild(child)
			}
		case child.Type == html.ElementNode && unseen(child):
			n.RemoveChild(child)
		case child.Type == html.ElementNode:
			switch child.DataAtom {
			case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
				child.Data, child.DataAtom = "p", atom.P
			case atom.B, atom.Strong, atom.I, atom.Em, atom.U, atom.Span, atom.Font, atom.Small, atom.Sub, atom.Sup:
				// Their words belong to those around them.
				if child.FirstChild != nil {
					next = child.FirstChild
				}
				replace(child)
				child = next
				continue
			default:
			}
			s.plain(child)
		default:
		}
		child = next
	}
	join(n)
}

// join makes one text of those that stand beside each other: between two, a space
// would be written.
func join(n *html.Node) {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		for next := child.NextSibling; child.Type == html.TextNode && next != nil && next.Type == html.TextNode; next = child.NextSibling {
			child.Data += next.Data
			n.RemoveChild(next)
		}
	}
}

// replace puts what is in an element in its place.
func replace(n *html.Node) {
	for inner := n.FirstChild; inner != nil; inner = n.FirstChild {
		n.RemoveChild(inner)
		n.Parent.InsertBefore(inner, n)
	}
	n.Parent.RemoveChild(n)
}

// unseen says whether an element shows nothing.
func unseen(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Style, atom.Script, atom.Template, atom.Title:
		return true
	default:
	}
	for _, a := range n.Attr {
		if a.Key == "style" && strings.Contains(strings.ReplaceAll(strings.ToLower(a.Val), " ", ""), "display:none") {
			return true
		}
	}
	return false
}
