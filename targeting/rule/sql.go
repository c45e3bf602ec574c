package rule

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"carillon/internal/fault"
)

// Dialect is the database that SQL is made for.
type Dialect int

// The dialects.
const (
	SQLite Dialect = iota
	Postgres
)

// Fragment is a piece of SQL with a ? for each of its arguments.
type Fragment struct {
	SQL  string
	Args []any
}

// SQL compiles the rule into a condition over c, an alias of contacts. It is
// true or false and never NULL, so that NOT means what it says. Whatever came
// from a user is among the arguments; the names of properties, which have
// letters, digits and _ alone, are not, because an index is found by its text.
// The error is Invalid: with the lists inside it the rule is too large.
func (r Rule) SQL(d Dialect, m Moment) (Fragment, error) {
	c := compiler{dialect: d, moment: m}
	c.rule(r, 1)
	if c.err != nil {
		return Fragment{}, c.err
	}
	return Fragment{c.b.String(), c.args}, nil
}

// compiler writes a fragment from left to right.
type compiler struct {
	dialect    Dialect
	moment     Moment
	calendar   calendar
	conditions int
	// joined counts the subqueries that PostgreSQL may turn into joins.
	joined int
	b      strings.Builder
	args   []any
	err    error
}

func (c *compiler) write(sql string, args ...any) {
	c.b.WriteString(sql)
	c.args = append(c.args, args...)
}

// pick is the text for the dialect.
func (c *compiler) pick(sqlite, postgres string) string {
	if c.dialect == Postgres {
		return postgres
	}
	return sqlite
}

// tooLarge is the error for a rule that grew beyond its bounds by the lists
// inside it.
func tooLarge() error {
	return fault.InvalidField(Root, nil,
		"with the targeting lists inside it, it has more than %d conditions or stands deeper than %d groups: use fewer lists inside lists", MaxExpanded, MaxDepth)
}

func (c *compiler) rule(r Rule, depth int) {
	if r.Root == nil {
		c.write("FALSE")
		return
	}
	outer := c.calendar
	c.calendar = newCalendar(r.Timezone, c.moment.Now)
	c.group(r.Root, depth)
	c.calendar = outer
}

func (c *compiler) group(g *Group, depth int) {
	if depth > MaxDepth {
		c.err = tooLarge()
	}
	if c.err != nil {
		return
	}
	if g.Not {
		c.write("NOT ")
	}
	c.write("(")
	word := " AND "
	if g.Any {
		word = " OR "
	}
	c.balanced(len(g.Nodes), word, func(i int) {
		if n := g.Nodes[i]; n.Group != nil {
			c.group(n.Group, depth+1)
		} else {
			c.condition(n.Condition, depth)
		}
	})
	c.write(")")
}

// balanced joins n terms as a balanced tree: SQLite counts how deep an
// expression is, and a AND b AND c … is as deep as it is long.
func (c *compiler) balanced(n int, word string, term func(i int)) {
	var half func(from, to int)
	half = func(from, to int) {
		if to-from <= 8 {
			for i := from; i < to; i++ {
				if i > from {
					c.write(word)
				}
				term(i)
			}
			return
		}
		middle := (from + to) / 2
		c.write("(")
		half(from, middle)
		c.write(")" + word + "(")
		half(middle, to)
		c.write(")")
	}
	half(0, n)
}

func (c *compiler) condition(cond *Condition, depth int) {
	if c.conditions++; c.conditions > MaxExpanded {
		c.err = tooLarge()
	}
	if c.err != nil {
		return
	}
	operator, negated := cond.Operator.positive()
	if negated {
		c.write("NOT ")
	}
	f := cond.Field
	switch f.Source {
	case Membership:
		c.membership(f, operator, cond.Values)
	case Targeting:
		c.targeting(cond.Values, depth)
	case Campaign:
		c.campaign(operator, cond.Values)
	case Address:
		c.exists(operator, "SELECT 1 FROM addresses a WHERE a.contact_id = c.id AND a.kind = ?", f.Key, func() {
			c.test(f, c.pick("lower(a.address)", `lower(a.address COLLATE "C")`), operator, cond.Values)
		})
	case Activity:
		c.exists(operator, "SELECT 1 FROM (SELECT MAX(m."+f.Key+") AS at FROM messages m WHERE m.contact_id = c.id AND m.contact_id > 0"+
			" AND m.sent_at IS NOT NULL) m WHERE m.at IS NOT NULL", nil, func() { c.test(f, "m.at", operator, cond.Values) })
	case Engagement:
		c.exists(operator, "SELECT 1 FROM (SELECT MAX(e."+f.Key+") AS at FROM "+engaged+" WHERE m.contact_id = c.id AND m.contact_id > 0"+
			" AND m.sent_at IS NOT NULL) m WHERE m.at IS NOT NULL", nil, func() { c.test(f, "m.at", operator, cond.Values) })
	case Received, Engaged:
		c.received(f, operator, cond.Values)
	case Happened:
		c.happened(f, operator, cond.Values)
	case Answer, Step:
		c.err = fault.InvalidField(cond.at, f.Name, "is known within a flow alone: use it in a branch of the flow")
	case Attribute:
		if f.Compare == AsSet {
			c.set(f, operator, cond.Values)
			return
		}
		c.inline(f, attributeSQL(c.dialect, f), operator, cond.Values)
	case Changed:
		c.inline(f, c.pick("(c.attribute_changed ->> '"+f.Key+"')", "(c.attribute_changed ->> '"+f.Key+"')::bigint"), operator, cond.Values)
	default:
		c.inline(f, c.column(f), operator, cond.Values)
	}
}

// maxJoined is how many subqueries PostgreSQL may turn into joins: with one it is
// much faster to begin at a group's few members, but beyond a dozen joins it
// takes seconds to choose their order.
const maxJoined = 6

// subquery writes an EXISTS.
func (c *compiler) subquery(write func()) {
	if c.joined++; c.joined <= maxJoined || c.dialect == SQLite {
		c.write("EXISTS (")
		write()
		c.write(")")
		return
	}
	c.write("(EXISTS (")
	write()
	c.write(") IS TRUE)")
}

// column is the value of a contact's column; NULL where there is none.
func (c *compiler) column(f Field) string {
	switch f.Compare {
	case AsText:
		return c.pick("NULLIF(c.folded ->> '"+f.Key+"', '')", "NULLIF(c.folded ->> '"+f.Key+`', '') COLLATE "C"`)
	case AsCode:
		return c.pick("NULLIF(lower(c."+f.Key+"), '')", "NULLIF(lower(c."+f.Key+` COLLATE "C"), '')`)
	default:
		return "c." + f.Key
	}
}

// AttributeSQL is the value of a property as rules compare it, of the table or
// alias t: the expression that an index must have to serve them. It is NULL
// where there is no value. ok is false for collections, which have no such
// expression.
func AttributeSQL(d Dialect, p Field, t string) (sql string, ok bool) {
	if p.Source != Attribute || p.Compare == AsSet {
		return "", false
	}
	if t != "" {
		t += "."
	}
	folded, key := "'"+attributePrefix+p.Key+"'", "'"+p.Key+"'"
	attributes := t + "attributes"
	switch p.Compare {
	case AsNumber:
		if d == Postgres {
			return "(CASE WHEN jsonb_typeof(" + attributes + " -> " + key + ") = 'number' THEN (" + attributes + " ->> " + key + ")::numeric END)", true
		}
		return "(CASE WHEN json_type(" + attributes + `, '$."` + p.Key + `"') IN ('integer', 'real') THEN ` + attributes + " ->> " + key + " END)", true
	case AsBoolean:
		if d == Postgres {
			return "(CASE WHEN jsonb_typeof(" + attributes + " -> " + key + ") = 'boolean' THEN " + attributes + " ->> " + key + " END)", true
		}
		return "(CASE WHEN json_type(" + attributes + `, '$."` + p.Key + `"') IN ('true', 'false') THEN ` + attributes + " -> " + key + " END)", true
	case AsDate, AsTime:
		return collated(d, attributes+" ->> "+key), true
	default:
		return collated(d, t+"folded ->> "+folded), true
	}
}

func collated(d Dialect, sql string) string {
	if d == Postgres {
		return "((" + sql + `) COLLATE "C")`
	}
	return "(" + sql + ")"
}

func attributeSQL(d Dialect, f Field) string {
	sql, _ := AttributeSQL(d, f, "c")
	return sql
}

// inline writes a condition on a value that is an expression over c. The value
// is asked for being there last, and only where the comparison has not settled
// it: expressions on JSON cost.
func (c *compiler) inline(f Field, x string, o Operator, values []Value) {
	live := func() {
		if f.Source == Attribute || f.Source == Changed {
			c.live(f.Key)
		}
	}
	if o == IsNull || o == IsEmpty {
		c.write("NOT (" + x + " IS NOT NULL")
		if o == IsEmpty && isText(f.Compare) {
			c.write(" AND " + x + " <> ''")
		}
		live()
		c.write(")")
		return
	}
	c.write("(")
	c.test(f, x, o, values)
	c.write(" AND " + x + " IS NOT NULL")
	live()
	c.write(")")
}

func isText(c Comparison) bool { return c == AsText || c == AsCode }

// live is the rest of a condition on a property: the value has not expired.
func (c *compiler) live(key string) {
	c.write(c.pick(
		" AND COALESCE(c.attribute_expiry ->> '"+key+"' > ?, TRUE)",
		" AND COALESCE((c.attribute_expiry ->> '"+key+"')::bigint > ?, TRUE)"), c.moment.Now.UnixMilli())
}

// exists writes a condition on a value that a subquery yields: the subquery with
// its argument, then a test of the value.
func (c *compiler) exists(o Operator, subquery string, arg any, test func()) {
	negate := o == IsNull || o == IsEmpty
	if negate {
		c.write("NOT ")
	}
	c.subquery(func() {
		c.write(subquery)
		if arg != nil {
			c.args = append(c.args, arg)
		}
		if o != IsNull {
			c.write(" AND ")
			test()
		}
	})
}

// test compares x, which may be NULL, and may itself be NULL then. IsEmpty
// tests for the opposite, a value that is not empty.
func (c *compiler) test(f Field, x string, o Operator, values []Value) {
	switch {
	case o == IsEmpty && isText(f.Compare):
		c.write(x + " <> ''")
	case o == IsEmpty:
		c.write(x + " IS NOT NULL")
	case f.Compare == AsInstant:
		c.testInstant(x, o, values)
	case o == Equal || o == Less || o == LessOrEqual || o == Greater || o == GreaterOrEqual:
		c.write(x+" "+signs[o]+" "+c.mark(f), c.arg(f, values[0]))
	case o == Between:
		c.write(x+" BETWEEN "+c.mark(f)+" AND "+c.mark(f), c.arg(f, values[0]), c.arg(f, values[1]))
	case o == In:
		c.write(x+" "+c.inMark(f), c.listArg(f, values))
	default:
		c.testPart(x, o, c.arg(f, values[0]).(string))
	}
}

var signs = map[Operator]string{Equal: "=", Less: "<", LessOrEqual: "<=", Greater: ">", GreaterOrEqual: ">="}

func (c *compiler) testInstant(x string, o Operator, values []Value) {
	first := c.calendar.span(values[0])
	switch o {
	case Less:
		c.write(x+" < ?", first.from)
	case LessOrEqual:
		c.write(x+" < ?", first.until)
	case Greater:
		c.write(x+" >= ?", first.until)
	case GreaterOrEqual:
		c.write(x+" >= ?", first.from)
	case Between:
		c.write(x+" BETWEEN ? AND ?", first.from, c.calendar.span(values[1]).until-1)
	default:
		c.write("(")
		c.balanced(len(values), " OR ", func(i int) {
			at := c.calendar.span(values[i])
			c.write(x+" BETWEEN ? AND ?", at.from, at.until-1)
		})
		c.write(")")
	}
}

// testPart compares a part of a text. LIKE is not used: it folds case in its own
// way on SQLite, and a pattern would need escaping.
func (c *compiler) testPart(x string, o Operator, part string) {
	switch {
	case part == "":
		c.write(x + " IS NOT NULL")
	case o == Contains:
		c.write(c.pick("instr("+x+", ?) > 0", "strpos("+x+", ?) > 0"), part)
	case o == EndsWith:
		if c.dialect == Postgres {
			c.write("right("+x+", ?::int) = ?", utf8.RuneCountInString(part), part)
		} else {
			c.write("substr("+x+", ?) = ?", -utf8.RuneCountInString(part), part)
		}
	default: // as a range, which an index can serve
		c.write(x+" >= ?", part)
		if next := successor(part); next != "" {
			c.write(" AND "+x+" < ?", next)
		}
	}
}

// successor is the first text behind every text that begins with s; empty if
// there is none.
func successor(s string) string {
	for s != "" {
		last, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
		if last == utf8.MaxRune {
			continue
		}
		last++
		if last == 0xD800 { // surrogates are no characters
			last = 0xE000
		}
		return s + string(last)
	}
	return ""
}

// mark is the placeholder of one value.
func (c *compiler) mark(f Field) string {
	if c.dialect == Postgres && f.Compare == AsNumber && !f.Integer {
		return "?::numeric"
	}
	return "?"
}

// inMark follows a value: true where it is in the list of listArg.
func (c *compiler) inMark(f Field) string {
	if c.dialect == SQLite {
		return "IN (SELECT value FROM json_each(?))"
	}
	switch {
	case f.Compare == AsNumber && !f.Integer:
		return "= ANY(?::numeric[])"
	case f.Compare == AsNumber || f.Compare == AsID:
		return "= ANY(?::bigint[])"
	default:
		return "= ANY(?::text[])"
	}
}

// arg is a value as the database takes it.
func (c *compiler) arg(f Field, v Value) any {
	switch f.Compare {
	case AsNumber:
		switch {
		case f.Integer:
			n, _ := strconv.ParseInt(v.Text, 10, 64) // normal form
			return n
		case c.dialect == Postgres:
			return v.Text
		default:
			return v.number()
		}
	default:
		return folded(f, v, c.calendar)
	}
}
