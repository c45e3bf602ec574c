package chatapi

// Read is for the fuzz test.
var Read = read
