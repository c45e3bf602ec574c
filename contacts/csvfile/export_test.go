package csvfile

// TrimCell is for tests that compare cells with what was written.
var TrimCell = trimCell
