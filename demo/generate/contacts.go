package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// How much there is of everything.
const (
	people     = 2560 // different contacts
	repeated   = 32   // lines that name one of them again
	firstIssue = 4101 // the first customer number
)

// person is one line of the file.
type person struct {
	id, email, phone, first, last, language, zone, country, plan, coupon, city string

	abroad bool // the phone number can be read without the country
}

func (p person) fields() []string {
	return []string{p.id, p.email, p.phone, p.first, p.last, p.language, p.zone, p.country, p.plan, p.coupon, p.city}
}

// generator makes one choice after the other, always the same ones: a PCG's
// numbers are the same in every version of Go.
type generator struct {
	random *rand.PCG
	places []place
	wheel  []int       // indexes of places, each as often as it weighs
	used   map[int]int // telephone numbers given out, by place
	out    bytes.Buffer
}

// below is a number from 0 to n-1.
func (g *generator) below(n int) int { return int(g.random.Uint64() % uint64(n)) }

// oneIn is true once in n times.
func (g *generator) oneIn(n int) bool { return g.below(n) == 0 }

func pick[T any](g *generator, from []T) T { return from[g.below(len(from))] }

// generate makes the file.
func generate() []byte {
	g := &generator{random: rand.NewPCG(2026, 4), places: places(), used: make(map[int]int)}
	for i, p := range g.places {
		for range p.weight {
			g.wheel = append(g.wheel, i)
		}
	}
	g.write([]string{"Customer ID", "E-mail", "Mobile", "First name", "Last name", "Language", "Time zone", "Country", "Plan", "Coupon", "City"})
	lines := g.lines()
	faults := faults()
	for i, p := range lines {
		g.write(p.fields())
		// Spread the faults over the file, each where nobody looks for it.
		if every := len(lines) / len(faults); i%every == every/2 && i/every < len(faults) {
			g.out.WriteString(faults[i/every] + "\n")
		}
		switch i {
		case 700, 1900:
			g.out.WriteString("\n")
		case 1300:
			g.out.WriteString(",,,,,,,,,,\n")
		}
	}
	return g.out.Bytes()
}

// lines are the good lines of the file, in its order.
func (g *generator) lines() []person {
	var lines []person
	for i := range people {
		lines = append(lines, g.person(i))
		if i > 200 && i%(people/repeated-6) == 0 && i/(people/repeated-6)-2 <= repeated {
			lines = append(lines, g.again(lines[g.below(len(lines)-100)]))
		}
	}
	return lines
}

// person makes the ith contact.
func (g *generator) person(i int) person {
	at := pick(g, g.wheel)
	where := g.places[at]
	first, firstASCII := spelled(pick(g, where.first))
	last, lastASCII := spelled(pick(g, where.last))
	p := person{
		id:       fmt.Sprintf("C-%05d", firstIssue+i),
		first:    first,
		last:     last,
		language: where.language,
		zone:     pick(g, where.zones),
		country:  where.country,
		plan:     pick(g, []string{"free", "free", "free", "plus", "plus", "business"}),
		coupon:   fmt.Sprintf("SPRING-%c%c%03d", 'A'+g.below(26), 'A'+g.below(26), g.below(1000)),
		city:     pick(g, where.cities),
	}
	p.email = fmt.Sprintf("%s.%s.%d@%s", firstASCII, lastASCII, firstIssue+i, pick(g, []string{
		"example.com", "example.com", "example.org", "example.net",
		"mail.example.com", "post.example.org", "Web.Example.NET",
	}))
	n := where.phone(g.used[at])
	g.used[at]++
	g.writePhone(&p, n)
	g.vary(&p, where)
	g.drop(&p)
	return p
}

// writePhone writes the number in one of the ways that people do.
func (g *generator) writePhone(p *person, n number) {
	p.abroad = true
	half := len(n.rest) / 2
	switch g.below(12) {
	case 0:
		p.phone, p.abroad = n.national, false
	case 1:
		p.phone = "+" + n.code + n.rest
		if slices.Contains([]string{"DE", "FR", "GB", "IT", "AT", "CH", "PL"}, p.country) {
			p.phone = "00" + n.code + n.rest // what is dialled there to call abroad
		}
	case 2:
		p.phone = "+" + n.code + " " + n.rest[:half] + " " + n.rest[half:]
	case 3:
		p.phone = "+" + n.code + "\u00A0" + n.rest[:half] + "-" + n.rest[half:]
	case 4:
		p.phone = "+" + n.code + " (" + n.rest[:2] + ") " + n.rest[2:]
	default:
		p.phone = "+" + n.code + n.rest
	}
}

// vary writes some other values as people write them.
func (g *generator) vary(p *person, where place) {
	switch g.below(150) {
	case 0:
		p.first += `, "` + strings.ToUpper(p.first[:1]) + `."`
	case 1:
		p.last = "Dr. " + p.last + ", MBA"
	case 2:
		p.city += "\n(Office, 2nd floor)"
	case 3:
		p.first, p.last = strings.ToUpper(p.first), strings.ToUpper(p.last)
	case 4:
		p.first = "  " + p.first + " "
	case 5:
		p.email = strings.ToUpper(p.email[:1]) + p.email[1:]
	case 6:
		p.email = p.email[:strings.IndexByte(p.email, '@')] + "@münchen.example.org"
	case 7:
		p.coupon = "=SPRING(" + p.coupon[len(p.coupon)-3:] + ")" // a spreadsheet would run it
	case 8, 9, 10:
		p.country = where.alias
	case 11, 12:
		p.language = strings.ReplaceAll(p.language, "-", "_")
	}
}

// drop leaves out what people don't fill in, but never the last way to know
// them.
func (g *generator) drop(p *person) {
	switch n := g.below(100); {
	case n < 20:
		p.phone = ""
	case n < 28:
		p.email = ""
	case n < 30:
		p.email, p.phone = "", ""
	case n < 36:
		p.id = ""
	}
	for _, f := range []*string{&p.first, &p.last, &p.language, &p.zone, &p.country, &p.plan, &p.coupon, &p.city} {
		if g.oneIn(14) && (f != &p.country || p.abroad) {
			*f = ""
		}
	}
}

// again is the line of somebody who is in the file already, changed a little.
func (g *generator) again(p person) person {
	p.plan = "business"
	switch {
	case p.id != "":
		p.coupon = ""
	case p.email != "":
		p.email = strings.ToUpper(p.email[:3]) + p.email[3:]
	}
	return p
}

// spelled takes a name apart: as it is written, and as it stands in an address.
func spelled(name string) (written, ascii string) {
	written, ascii, ok := strings.Cut(name, ":")
	if !ok {
		ascii = written
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.NewReplacer("ß", "ss", "œ", "oe").Replace(strings.ToLower(ascii))) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || r == '-' || r == '.' || r == '\''):
			b.WriteRune(r)
		}
	}
	return written, b.String()
}

// write adds a line, in quotes where they are needed.
func (g *generator) write(fields []string) {
	for i, f := range fields {
		if i > 0 {
			g.out.WriteByte(',')
		}
		if strings.ContainsAny(f, ",\"\n") {
			f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
		g.out.WriteString(f)
	}
	g.out.WriteByte('\n')
}

// faults are lines that something is wrong with, of every kind: some must be
// refused, the others are taken without the value that can't be kept, or as they
// were meant.
func faults() []string {
	return []string{
		// No e-mail address.
		`C-90001,anna.example.com,,Anna,No-At,de,Europe/Berlin,DE,free,SPRING-X,Berlin`,
		`C-90002,bob@@example.com,,Bob,Two-Ats,en,Europe/London,GB,free,SPRING-X,London`,
		`C-90003,carla rossi@example.org,,Carla,Space,it,Europe/Rome,IT,plus,SPRING-X,Roma`,
		`C-90004,dora@example,,Dora,No-Dot,en,America/New_York,US,plus,SPRING-X,New York`,
		`C-90005,"eva@example.com, eva@example.net",,Eva,Two-Addresses,cs,Europe/Prague,CZ,free,SPRING-X,Praha`,
		`C-90006,<frank@example.com>,,Frank,Brackets,en,America/Chicago,US,free,SPRING-X,Chicago`,
		`C-90007,gina.@example.net,,Gina,Dot,fr,Europe/Paris,FR,free,SPRING-X,Paris`,
		// No phone number.
		`C-90008,hal@example.com,+1202555,Hal,Short,en,America/New_York,US,plus,SPRING-X,New York`,
		`C-90009,ida@example.com,on request,Ida,Letters,sv,Europe/Stockholm,SE,plus,SPRING-X,Malmö`,
		`C-90010,jan@example.org,+999 123 456 789,Jan,No-Such-Code,nl,Europe/Amsterdam,NL,free,SPRING-X,Amsterdam`,
		`C-90011,kai@example.org,030 23125 999,Kai,No-Country,de,Europe/Berlin,,free,SPRING-X,Berlin`,
		`C-90012,lea@example.net,4.91713E+11,Lea,Spreadsheet,de,Europe/Berlin,DE,business,SPRING-X,Köln`,
		`C-90013,max@example.net,+44 7700 900123 900124,Max,Long,en,Europe/London,GB,free,SPRING-X,London`,
		// Too many and too few fields.
		`C-90014,nia@example.com,,Nia,Jones, PhD,en,Europe/London,GB,free,SPRING-X,London`,
		`C-90015,ole@example.com,,Ole,Few,nb`,
		// Quotes.
		`C-90016,pia@example.com,,Pia "Pi" Stray,Quote,de,Europe/Vienna,AT,free,SPRING-X,Wien`,
		`C-90017,quinn@example.com,,"Quinn,Open,en,Europe/Dublin,IE,free,SPRING-X,Cork`,
		`C-90018,rosa@example.org,,"Rosa"lia,After,es,Europe/Madrid,ES,plus,SPRING-X,Madrid`,
		// No language, no time zone, no country.
		`C-90019,sam@example.com,,Sam,Language,English,America/Denver,US,free,SPRING-X,Denver`,
		`C-90020,tom@example.com,,Tom,Language,de-DE-,Europe/Berlin,DE,free,SPRING-X,Berlin`,
		`C-90021,uma@example.net,,Uma,Zone,hi,Bombay,IN,free,SPRING-X,Mumbai`,
		`C-90022,vic@example.net,,Vic,Zone,pt-PT,UTC+1,PT,free,SPRING-X,Lisboa`,
		`C-90023,wim@example.org,,Wim,Country,nl,Europe/Amsterdam,Atlantis,plus,SPRING-X,Amsterdam`,
		// Nothing to know them by.
		`,,,Xenia,Nothing,el,Europe/Athens,GR,free,SPRING-X,Athens`,
		`,  ,,Yves,Nothing,fr,Europe/Paris,FR,free,SPRING-X,Paris`,
		// No text.
		"C-90026,zac@example.com,,Z\xE9phyr,Latin-1,fr,Europe/Paris,FR,plus,SPRING-X,Paris",
		"C-90027,amy@example.com,,Amy\x1B[31m,Control,en,Europe/London,GB,free,SPRING-X,London",
		`C-` + strings.Repeat("9", 260) + `,ben@example.com,,Ben,Endless,en,Europe/London,GB,free,SPRING-X,London`,
	}
}
