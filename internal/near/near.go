// Package near owns the guess at what a misspelt name means. It must not know what
// the names are of.
package near

import "strings"

// maxCompared bounds the names that are compared letter by letter, in letters.
const maxCompared = 64

// Name is the one of the names that a typing error most likely meant; empty if none
// is near. Case, spaces, hyphens and underscores count for nothing.
func Name(given string, names []string) string {
	best, least := "", Far(given)
	for _, name := range names {
		if d := Edits(given, name); d < least || d == least && best == "" {
			best, least = name, d
		}
	}
	return best
}

// Hint is the question whether the nearest of the names is meant, or else lists the
// first of them; empty if there are none.
func Hint(given string, names []string) string {
	const most = 20
	if best := Name(given, names); best != "" {
		return "did you mean " + best + "?"
	}
	switch {
	case len(names) == 0:
		return ""
	case len(names) > most:
		return "there are " + strings.Join(names[:most], ", ") + " and others"
	}
	return "there are " + strings.Join(names, ", ")
}

// Far is the most edits that a name may be away from what is meant by it.
func Far(given string) int { return min(len([]rune(plain(given))), maxCompared)/3 + 1 }

func plain(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(s))
}

// Edits is the number of letters to change, add or leave out between two names,
// two that changed places counting one (Damerau and Levenshtein).
func Edits(given, name string) int {
	a, b := []rune(plain(given)), []rune(plain(name))
	if len(a) > maxCompared || len(b) > maxCompared {
		return maxCompared
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			changed := 1
			if a[i-1] == b[j-1] {
				changed = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+changed)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
