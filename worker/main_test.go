package worker

import (
	"testing"

	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
