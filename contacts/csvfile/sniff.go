package csvfile

import (
	"bytes"

	"carillon/internal/fault"
)

// refuseOther returns an error for a file that is recognisably something else.
// head is the beginning of the source, text the beginning of it decoded.
func refuseOther(head, text []byte) error {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	const saveAs = "; save or export it as CSV (UTF-8) and upload that"
	what := ""
	switch {
	case starts("PK\x03\x04"), starts("PK\x05\x06"):
		window := head[:min(len(head), 64<<10)]
		switch {
		case bytes.Contains(window, []byte("xl/")), bytes.Contains(window, []byte("[Content_Types].xml")) && !bytes.Contains(window, []byte("word/")):
			what = "an Excel workbook"
		case bytes.Contains(window, []byte("oasis.opendocument.spreadsheet")):
			what = "an OpenDocument spreadsheet"
		case bytes.Contains(window, []byte("word/")):
			what = "a Word document"
		default:
			return notCSV("a ZIP archive; unpack it and upload the CSV file inside")
		}
	case starts("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"):
		what = "an old Excel workbook (.xls)"
	case starts("%PDF-"):
		what = "a PDF document"
	case starts("{\\rtf"):
		what = "a rich text document"
	case starts("SQLite format 3\x00"):
		what = "an SQLite database"
	case starts("\x1F\x8B"):
		return notCSV("a gzip archive; unpack it first")
	case starts("\x89PNG\r\n\x1A\n"), starts("\xFF\xD8\xFF"), starts("GIF87a"), starts("GIF89a"),
		starts("BM") && bytes.IndexByte(head[:min(len(head), 64)], 0) >= 0, starts("RIFF") && bytes.IndexByte(head[:min(len(head), 64)], 0) >= 0:
		return notCSV("an image or another media file")
	case starts("\x7FELF"), starts("MZ") && bytes.IndexByte(head[:min(len(head), 64)], 0) >= 0:
		return notCSV("a program")
	}
	if what != "" {
		return notCSV(what + saveAs)
	}
	t := bytes.TrimLeft(text, " \t\r\n")
	lower := bytes.ToLower(t[:min(len(t), 512)])
	switch {
	case len(t) == 0:
		return nil
	case t[0] == '<' && len(t) > 1 && (t[1] == '!' || t[1] == '?' || (lower[1] >= 'a' && lower[1] <= 'z')):
		if bytes.Contains(lower, []byte("html")) || bytes.Contains(lower, []byte("<table")) {
			return notCSV("an HTML page" + saveAs)
		}
		return notCSV("an XML document" + saveAs)
	case bytes.HasPrefix(lower, []byte("begin:vcard")):
		return notCSV("a vCard file" + saveAs)
	case looksJSON(t):
		return notCSV("JSON" + saveAs)
	}
	if odd := controls(text); odd > 3 && odd*20 > len(text) {
		return notCSV("not text" + saveAs)
	}
	return nil
}

func notCSV(what string) error {
	return fault.New(fault.Invalid, "the file is no CSV but %s", what)
}

func looksJSON(t []byte) bool {
	if t[0] != '{' && t[0] != '[' {
		return false
	}
	rest := bytes.TrimLeft(t[1:], " \t\r\n")
	if len(rest) == 0 {
		return true
	}
	if t[0] == '{' {
		return rest[0] == '"' || rest[0] == '}'
	}
	return rest[0] == '{' || rest[0] == '[' || rest[0] == ']' || rest[0] == '"'
}

// controls counts bytes that have no business in text.
func controls(text []byte) int {
	n := 0
	for _, c := range text[:min(len(text), 8192)] {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f' || c == 0x7F || c == undecodable {
			n++
		}
	}
	if len(text) > 8192 {
		return n * (len(text) / 8192)
	}
	return n
}
