package liquid

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// addNumbers adds filters of numbers. Whole numbers stay whole, so that a million
// reads 1000000 and not 1e+06.
func addNumbers(b boundedFilters) {
	b.AddFilter("plus", func(a, c any) (any, error) { return calculate(a, c, func(a, c float64) float64 { return a + c }) })
	b.AddFilter("minus", func(a, c any) (any, error) { return calculate(a, c, func(a, c float64) float64 { return a - c }) })
	b.AddFilter("times", func(a, c any) (any, error) { return calculate(a, c, func(a, c float64) float64 { return a * c }) })
	b.AddFilter("at_least", func(a, c any) (any, error) { return calculate(a, c, math.Max) })
	b.AddFilter("at_most", func(a, c any) (any, error) { return calculate(a, c, math.Min) })
	b.AddFilter("modulo", func(a, c any) (any, error) {
		if divisor, err := number(c); err != nil || divisor == 0 {
			return nil, errors.Join(err, errDivision)
		}
		return calculate(a, c, math.Mod)
	})
	b.AddFilter("divided_by", divide)
	b.AddFilter("abs", func(a any) (any, error) { return calculate(a, 0, func(a, _ float64) float64 { return math.Abs(a) }) })
	b.AddFilter("ceil", func(a any) (any, error) { return calculate(a, 0, func(a, _ float64) float64 { return math.Ceil(a) }) })
	b.AddFilter("floor", func(a any) (any, error) { return calculate(a, 0, func(a, _ float64) float64 { return math.Floor(a) }) })
	b.AddFilter("round", func(a, places any) (any, error) {
		return calculate(a, places, func(a, places float64) float64 {
			shift := math.Pow10(int(math.Max(-20, math.Min(places, 20))))
			return math.Floor(a*shift+0.5) / shift
		})
	})
}

var errDivision = errors.New("division by zero")

// divide rounds down between whole numbers, as Liquid does.
func divide(a, b any) (any, error) {
	divisor, err := number(b)
	if err != nil {
		return nil, err
	}
	if divisor == 0 {
		return nil, errDivision
	}
	dividend, err := number(a)
	if err != nil {
		return nil, err
	}
	if wholeKind(b) && dividend == math.Trunc(dividend) {
		return tidy(math.Floor(dividend / divisor)), nil
	}
	return tidy(dividend / divisor), nil
}

// wholeKind reports whether a value is written as a whole number.
func wholeKind(v any) bool {
	switch v := v.(type) {
	case float64, float32:
		return false
	case string:
		return !strings.ContainsAny(v, ".eE")
	}
	return true
}

func calculate(a, b any, do func(a, b float64) float64) (any, error) {
	x, err := number(a)
	if err != nil {
		return nil, err
	}
	y, err := number(b)
	if err != nil {
		return nil, err
	}
	return tidy(do(x, y)), nil
}

// largestWhole is the largest number up to which a float64 holds every whole one.
const largestWhole = 1 << 53

// tidy is a number as it should be printed: without an exponent, and without what
// a float64 has too much, as in 0.1 + 0.2.
func tidy(f float64) any {
	switch {
	case f == math.Trunc(f) && math.Abs(f) <= largestWhole:
		return int(f)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return nil
	}
	return decimal(f)
}

// decimal is a fraction that prints in digits alone.
type decimal float64

// String has at most twelve digits behind the point.
func (d decimal) String() string {
	s := strconv.FormatFloat(float64(d), 'f', 12, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// number is a value as a number: missing is 0, and a text may hold one.
func number(value any) (float64, error) {
	switch v := value.(type) {
	case nil:
		return 0, nil
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case decimal:
		return float64(v), nil
	case json.Number:
		return v.Float64()
	case string:
		if text := strings.TrimSpace(v); text == "" {
			return 0, nil
		} else if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
	}
	shown := fmt.Sprint(value)
	if len(shown) > 40 {
		shown = shown[:40] + "…"
	}
	return 0, fmt.Errorf("%q is no number", strings.ToValidUTF8(shown, ""))
}
