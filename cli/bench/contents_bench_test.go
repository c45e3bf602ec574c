package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/templates/liquid"
)

// BenchmarkRender renders each content for one recipient after the other.
func BenchmarkRender(b *testing.B) {
	for _, content := range Contents() {
		b.Run(content.Name, func(b *testing.B) {
			compiled, err := liquid.Compile(content.Templates, nil)
			require.NoError(b, err)
			people := make([]liquid.Vars, 100)
			for i := range people {
				people[i], err = content.person(i)
				require.NoError(b, err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				_, err := compiled.Render(b.Context(), people[i%len(people)])
				require.NoError(b, err)
			}
		})
	}
}
