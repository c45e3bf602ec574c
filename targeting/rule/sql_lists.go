package rule

import (
	"encoding/json"
	"strings"

	"carillon/contacts/property"
)

// listArg is values as one argument for inMark.
func (c *compiler) listArg(f Field, values []Value) any {
	numbers := f.Compare == AsNumber || f.Compare == AsID
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i] = v.Text; !numbers {
			texts[i] = folded(f, v, c.calendar)
		}
	}
	switch {
	case c.dialect == Postgres && numbers:
		return "{" + strings.Join(texts, ",") + "}"
	case c.dialect == Postgres:
		return texts
	case numbers:
		return "[" + strings.Join(texts, ",") + "]"
	}
	b, err := json.Marshal(texts)
	if err != nil {
		panic("a list of strings always marshals: " + err.Error())
	}
	return string(b)
}

// ids is like listArg, or one id.
func (c *compiler) ids(column string, f Field, values []Value) {
	if len(values) == 1 {
		c.write(column+" = ?", values[0].id())
		return
	}
	c.write(column+" "+c.inMark(f), c.listArg(f, values))
}

func (c *compiler) membership(f Field, o Operator, values []Value) {
	if o == IsNull || o == IsEmpty {
		c.write("NOT ")
		c.subquery(func() {
			c.write("SELECT 1 FROM members m JOIN lists l ON l.id = m.list_id WHERE m.contact_id = c.id AND l.kind = ?", f.Key)
		})
		return
	}
	c.subquery(func() {
		c.write("SELECT 1 FROM members m WHERE m.contact_id = c.id AND ")
		c.ids("m.list_id", f, values)
	})
}

func (c *compiler) campaign(o Operator, values []Value) {
	if o == IsNull || o == IsEmpty {
		c.write("NOT ")
		c.subquery(func() {
			c.write("SELECT 1 FROM messages m WHERE m.contact_id = c.id AND m.contact_id > 0 AND m.sent_at IS NOT NULL AND m.run_id > 0")
		})
		return
	}
	c.subquery(func() {
		c.write("SELECT 1 FROM messages m WHERE m.run_id > 0 AND m.run_id IN (SELECT r.id FROM runs r WHERE r.account_id = ? AND ", c.moment.AccountID)
		c.ids("r.campaign_id", Field{Compare: AsID}, values)
		c.write(") AND m.contact_id = c.id AND m.sent_at IS NOT NULL")
	})
}

// received counts messages; there is always a number.
// engaged are messages with what was done with them.
const engaged = "messages m JOIN engagement e ON e.message_id = m.id"

func (c *compiler) received(f Field, o Operator, values []Value) {
	if o == IsNull || o == IsEmpty {
		c.write("FALSE")
		return
	}
	since := c.moment.Now.AddDate(0, 0, -f.Days).UnixMilli()
	messages, at := "messages m", "m.sent_at"
	if f.Source == Engaged {
		messages, at = engaged, "m.sent_at IS NOT NULL AND e."+f.Key
	}
	c.write("EXISTS (SELECT 1 FROM (SELECT COUNT(*) AS n FROM "+messages+" WHERE m.contact_id = c.id AND m.contact_id > 0 AND "+at+" > ?) m WHERE ", since)
	c.test(f, "m.n", o, values)
	c.write(")")
}

// targeting writes the rules of the lists in place.
func (c *compiler) targeting(values []Value, depth int) {
	c.write("(")
	c.balanced(len(values), " OR ", func(i int) {
		inner, ok := c.moment.Lists[values[i].id()]
		if !ok || depth >= MaxDepth {
			if ok {
				c.err = tooLarge()
			}
			c.write("FALSE")
			return
		}
		c.rule(inner, depth+1)
	})
	c.write(")")
}

// SetSQL is the value of a collection on PostgreSQL, of the table or alias t: an
// array that a GIN index may have.
func SetSQL(f Field, t string) string {
	if t != "" {
		t += "."
	}
	return "(" + t + "folded -> '" + attributePrefix + f.Key + "')"
}

// set writes a condition on a collection: positive operators hold if one of its
// texts has what is asked for.
func (c *compiler) set(f Field, o Operator, values []Value) {
	elements := SetSQL(f, "c")
	isArray := c.pick(
		"json_type(c.folded, '$.\""+attributePrefix+f.Key+"\"') = 'array'",
		"jsonb_typeof("+elements+") = 'array'")
	if o == IsNull {
		c.write("NOT (COALESCE(" + isArray + ", FALSE)")
		c.live(f.Key)
		c.write(")")
		return
	}
	if o == Equal && c.dialect == Postgres {
		// Containment, which an index can serve.
		c.write("("+elements+" @> to_jsonb(?::text) AND "+elements+" IS NOT NULL", folded(f, values[0], c.calendar))
		c.live(f.Key)
		c.write(")")
		return
	}
	if o == IsEmpty {
		c.write("NOT ")
	}
	c.write("(EXISTS (SELECT 1 FROM " + c.pick(
		"json_each(c.folded, '$.\""+attributePrefix+f.Key+"\"') e WHERE "+isArray,
		"jsonb_array_elements_text(CASE WHEN "+isArray+" THEN "+elements+" ELSE '[]' END) e (value) WHERE TRUE"))
	if o != IsEmpty {
		c.write(" AND ")
		c.test(f, c.pick("e.value", `(e.value COLLATE "C")`), o, values)
	}
	c.write(")")
	c.live(f.Key)
	c.write(")")
}

// folded is a value as it is compared with stored text.
func folded(f Field, v Value, at calendar) string {
	switch f.Compare {
	case AsText, AsSet:
		return property.Fold(v.Text)
	case AsCode:
		return asciiLower(v.Text)
	case AsDate:
		return at.date(v)
	default:
		return v.Text
	}
}

// happened writes a condition on events.
func (c *compiler) happened(f Field, o Operator, values []Value) {
	if f.Compare == AsInstant {
		c.exists(o, "SELECT 1 FROM (SELECT MAX(e.at) AS at FROM contact_events e WHERE e.contact_id = c.id AND e.name = ?) m WHERE m.at IS NOT NULL", f.Key,
			func() { c.test(f, "m.at", o, values) })
		return
	}
	if o == IsNull || o == IsEmpty {
		c.write("FALSE")
		return
	}
	c.write("EXISTS (SELECT 1 FROM (SELECT COUNT(*) AS n FROM contact_events e WHERE e.contact_id = c.id AND e.name = ?", f.Key)
	if f.Days > 0 {
		c.write(" AND e.at > ?", c.moment.Now.AddDate(0, 0, -f.Days).UnixMilli())
	}
	c.write(") m WHERE ")
	c.test(f, "m.n", o, values)
	c.write(")")
}
