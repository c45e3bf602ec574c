package api

import (
	"encoding/csv"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"carillon/contacts/csvfile"
)

// csvBody streams a CSV file. rows calls write for every row; when it fails in
// the middle the connection is broken, so that a file never looks whole that
// isn't.
func csvBody(filename string, header []string, rows func(write func(...string) error) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "text/csv; charset=utf-8")
		ctx.SetHeader("Content-Disposition", fmt.Sprintf("attachment; filename=%q", filename))
		ctx.SetStatus(http.StatusOK)
		out := csv.NewWriter(ctx.BodyWriter())
		write := func(cells ...string) error {
			for i, cell := range cells {
				cells[i] = csvfile.Harmless(cell)
			}
			return out.Write(cells)
		}
		err := out.Write(header)
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
