package contacts

import (
	"slices"

	"carillon/contacts/csvfile"
)

// maxFaults bounds the kinds of faults that are counted of an upload.
const maxFaults = 200

// Fault is what is wrong with the values of one column, and how often.
type Fault struct {
	// Column is the column as a mapping names it; empty if it is about whole lines.
	Column string `json:"column,omitempty"`
	// Field is what the column is, as in RefusedLine.
	Field string `json:"field,omitempty"`
	Code  string `json:"code"`
	// Reason is that of the first.
	Reason string `json:"reason"`
	// Refused counts values that cost their lines, LeftOut those that cost no more than
	// themselves.
	Refused int64 `json:"refused,omitempty"`
	LeftOut int64 `json:"left_out,omitempty"`
}

// Remedy is what to do about a fault.
type Remedy string

// The remedies.
const (
	Correct      Remedy = "correct"   // the values, in the file
	LeaveOut     Remedy = "leave_out" // the column, by mapping it to -
	SayDates     Remedy = "dates"     // in what order dates are
	SayDecimal   Remedy = "decimal"   // what stands before fractions
	SayEncoding  Remedy = "encoding"  // the file's
	NothingToFix Remedy = "none"      // it was meant so
)

// Remedy is what to do about the fault.
func (f Fault) Remedy() Remedy {
	switch f.Code {
	case csvfile.CodeDate:
		return SayDates
	case csvfile.CodeNumber:
		return SayDecimal
	case csvfile.CodeEncoding:
		return SayEncoding
	case csvfile.CodeFurther:
		return NothingToFix
	case codeHeld, codeKey:
		return Correct
	}
	if f.Column == "" || f.Field == string(csvfile.FieldExternalID) || f.Field == string(csvfile.FieldEmail) {
		return Correct
	}
	return LeaveOut
}

// The codes of lines that the contacts stand against: an address or external id that
// another contact has, and a line without what contacts are found by.
const codeHeld, codeKey = "held", "no_key"

// AddFaults counts refused lines and values into a list of faults. columns are the columns
// of the file by their fields.
func AddFaults(faults []Fault, lines []RefusedLine, columns map[string]string) []Fault {
	for _, line := range lines {
		i := slices.IndexFunc(faults, func(f Fault) bool { return f.Field == line.Field && f.Code == line.Code })
		if i < 0 {
			if len(faults) == maxFaults {
				continue
			}
			i = len(faults)
			faults = append(faults, Fault{Column: columns[line.Field], Field: line.Field, Code: line.Code, Reason: line.plainReason()})
		}
		if line.Taken {
			faults[i].LeftOut++
		} else {
			faults[i].Refused++
		}
	}
	return faults
}
