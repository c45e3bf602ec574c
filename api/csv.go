package api

import (
	"encoding/csv"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/access"
	"carillon/contacts/csvfile"
)

// csvBody streams a CSV file. rows calls write for every row; when it fails in
// the middle the connection is broken, so that a file never looks whole that
// isn't. Columns that the caller may not see are left out.
func csvBody(filename string, header []string, hidden access.Hidden, rows func(write func(...string) error) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
		ctx.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q", filename))
		ctx.SetStatus(http.StatusOK)
		out := csv.NewWriter(ctx.BodyWriter())
		var shown []int
		for i, name := range header {
			if !hidesColumn(hidden, name) {
				shown = append(shown, i)
			}
		}
		row := make([]string, len(shown))
		write := func(cells ...string) error {
			for i, from := range shown {
				row[i] = csvfile.Harmless(cells[from])
			}
			return out.Write(row)
		}
		err := write(header...)
		if err == nil {
			err = rows(write)
		}
		out.Flush()
		if err != nil || out.Error() != nil {
			_, w := humago.Unwrap(ctx)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	}}
}
