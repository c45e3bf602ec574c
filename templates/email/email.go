// Package email owns what becomes of an e-mail before it is kept: MJML is compiled,
// styles are written into their elements, and a text part is made of the HTML. Liquid
// passes through all of it untouched. It must not know the store, the catalogue or
// who gets the e-mail, and it reaches neither network nor files.
package email

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"carillon/internal/fault"
)

// Bounds of what is built.
const (
	// MaxSourceBytes bounds MJML or HTML as it is written.
	MaxSourceBytes = 256 << 10
	// MaxBuiltBytes bounds the HTML that is made of it.
	MaxBuiltBytes = 512 << 10
	// MaxBuildTime bounds the compiling of one MJML document.
	MaxBuildTime = 10 * time.Second
	// maxElements bounds the tags of a document.
	maxElements = 10_000
)

// Source is an e-mail as somebody wrote it: either MJML or HTML, with Liquid in it.
type Source struct {
	MJML string
	HTML string
	// Text is the text part; empty has it made of the HTML.
	Text string
}

// Built is an e-mail as it is kept and rendered for each recipient.
type Built struct {
	HTML string
	Text string
}

// Builder builds e-mails, one at a time, because that is costly, and remembers what it
// built last. The zero value is not usable.
type Builder struct {
	// turn is held by who builds.
	turn  chan struct{}
	mjml  *compiler
	mu    sync.Mutex
	built map[[sha256.Size]byte]Built
	// order are the keys of built, the oldest first, and size its bytes.
	order [][sha256.Size]byte
	size  int
}

// maxRemembered bounds what a builder remembers, in bytes.
const maxRemembered = 8 << 20

// NewBuilder makes a builder. It loads nothing before the first MJML is compiled.
func NewBuilder() *Builder {
	return &Builder{turn: make(chan struct{}, 1), mjml: &compiler{}, built: map[[sha256.Size]byte]Built{}}
}

// Build builds an e-mail. What can't be built is an Invalid error that names "mjml" or
// "html" and the line; the context's own error comes back where it ended first.
func (b *Builder) Build(ctx context.Context, src Source) (Built, error) {
	if err := src.check(); err != nil {
		return Built{}, err
	}
	key := src.key()
	if built, ok := b.remembered(key); ok {
		return built, nil
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return Built{}, ctx.Err()
	}
	built, err := b.build(ctx, src)
	if err == nil {
		b.remember(key, built)
	}
	return built, err
}

func (b *Builder) build(ctx context.Context, src Source) (Built, error) {
	var html string
	var err error
	field := "mjml"
	if src.MJML != "" {
		// MJML says itself which styles are written into elements, and does it.
		html, err = b.mjml.compile(ctx, src.MJML)
	} else {
		field = "html"
		html, err = inline(src.HTML)
	}
	if err != nil {
		return Built{}, err
	}
	if len(html) > MaxBuiltBytes {
		return Built{}, fault.InvalidField(field, nil, "becomes %d KiB of HTML; at most %d KiB: cut it down, or put parts behind links",
			len(html)>>10, MaxBuiltBytes>>10)
	}
	built := Built{HTML: html, Text: src.Text}
	if built.Text == "" && html != "" {
		if built.Text, err = textOf(html); err != nil {
			return Built{}, fault.InvalidField(field, nil, "no text part can be made of it (%s): write text", err)
		}
	}
	return built, nil
}

func (s Source) check() error {
	var wrong []fault.Field
	if s.MJML != "" && s.HTML != "" {
		wrong = append(wrong, fault.Field{Location: "html", Message: "give either mjml or html"})
	}
	for _, f := range []struct{ name, source string }{{"mjml", s.MJML}, {"html", s.HTML}} {
		if len(f.source) > MaxSourceBytes {
			wrong = append(wrong, fault.Field{Location: f.name, Value: len(f.source),
				Message: fmt.Sprintf("at most %d KiB; put pictures and long texts behind links", MaxSourceBytes>>10)})
		}
		if n := strings.Count(f.source, "<"); n > 2*maxElements {
			wrong = append(wrong, fault.Field{Location: f.name, Value: n, Message: fmt.Sprintf("at most %d elements", maxElements)})
		}
	}
	return fault.InvalidFields(wrong)
}

// key is the hash by which what was built is remembered.
func (s Source) key() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%d %d %s%s%s", len(s.MJML), len(s.HTML), s.MJML, s.HTML, s.Text))
}

func (b *Builder) remembered(key [sha256.Size]byte) (Built, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	built, ok := b.built[key]
	return built, ok
}

func (b *Builder) remember(key [sha256.Size]byte, built Built) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.built[key]; ok {
		return
	}
	b.built[key], b.order = built, append(b.order, key)
	b.size += len(built.HTML) + len(built.Text)
	for b.size > maxRemembered {
		oldest := b.built[b.order[0]]
		delete(b.built, b.order[0])
		b.order, b.size = b.order[1:], b.size-len(oldest.HTML)-len(oldest.Text)
	}
}
