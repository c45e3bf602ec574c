package email

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/vanng822/go-premailer/premailer"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"carillon/internal/fault"
)

// keepMark is the attribute of a style element whose rules stay where they are; it is
// go-premailer's.
const keepMark = "data-premailer"

// inline writes the rules of style elements into the elements that they are for, as
// many mail readers want it. HTML without style elements stays as it is, and so does a
// style element with Liquid in it, for nobody knows what its rules will be.
func inline(source string) (string, error) {
	if !strings.Contains(strings.ToLower(source), "<style") {
		return source, nil
	}
	s, safe := shielded("html", source)
	doc, err := html.Parse(strings.NewReader(safe))
	if err != nil {
		return "", fault.InvalidField("html", nil, "can't be read: %s", err)
	}
	rules := s.rules(doc)
	if work := workOf(doc, rules); work > maxMatching {
		return "", fault.InvalidField("html", nil,
			"its styles would take too long to write into its elements: write fewer selectors, with fewer names behind each other, or <style %s=\"ignore\">", keepMark)
	}
	if !strings.Contains(strings.ToLower(source), "<tbody") {
		unwrap(doc, atom.Tbody) // the parser's own: a loop around rows would begin outside of it and end within
	}
	document, err := transform(doc)
	if err != nil {
		return "", fault.InvalidField("html", nil,
			"its styles can't be written into its elements (%s): correct them, or write <style %s=\"ignore\">", err, keepMark)
	}
	return s.restore(document)
}

func transform(doc *html.Node) (document string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	options := premailer.NewOptions(premailer.WithKeepBangImportant(true))
	return premailer.NewPremailer(goquery.NewDocumentFromNode(doc), options).Transform()
}

// rules are the texts of the styles that are written into elements; the others are
// marked.
func (s *shield) rules(doc *html.Node) []string {
	var rules []string
	each(doc, 0, func(n *html.Node, _ int) {
		if n.DataAtom != atom.Style || n.FirstChild == nil {
			return
		}
		text := n.FirstChild.Data
		if len(s.pieces) > 0 && s.token.MatchString(text) {
			n.Attr = append(n.Attr, html.Attribute{Key: keepMark, Val: "ignore"})
			return
		}
		rules = append(rules, text)
	})
	return rules
}

// unwrap takes elements out of a document, and leaves what is in them.
func unwrap(n *html.Node, name atom.Atom) {
	for child := n.FirstChild; child != nil; {
		unwrap(child, name)
		next := child.NextSibling
		if child.DataAtom == name {
			replace(child)
		}
		child = next
	}
}

// each calls does for every element with its depth.
func each(n *html.Node, depth int, does func(n *html.Node, depth int)) {
	if n.Type == html.ElementNode {
		does(n, depth)
	}
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		each(child, depth+1, does)
	}
}

// maxMatching bounds the steps of matching selectors: some seconds.
const maxMatching = 5e8

var (
	selectorList = regexp.MustCompile(`([^{}]+)\{`)
	combinator   = regexp.MustCompile(`[^\s>+~]+`)
)

// workOf is how many steps it may take to match all selectors: a selector of several
// names tries every way to find them among an element's ancestors.
func workOf(doc *html.Node, rules []string) float64 {
	var depths []int
	each(doc, 0, func(_ *html.Node, depth int) {
		for len(depths) <= depth {
			depths = append(depths, 0)
		}
		depths[depth]++
	})
	elements := 0
	for _, n := range depths {
		elements += n
	}
	work := 0.0
	for _, text := range rules {
		for _, m := range selectorList.FindAllStringSubmatch(text, -1) {
			for selector := range strings.SplitSeq(m[1], ",") {
				names := len(combinator.FindAllStringIndex(selector, -1))
				steps := 0.0
				for depth, n := range depths {
					steps += float64(n) * ways(depth, names-1)
				}
				if strings.ContainsAny(selector, ":~+") {
					steps *= float64(elements)
				}
				if work += steps; work > maxMatching {
					return work
				}
			}
		}
	}
	return work
}

// ways is in how many ways names can be found among as many ancestors.
func ways(ancestors, names int) float64 {
	n := 1.0
	for i := range max(0, min(names, ancestors)) {
		n *= float64(ancestors-i) / float64(i+1)
		if n > maxMatching {
			break
		}
	}
	return max(n, 1)
}
