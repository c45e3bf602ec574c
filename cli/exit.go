package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"

	"carillon/internal/fault"
)

// The exit codes that scripts can rely on; longHelp describes them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnbalanced  = 5
	exitUnreachable = 6
	exitForbidden   = 7
	exitNoKey       = 8
	exitInUse       = 9
)

// exitError is an error with its exit code. An empty message means that
// everything has been said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode is the code for an error.
func exitCode(err error) int {
	var e *exitError
	var p *problemError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &p):
		switch p.Status {
		case http.StatusNotFound:
			return exitNotFound
		case http.StatusUnauthorized:
			return exitNoKey
		case http.StatusForbidden:
			return exitForbidden
		case http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			return exitRefused
		}
		return exitFailed
	case errors.Is(err, context.Canceled):
		return exitFailed
	case errors.Is(err, syscall.EADDRINUSE):
		return exitInUse
	case errors.Is(err, syscall.ECONNREFUSED):
		return exitUnreachable
	}
	switch fault.CodeOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge:
		return exitRefused
	case fault.NotFound:
		return exitNotFound
	case fault.Unavailable:
		return exitUnreachable
	}
	return exitFailed
}

// problemError is an answer of the server that says what is wrong.
type problemError struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
		Value    any    `json:"value"`
	} `json:"errors"`
}

// Error names every field on a line of its own.
func (p *problemError) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		b.WriteString(p.Title)
	}
	for _, e := range p.Errors {
		b.WriteString("\n  " + strings.TrimPrefix(strings.TrimPrefix(e.Location, "body."), "query.") + ": " + e.Message)
		if e.Value != nil && e.Value != "" {
			fmt.Fprintf(&b, " (got %v)", e.Value)
		}
	}
	return b.String()
}
