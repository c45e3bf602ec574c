package tracking

import (
	"cmp"
	"iter"
	"regexp"
	"slices"
	"strings"

	"carillon/providers"
)

// Open stands in the address of a link for what is each recipient's own.
const Open = "\ue000"

// mostLinks bounds the links that a run tells apart; all others are its other links.
const mostLinks = 1000

// Other is the number of all links that a run does not tell apart: such as those that a
// snippet or a loop writes, unless they are in the data feed.
const Other = 0

// Table are the links of a run, which have numbers from 1 on. An address in it is as it
// stands in the content, with Open for each piece of Liquid.
type Table struct {
	addresses []string
	fixed     map[string]int // the numbers of those without Open
	open      []pattern
}

// pattern is an address that is not the same for everybody.
type pattern struct {
	number  int
	parts   []string // what stands between the pieces
	literal int      // bytes of that
}

// NewTable makes the table of addresses that are numbered in their order.
func NewTable(addresses []string) *Table {
	t := &Table{addresses: addresses, fixed: map[string]int{}}
	for i, address := range addresses {
		if !strings.Contains(address, Open) {
			t.fixed[address] = i + 1
			continue
		}
		p := pattern{number: i + 1, parts: strings.Split(address, Open)}
		p.literal = len(address) - len(Open)*(len(p.parts)-1)
		t.open = append(t.open, p)
	}
	slices.SortStableFunc(t.open, func(a, b pattern) int { return cmp.Compare(b.literal, a.literal) })
	return t
}

// Len is how many links it tells apart.
func (t *Table) Len() int { return len(t.addresses) }

// Address is the address of a number; empty for Other and for what there is not.
func (t *Table) Address(number int) string {
	if number < 1 || number > len(t.addresses) {
		return ""
	}
	return t.addresses[number-1]
}

// Fixed is the address of a number if it is the same for everybody.
func (t *Table) Fixed(number int) (address string, ok bool) {
	address = t.Address(number)
	return address, address != "" && !strings.Contains(address, Open)
}

// Number is the number of an address as somebody has it; Other if it is none of the table.
func (t *Table) Number(address string) int {
	if n, ok := t.fixed[address]; ok {
		return n
	}
	for _, p := range t.open {
		if p.matches(address) {
			return p.number
		}
	}
	return Other
}

func (p pattern) matches(address string) bool {
	last := len(p.parts) - 1
	rest, ok := strings.CutPrefix(address, p.parts[0])
	if !ok {
		return false
	}
	for _, part := range p.parts[1:last] {
		at := strings.Index(rest, part)
		if at < 0 {
			return false
		}
		rest = rest[at+len(part):]
	}
	return strings.HasSuffix(rest, p.parts[last])
}

// liquidPiece is a piece of Liquid.
var liquidPiece = regexp.MustCompile(`(?s)\{%-?\s*comment\s*-?%\}.*?\{%-?\s*endcomment\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}`)

// Collect are the addresses of the links of contents that are Liquid still, each once and
// in their order, as a Table has them.
func Collect(contents []providers.Content) []string {
	var list []string
	known := map[string]bool{}
	add := func(address string) {
		if isWhole := strings.Trim(address, Open) == ""; !isWhole && !known[address] && len(list) < mostLinks {
			known[address] = true
			list = append(list, address)
		}
	}
	for _, c := range contents {
		for _, address := range Addresses(Visible(c), "") {
			add(address)
		}
	}
	return list
}

// CollectFixed are the web addresses among texts, such as those of a data feed, that are not
// known yet, as many as a Table has room for beside those.
func CollectFixed(known []string, texts iter.Seq[string]) []string {
	var list []string
	has := make(map[string]bool, len(known))
	for _, address := range known {
		has[address] = true
	}
	for text := range texts {
		if len(known)+len(list) >= mostLinks {
			break
		}
		if address := strings.TrimSpace(text); isWeb(address) && !has[address] {
			has[address] = true
			list = append(list, address)
		}
	}
	return list
}

// Visible is a content with Open for each piece of Liquid.
func Visible(c providers.Content) providers.Content {
	hide := func(text string) string { return liquidPiece.ReplaceAllString(text, Open) }
	c.Text, c.HTML = hide(c.Text), hide(c.HTML)
	c.Buttons = slices.Clone(c.Buttons)
	for i := range c.Buttons {
		c.Buttons[i].Info = hide(c.Buttons[i].Info)
	}
	return c
}

// Shown is an address of a table for people.
func Shown(address string) string { return strings.ReplaceAll(address, Open, "…") }
