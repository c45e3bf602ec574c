package providers_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// What there is beside words is kept as far as a database takes it, and no further than its bound.
func TestPartsAreBounded(t *testing.T) {
	long := strings.Repeat("ü", 5000)
	option := &providers.ReplyOption{ID: "a\x00b\xff" + long, Title: long}
	for _, p := range []providers.ReplyParts{{Button: option}, {Choice: option}} {
		kept := p.Kept()
		require.Equal(t, p.Type(), kept.Type())
		o := kept.Button
		if o == nil {
			o = kept.Choice
		}
		require.Equal(t, &providers.ReplyOption{ID: "ab\uFFFD" + long[:2*997], Title: long[:2*1000]}, o)
	}
	p := providers.ReplyParts{Media: &providers.ReplyFile{Type: providers.Video, Caption: long, Filename: long}}
	require.Equal(t, providers.ReplyParts{Media: &providers.ReplyFile{Type: providers.Video, Caption: long[:2*4096], Filename: long[:2*1000]}}, p.Kept())
	p = providers.ReplyParts{Location: &providers.Location{Latitude: -90, Longitude: 180, Name: long, Address: long, URL: long}}
	require.Equal(t, providers.ReplyParts{Location: &providers.Location{
		Latitude: -90, Longitude: 180, Name: long[:2*1000], Address: long[:2*1000], URL: long[:2*2000],
	}}, p.Kept())
	for _, nowhere := range []providers.Location{{Latitude: 90.1}, {Longitude: -180.1}, {Latitude: math.NaN()}, {Longitude: math.Inf(1)}} {
		p := providers.ReplyParts{Location: &nowhere}
		kept := p.Kept()
		require.Equal(t, providers.ReplyText, kept.Type())
	}
}
