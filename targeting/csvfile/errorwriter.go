package csvfile

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// ErrorWriter writes refused lines as CSV with the columns line, field, value
// and reason. Call Flush at the end; it is not safe for concurrent use.
type ErrorWriter struct {
	w     *csv.Writer
	begun bool
}

// NewErrorWriter makes a writer to w. The header is written with the first line
// or, if there is none, by Flush.
func NewErrorWriter(w io.Writer) *ErrorWriter {
	return &ErrorWriter{w: csv.NewWriter(w)}
}

// Continue says that the header has been written before: the file goes on after
// a restart.
func (ew *ErrorWriter) Continue() { ew.begun = true }

func (ew *ErrorWriter) begin() error {
	if ew.begun {
		return nil
	}
	ew.begun = true
	return ew.w.Write([]string{"line", "field", "value", "reason"})
}

// Write adds a refused line.
func (ew *ErrorWriter) Write(e *LineError) error {
	if err := ew.begin(); err != nil {
		return fmt.Errorf("write refused line: %w", err)
	}
	err := ew.w.Write([]string{strconv.FormatInt(e.Line, 10), harmless(e.Field), harmless(e.Value), harmless(e.Reason)})
	if err != nil {
		return fmt.Errorf("write refused line: %w", err)
	}
	return nil
}

// Flush writes what is buffered.
func (ew *ErrorWriter) Flush() error {
	if err := ew.begin(); err != nil {
		return fmt.Errorf("write refused lines: %w", err)
	}
	ew.w.Flush()
	if err := ew.w.Error(); err != nil {
		return fmt.Errorf("write refused lines: %w", err)
	}
	return nil
}

// harmless keeps a spreadsheet from running a cell as a formula.
func harmless(cell string) string {
	if cell == "" {
		return cell
	}
	switch cell[0] {
	case '=', '+', '-', '@', '\t', '\r':
		return "'" + cell
	}
	return cell
}
