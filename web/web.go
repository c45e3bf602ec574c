// Package web holds the console: a page and its scripts, which `make build` makes of the
// TypeScript beside this file and the compiler takes into the program. It knows no account and
// no data: all that it shows it asks of /v1.
package web

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// built are the files of a build; one alone, that holds the folder's place, where none was made.
//
//go:embed all:dist
var built embed.FS

// policy lets the page load what comes from here alone, and run no script that stands in the page
// itself. Styles may stand there: the components that are used measure and place things by them.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; frame-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// prefix is where the files are that the page loads.
const prefix = "/assets/"

// Console answers browsers with the console.
type Console struct {
	files fs.FS
	page  []byte
}

// New reads the console that was built into the program.
func New() *Console {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return console(dist)
}

// missing is shown by a program that was built without its console.
const missing = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Carillon</title>
<h1>Carillon runs, without its console</h1>
<p>This program was built where Node.js was not found. Install Node.js 20 or newer with npm, run <code>make build</code>, and start
<code>bin/carillon</code>.</p>
<p>Everything else works: <a href="/docs">the API</a>, and the commands that <code>carillon --help</code> lists.</p>
</html>
`

func console(dist fs.FS) *Console {
	page, err := fs.ReadFile(dist, "index.html")
	if err != nil {
		page = []byte(missing)
	}
	return &Console{dist, page}
}

// ServeHTTP answers with a file that the page loads, and else with the page, whatever the path: the
// console looks at it itself.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !strings.HasPrefix(r.URL.Path, prefix):
		c.answerPage(w)
	case !c.answerAsset(w, r):
		http.Error(w, "there is no such file: reload the page, which may be of a version before", http.StatusNotFound)
	}
}

// answerPage answers with the page. Nobody keeps it, so that it names the files of the program that
// runs.
func (c *Console) answerPage(w http.ResponseWriter) {
	header := w.Header()
	guard(header)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	_, _ = w.Write(c.page) // who has gone away reads nothing
}

// answerAsset answers with a file that the page loads, and reports whether there is such. Their
// names change with what is in them, so that browsers ask once; but for the few whose names are
// fixed.
func (c *Console) answerAsset(w http.ResponseWriter, r *http.Request) bool {
	name := path.Clean(strings.TrimPrefix(r.URL.Path, "/"))
	if !strings.HasPrefix("/"+name, prefix) || strings.HasSuffix(name, ".gz") {
		return false
	}
	plain, err := fs.ReadFile(c.files, name)
	if err != nil {
		return false
	}
	header := w.Header()
	guard(header)
	header.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	if base := path.Base(name); base == "scheme.js" || base == "carillon.svg" {
		header.Set("Cache-Control", "no-cache")
	}
	header.Set("Vary", "Accept-Encoding")
	if packed, err := fs.ReadFile(c.files, name+".gz"); err == nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		plain = packed
	}
	_, _ = w.Write(plain) // who has gone away reads nothing
	return true
}

func guard(header http.Header) {
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}
