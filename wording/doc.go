// Package wording says in Carillon's words what other systems say in theirs:
// MessengerPeople's queries and templates, Chatwoot's filters. The reference APIs
// and the migration speak by it, so that both mean the same. It knows neither who
// asks nor what keeps.
package wording
