package schedule

import "time"

// MostComing bounds how many instants are listed at once.
const MostComing = 500

// Coming lists the next occurrences after an instant, at most n of them, those that
// do not fire among them.
func (p *Plan) Coming(after time.Time, n int) []Occurrence {
	list := []Occurrence{}
	for len(list) < min(n, MostComing) {
		o, ok := p.Next(after)
		if !ok {
			break
		}
		list, after = append(list, o), o.At
	}
	return list
}
