package rule

import (
	"carillon/contacts/property"
)

// Operator compares a field with values.
type Operator string

// The operators, by the names of jQuery QueryBuilder.
const (
	Equal          Operator = "equal"
	NotEqual       Operator = "not_equal"
	In             Operator = "in"
	NotIn          Operator = "not_in"
	Less           Operator = "less"
	LessOrEqual    Operator = "less_or_equal"
	Greater        Operator = "greater"
	GreaterOrEqual Operator = "greater_or_equal"
	Between        Operator = "between"
	NotBetween     Operator = "not_between"
	BeginsWith     Operator = "begins_with"
	NotBeginsWith  Operator = "not_begins_with"
	Contains       Operator = "contains"
	NotContains    Operator = "not_contains"
	EndsWith       Operator = "ends_with"
	NotEndsWith    Operator = "not_ends_with"
	IsEmpty        Operator = "is_empty"
	IsNotEmpty     Operator = "is_not_empty"
	IsNull         Operator = "is_null"
	IsNotNull      Operator = "is_not_null"
)

// Operators lists every operator in the order in which users are shown them.
func Operators() []Operator {
	return []Operator{
		Equal, NotEqual, In, NotIn, Less, LessOrEqual, Greater, GreaterOrEqual, Between, NotBetween,
		BeginsWith, NotBeginsWith, Contains, NotContains, EndsWith, NotEndsWith, IsEmpty, IsNotEmpty, IsNull, IsNotNull,
	}
}

// arity is how many values an operator takes.
type arity int

const (
	none arity = iota
	single
	pair
	list
)

func (o Operator) arity() arity {
	switch o {
	case In, NotIn:
		return list
	case Between, NotBetween:
		return pair
	case IsEmpty, IsNotEmpty, IsNull, IsNotNull:
		return none
	default:
		return single
	}
}

// positive is the operator without its "not". A negative operator holds exactly
// where the positive one does not: for whoever has no value, too.
func (o Operator) positive() (positive Operator, negated bool) {
	switch o {
	case NotEqual:
		return Equal, true
	case NotIn:
		return In, true
	case NotBetween:
		return Between, true
	case NotBeginsWith:
		return BeginsWith, true
	case NotContains:
		return Contains, true
	case NotEndsWith:
		return EndsWith, true
	case IsNotEmpty:
		return IsEmpty, true
	case IsNotNull:
		return IsNull, true
	default:
		return o, false
	}
}

// Comparison is how a field's values are compared: those of properties, and
// three more.
type Comparison = property.Comparison

// The comparisons.
const (
	AsText    = property.AsText
	AsNumber  = property.AsNumber
	AsBoolean = property.AsBoolean
	AsDate    = property.AsDate
	AsTime    = property.AsTime
	AsSet     = property.AsSet

	AsCode    Comparison = "code"    // text of which only ASCII letters are folded
	AsInstant Comparison = "instant" // moments, in milliseconds
	AsID      Comparison = "id"      // ids of things that a contact belongs to
)

// Operators lists the operators that the field knows, in the order in which
// users are shown them.
func (f Field) Operators() []Operator {
	presence := []Operator{IsEmpty, IsNotEmpty, IsNull, IsNotNull}
	equality := []Operator{Equal, NotEqual, In, NotIn}
	order := []Operator{Less, LessOrEqual, Greater, GreaterOrEqual, Between, NotBetween}
	parts := []Operator{BeginsWith, NotBeginsWith, Contains, NotContains, EndsWith, NotEndsWith}
	switch {
	case f.Source == Targeting:
		// Whether no list at all holds would need every list's rule.
		return equality
	case isText(f.Compare):
		return Operators()
	case f.Compare == AsSet:
		return join(equality, parts, presence)
	case f.Compare == AsBoolean:
		return join([]Operator{Equal, NotEqual}, presence)
	case f.Compare == AsID:
		return join(equality, presence)
	default:
		return join(equality, order, presence)
	}
}

func join(lists ...[]Operator) []Operator {
	var all []Operator
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
