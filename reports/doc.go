// Package reports owns how what became of messages is shown to people: the report of a
// campaign as a page, the summary of a week as a mail, and their charts. It must not know how
// things are counted, nor how mails are sent.
package reports
