package compat

import "slices"

// Names are those of the APIs that are served.
func Names() (names []string) {
	for _, a := range apis() {
		names = append(names, a.name)
	}
	slices.Sort(names)
	return names
}
