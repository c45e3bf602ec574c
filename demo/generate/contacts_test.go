package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheSampleIsWhatWasGenerated(t *testing.T) {
	have, err := os.ReadFile(filepath.Join("..", "contacts.csv"))
	require.NoError(t, err)
	if !bytes.Equal(have, generate()) {
		t.Fatal("demo/contacts.csv is not what its generator makes; run go generate ./demo")
	}
}
