// Package twoway owns the proof that the adapters of the APIs of others and the dialects of
// them that Carillon speaks mean the same: its tests run the real binary twice, have a
// campaign of one go through a provider into the dialect of the other, and what comes of it
// back by webhook, and compare what both say became of everybody. It drives the binary from
// outside and must not know how the product works inside.
package twoway
