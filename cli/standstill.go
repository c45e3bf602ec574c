package cli

import "carillon/api"

func standstillWords(s *api.Standstill) string {
	if s == nil {
		return ""
	}
	return s.Words
}

func remedyWords(s *api.Standstill) string {
	if s == nil {
		return ""
	}
	return s.Remedy
}

// tellStandstill says once why nothing goes out, and once that something does again.
func tellStandstill(bar *progress, s *api.Standstill, told string) string {
	switch {
	case s == nil && told != "":
		bar.note("It goes on.")
		return ""
	case s != nil && s.Words != told:
		bar.note(standstillLine(s))
		return s.Words
	}
	return told
}

// standstillLine is why nothing goes out, and what to do.
func standstillLine(s *api.Standstill) string { return clean(s.Words + " " + s.Remedy) }
