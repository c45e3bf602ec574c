package contacts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"carillon/contacts/csvfile"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/internal/fault"
)

// Proposal is a property that an upload makes of a column.
type Proposal struct {
	Column string        `json:"column"`
	Key    string        `json:"key"`
	Type   property.Type `json:"type"`
	// Values is how many lines have one.
	Values int64 `json:"values"`
	// Note says what is to be known of the type; may be empty.
	Note string `json:"note,omitempty"`
}

// Property is what is proposed.
func (p Proposal) Property(accountID int64) property.Property {
	return property.Property{AccountID: accountID, Key: p.Key, Label: p.Column, Type: p.Type, Editable: true}
}

// properties makes properties of the columns that would be kept for templates alone, with
// the types that all of their values have, and returns them. A dry run proposes them and makes
// none. A process that was killed on the way begins anew: what is a property by now is no
// column of that kind any more.
func (im *Importer) properties(ctx context.Context, upload Upload) ([]Proposal, error) {
	proposed, err := im.guess(ctx, upload)
	if err != nil || len(proposed) == 0 {
		return nil, err
	}
	if err := im.store.ProposeProperties(ctx, upload.ID, proposed); err != nil || upload.Options.DryRun {
		return proposed, err
	}
	for _, p := range proposed {
		c, err := property.Compile(p.Property(upload.AccountID))
		if err != nil {
			return nil, err
		}
		if _, err := im.store.CreateProperty(ctx, c.Property); err != nil && !fault.Is(err, fault.Conflict) {
			return nil, err
		}
	}
	return proposed, nil
}

// guess reads the whole file for the types of its extra columns.
func (im *Importer) guess(ctx context.Context, upload Upload) ([]Proposal, error) {
	opts, _, err := im.csv(ctx, upload.AccountID, upload.Options, nil)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, a := range opts.Attributes {
		known[a.Key] = true
	}
	reader, err := csvfile.Open(&chunkReader{ctx: ctx, store: im.store, uploadID: upload.ID}, opts)
	if err != nil {
		return nil, err
	}
	columns := freeColumns(reader)
	guesses := make([]*property.Guess, len(columns))
	extra := make([]int, len(columns))
	for i, c := range columns {
		guesses[i], extra[i] = property.NewGuess(upload.Options.formats()), slices.Index(reader.ExtraKeys(), c.Key)
	}
	for len(columns) > 0 {
		row, err := reader.Next()
		var refused *csvfile.LineError
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.As(err, &refused) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for i := range columns {
			guesses[i].Add(row.Extra[extra[i]])
		}
	}
	var proposed []Proposal
	for i, c := range columns {
		if guesses[i].Values() == 0 || len(known) >= MaxProperties {
			continue
		}
		p := Proposal{Column: c.Header, Values: int64(guesses[i].Values())}
		if p.Type, p.Note = guesses[i].Type(); p.Type == property.Number && property.Coded(c.Header) {
			p.Type, p.Note = property.Text, "digits that are no number to reckon with, by the column's name"
		}
		p.Key = property.KeyOf(c.Key)
		for n := 2; known[p.Key]; n++ {
			p.Key = fmt.Sprintf("%s_%d", property.KeyOf(c.Key), n)
		}
		known[p.Key] = true
		proposed = append(proposed, p)
	}
	return proposed, nil
}

// freeColumns are the columns of which properties can be made: those that nobody mapped,
// whose names are no other column's.
func freeColumns(reader *csvfile.Reader) []csvfile.Column {
	columns := reader.Columns()
	return slices.DeleteFunc(slices.Clone(columns), func(c csvfile.Column) bool {
		name := value.Squash(c.Header)
		return c.Field != csvfile.FieldExtra || c.ByHand() || name == "" || slices.ContainsFunc(columns, func(other csvfile.Column) bool {
			return other.Index != c.Index && value.Squash(other.Header) == name
		})
	})
}

// signsOf are what the values of a column say about their formats.
type signsOf func(csvfile.Column) property.Signs

// sampled reads them from the first lines of a file.
func sampled(reader *csvfile.Reader) signsOf {
	return func(c csvfile.Column) (signs property.Signs) {
		for _, cell := range reader.Sample(c.Index) {
			signs.Read(cell)
		}
		return signs
	}
}

// listen has them counted while a file is read, for the properties that it may say something
// about.
func listen(attributes []csvfile.Attribute, properties PropertySet, proposed []Proposal) signsOf {
	heard := map[string]*property.Signs{}
	for i := range attributes {
		a := &attributes[i]
		if date, number := formatted(a.Key, properties, proposed); !date && !number {
			continue
		}
		signs, parse := &property.Signs{}, a.Parse
		heard[a.Key] = signs
		a.Parse = func(cell string) (value, reason string) {
			signs.Read(cell)
			return parse(cell)
		}
	}
	return func(c csvfile.Column) (signs property.Signs) {
		if known := heard[c.Key]; known != nil {
			signs = *known
		}
		return signs
	}
}

// formatted says whether a property's values are dates or numbers, which files write in more
// than one way. One that an upload makes may be a text because nobody could tell.
func formatted(key string, properties PropertySet, proposed []Proposal) (date, number bool) {
	if slices.ContainsFunc(proposed, func(p Proposal) bool { return p.Key == key }) {
		return true, true
	}
	p := properties[key]
	return p != nil && p.Type == property.Date, p != nil && p.Type.Comparison() == property.AsNumber
}

// notices are what is to be known of a file: how it was read, columns that no rule can use,
// and dates and numbers that could be read better.
func (o ImportOptions) notices(reader *csvfile.Reader, properties PropertySet, proposed []Proposal, signs signsOf) []string {
	notices := []string{}
	for _, notice := range reader.Notices() {
		notices = append(notices, notice.Message)
	}
	free := freeColumns(reader)
	if len(free) > 0 && !o.Properties {
		var names []string
		for _, c := range free {
			names = append(names, fmt.Sprintf("%q", c.Header))
		}
		notices = append(notices, fmt.Sprintf("kept for templates alone, where no rule can use it: %s; --properties makes properties of such columns",
			firstOf(names)))
	}
	for _, c := range reader.Columns() {
		date := o.Properties && slices.Contains(free, c)
		number := date
		if c.Field == csvfile.FieldAttribute {
			date, number = formatted(c.Key, properties, proposed)
		}
		if date && o.Dates == "" {
			notices = append(notices, dateNotice(c, signs(c))...)
		}
		if number && o.Decimal == "" {
			notices = append(notices, numberNotice(c, signs(c), reader.Separator())...)
		}
	}
	return notices
}

// dateNotice says how the dates of a column are to be read, if that has to be said.
func dateNotice(c csvfile.Column, signs property.Signs) []string {
	order := signs.Dates()
	switch {
	case signs.Unsure == 0 && (signs.MonthFirst == 0 || order == ""):
		return nil
	case order == property.DayFirst:
		return []string{fmt.Sprintf("%q has its dates with the day first, such as %s: --dates dmy takes them", c.Header, signs.Date)}
	case order == property.MonthFirst:
		return []string{fmt.Sprintf("%q has its dates with the month first, such as %s: --dates mdy takes them", c.Header, signs.Date)}
	}
	return []string{fmt.Sprintf("%q has dates such as %s, of which nobody can tell the day: say --dates dmy, or --dates mdy", c.Header, signs.Date)}
}

// numberNotice says how the numbers of a column are to be read, if that has to be said.
// Who separates columns by semicolons does so because commas stand in the numbers.
func numberNotice(c csvfile.Column, signs property.Signs, separator byte) []string {
	decimal, why := signs.Decimal(), "as its other numbers"
	switch {
	case signs.Either == 0:
		return nil
	case decimal == "" && signs.Comma+signs.Point == 0 && separator == ';':
		decimal, why = ",", "as in most files with semicolons between the columns"
	case decimal == "":
		return []string{fmt.Sprintf("%q has numbers such as %s, which may mean a thousand or a fraction: say --decimal , or --decimal .",
			c.Header, signs.Number)}
	}
	return []string{fmt.Sprintf("%q has numbers such as %s: --decimal %s reads a %s before the fraction, %s", c.Header, signs.Number, decimal,
		map[string]string{",": "comma", ".": "point"}[decimal], why)}
}

// firstOf lists the first of many names.
func firstOf(names []string) string {
	const most = 10
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

func (o ImportOptions) formats() property.Formats {
	return property.Formats{Dates: o.Dates, Decimal: o.Decimal}
}
