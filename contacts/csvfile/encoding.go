package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	textencoding "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"carillon/internal/fault"
)

// The names of the encodings that are detected.
const (
	utf8Name        = "utf-8"
	utf16LEName     = "utf-16le"
	utf16BEName     = "utf-16be"
	windows1252Name = "windows-1252"
)

// undecodable stands for input that has no character: it is no UTF-8, so that
// the check every line passes through refuses the line.
const undecodable = 0xFF

// charset is an encoding that is never guessed, but for Windows-1252.
type charset struct {
	// names are those that it may be given by, the first its own.
	names string
	enc   textencoding.Encoding
}

func charsets() []charset {
	return []charset{
		{windows1252Name + " cp1252 ansi", charmap.Windows1252},
		{"windows-1250 cp1250", charmap.Windows1250},
		{"windows-1251 cp1251", charmap.Windows1251},
		{"windows-1253 cp1253", charmap.Windows1253},
		{"windows-1254 cp1254", charmap.Windows1254},
		{"windows-1255 cp1255", charmap.Windows1255},
		{"windows-1256 cp1256", charmap.Windows1256},
		{"windows-1257 cp1257", charmap.Windows1257},
		{"windows-1258 cp1258", charmap.Windows1258},
		{"windows-874 cp874 tis-620", charmap.Windows874},
		{"iso-8859-1 latin1 latin-1", charmap.ISO8859_1},
		{"iso-8859-2 latin2 latin-2", charmap.ISO8859_2},
		{"iso-8859-3 latin3", charmap.ISO8859_3},
		{"iso-8859-4 latin4", charmap.ISO8859_4},
		{"iso-8859-5", charmap.ISO8859_5},
		{"iso-8859-6", charmap.ISO8859_6},
		{"iso-8859-7", charmap.ISO8859_7},
		{"iso-8859-8", charmap.ISO8859_8},
		{"iso-8859-9 latin5", charmap.ISO8859_9},
		{"iso-8859-10", charmap.ISO8859_10},
		{"iso-8859-13", charmap.ISO8859_13},
		{"iso-8859-15 latin9", charmap.ISO8859_15},
		{"iso-8859-16", charmap.ISO8859_16},
		{"koi8-r", charmap.KOI8R},
		{"koi8-u", charmap.KOI8U},
		{"macintosh mac", charmap.Macintosh},
		{"ibm437 cp437", charmap.CodePage437},
		{"ibm850 cp850", charmap.CodePage850},
		{"ibm852 cp852", charmap.CodePage852},
		{"ibm866 cp866", charmap.CodePage866},
		{"shift_jis shift-jis sjis windows-31j cp932 ms932", japanese.ShiftJIS},
		{"euc-jp", japanese.EUCJP},
		{"gbk cp936 gb2312", simplifiedchinese.GBK},
		{"gb18030", simplifiedchinese.GB18030},
		{"big5 cp950", traditionalchinese.Big5},
		{"euc-kr cp949 windows-949", korean.EUCKR},
	}
}

// charsetNamed finds an encoding by one of its names, in any case and with
// underscores for hyphens.
func charsetNamed(name string) (charset, bool) {
	name = encodingName(name)
	for _, c := range charsets() {
		for known := range strings.FieldsSeq(c.names) {
			if encodingName(known) == name {
				return c, true
			}
		}
	}
	return charset{}, false
}

func encodingName(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "_", "-")
}

func (c charset) name() string {
	own, _, _ := strings.Cut(c.names, " ")
	return own
}

// Encodings are the names that Options.Encoding may have.
func Encodings() []string {
	names := []string{utf8Name, "utf-16", utf16LEName, utf16BEName}
	for _, c := range charsets() {
		names = append(names, c.name())
	}
	return names
}

// encoding is what a file was found or said to be.
type encoding struct {
	name string
	// bom is how many bytes of byte order mark come first.
	bom     int
	notices []Notice
}

func (e encoding) utf16() bool { return e.name == utf16LEName || e.name == utf16BEName }

// chooseEncoding takes the encoding that was asked for, or looks at the head of
// the file. whole says that head is all of it.
func chooseEncoding(asked string, head []byte, whole bool) (encoding, error) {
	switch encodingName(asked) {
	case "":
		return detectEncoding(head, whole), nil
	case utf8Name, "utf8":
		return encoding{name: utf8Name, bom: bomLen(head, "\xEF\xBB\xBF")}, nil
	case "utf-16", "utf16":
		if bytes.HasPrefix(head, []byte("\xFE\xFF")) {
			return encoding{name: utf16BEName, bom: 2}, nil
		}
		if bomLen(head, "\xFF\xFE") == 0 && utf16Pattern(head) == utf16BEName {
			return encoding{name: utf16BEName}, nil
		}
		return encoding{name: utf16LEName, bom: bomLen(head, "\xFF\xFE")}, nil
	case utf16LEName, "utf16le":
		return encoding{name: utf16LEName, bom: bomLen(head, "\xFF\xFE")}, nil
	case utf16BEName, "utf16be":
		return encoding{name: utf16BEName, bom: bomLen(head, "\xFE\xFF")}, nil
	}
	known, ok := charsetNamed(asked)
	if !ok {
		return encoding{}, fault.InvalidField("encoding", asked, "is not an encoding Carillon reads; use one of %s, or leave it out to have it detected",
			strings.Join(Encodings(), ", "))
	}
	return encoding{name: known.name()}, nil
}

func bomLen(head []byte, bom string) int {
	if bytes.HasPrefix(head, []byte(bom)) {
		return len(bom)
	}
	return 0
}

// detectEncoding finds the encoding from a byte order mark, the pattern of NULs
// or the validity as UTF-8. What is only likely is said in a notice.
func detectEncoding(head []byte, whole bool) encoding {
	switch {
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		return encoding{name: utf8Name, bom: 3}
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return encoding{name: utf16LEName, bom: 2}
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return encoding{name: utf16BEName, bom: 2}
	}
	if name := utf16Pattern(head); name != "" {
		return encoding{name: name, notices: []Notice{{
			NoticeEncoding, "no byte order mark, but every other byte is zero: read as " + strings.ToUpper(name),
		}}}
	}
	first, invalid, multi := checkUTF8(head, whole)
	switch {
	case first < 0:
		return encoding{name: utf8Name}
	case multi > invalid:
		// Text of another encoding hardly ever forms UTF-8 sequences by chance, so
		// this is UTF-8 with damaged lines; reading it as anything else would
		// garble everybody's name for the sake of those.
		return encoding{name: utf8Name, notices: []Notice{{
			NoticeEncoding, fmt.Sprintf("not valid UTF-8 at byte %d, though most of the file is: read as UTF-8, lines with such bytes are refused", first),
		}}}
	}
	return encoding{name: windows1252Name, notices: []Notice{{
		NoticeEncoding, fmt.Sprintf("not valid UTF-8 at byte %d: read as Windows-1252; if names look wrong, give the file's encoding, "+
			"such as windows-1250 for Polish or Czech", first),
	}}}
}

// checkUTF8 returns the offset of the first byte that is no UTF-8 (-1 if there
// is none), how many such bytes there are and how many sequences of several
// bytes. A sequence that the end of the look-ahead cut is not held against it.
func checkUTF8(b []byte, whole bool) (first, invalid, multi int) {
	first = -1
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			if !whole && len(b)-i < utf8.UTFMax && !utf8.FullRune(b[i:]) {
				break
			}
			if first < 0 {
				first = i
			}
			invalid++
		} else {
			multi++
		}
		i += n
	}
	return first, invalid, multi
}

// utf16Pattern recognises UTF-16 without a mark: text in it that is mostly of
// the Latin script has a zero in every other byte. "" means that it is not.
func utf16Pattern(head []byte) string {
	head = head[:min(len(head), 4096)]
	if len(head) < 4 {
		return ""
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i%2]++
		}
	}
	half := len(head) / 2
	switch {
	case zeros[1]*10 >= half*4 && zeros[0]*20 <= half:
		return utf16LEName
	case zeros[0]*10 >= half*4 && zeros[1]*20 <= half:
		return utf16BEName
	}
	return ""
}

// decoder turns a source into UTF-8; UTF-8 itself passes through unchecked,
// since every line is checked later.
func (e encoding) decoder(r io.Reader) io.Reader {
	if e.name == utf8Name {
		return r
	}
	d := &transcoder{src: r, in: make([]byte, 0, 32<<10)}
	if e.utf16() {
		d.step = utf16Step(e.name == utf16BEName)
		return d
	}
	known, _ := charsetNamed(e.name)
	if cm, ok := known.enc.(*charmap.Charmap); ok {
		d.step = singleByteStep(cm)
	} else {
		d.step = multiByteStep(known.enc)
	}
	return d
}

// step appends the UTF-8 of as much of in as it can to out and returns how many
// bytes of in it used; atEnd says that nothing follows.
type step func(out, in []byte, atEnd bool) ([]byte, int)

// transcoder is a reader that decodes.
type transcoder struct {
	src  io.Reader
	step step
	in   []byte // read and not yet decoded
	out  []byte // decoded, given out from head on
	head int
	err  error
}

func (t *transcoder) Read(p []byte) (int, error) {
	for t.head == len(t.out) {
		if t.err != nil {
			return 0, t.err
		}
		n, err := t.src.Read(t.in[len(t.in):cap(t.in)])
		t.in = t.in[:len(t.in)+n]
		t.err = err
		var used int
		t.out, used = t.step(t.out[:0], t.in, errors.Is(err, io.EOF))
		t.head = 0
		t.in = slices.Delete(t.in, 0, used)
	}
	n := copy(p, t.out[t.head:])
	t.head += n
	return n, nil
}

func singleByteStep(cm *charmap.Charmap) step {
	var table [256][]byte
	for i := range table {
		r := cm.DecodeByte(byte(i))
		// The C1 controls are where these encodings have holes.
		if r == utf8.RuneError || (r >= 0x80 && r < 0xA0) {
			table[i] = []byte{undecodable}
			continue
		}
		table[i] = utf8.AppendRune(nil, r)
	}
	return func(out, in []byte, _ bool) ([]byte, int) {
		for _, c := range in {
			if c < utf8.RuneSelf {
				out = append(out, c)
			} else {
				out = append(out, table[c]...)
			}
		}
		return out, len(in)
	}
}

// multiByteStep decodes by the library, and makes undecodable what it has no
// character for.
func multiByteStep(enc textencoding.Encoding) step {
	decoder := enc.NewDecoder()
	replacement := []byte(string(utf8.RuneError))
	return func(out, in []byte, atEnd bool) ([]byte, int) {
		// No byte of these encodings becomes more than three of UTF-8.
		room := make([]byte, 3*len(in)+utf8.UTFMax)
		made, used, _ := decoder.Transform(room, in, atEnd)
		return append(out, bytes.ReplaceAll(room[:made], replacement, []byte{undecodable})...), used
	}
}

func utf16Step(bigEndian bool) step {
	hi, lo := 1, 0
	if bigEndian {
		hi, lo = 0, 1
	}
	return func(out, in []byte, atEnd bool) ([]byte, int) {
		i := 0
		for ; i+1 < len(in); i += 2 {
			u := rune(in[i+hi])<<8 | rune(in[i+lo])
			if !utf16.IsSurrogate(u) {
				out = utf8.AppendRune(out, u)
				continue
			}
			if i+3 >= len(in) && !atEnd {
				return out, i
			}
			if i+3 < len(in) {
				v := rune(in[i+2+hi])<<8 | rune(in[i+2+lo])
				if r := utf16.DecodeRune(u, v); r != utf8.RuneError {
					out = utf8.AppendRune(out, r)
					i += 2
					continue
				}
			}
			out = append(out, undecodable)
		}
		if atEnd && i < len(in) {
			out, i = append(out, undecodable), len(in)
		}
		return out, i
	}
}
