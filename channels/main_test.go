package channels_test

import (
	"testing"

	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
