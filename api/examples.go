package api

// Example is a request as the document shows it.
type Example struct {
	// Operation is the id of the operation, and Body the request's.
	Operation, Body string
}

// Examples are requests to the main operations, in an order in which each finds what it names: a
// test makes them one after the other. {id} in a path is what the operation before it made.
func Examples() []Example { return examples }

var examples = []Example{
	{"create-channel", `{"name":"news","provider":"sandbox","limits":{"per_second":50},"timezone":"Europe/Berlin"}`},
	{"create-property", `{"key":"plan","name":"Plan","type":"text"}`},
	{"create-group", `{"name":"Customers"}`},
	{"create-category", `{"name":"Offers"}`},
	{"create-label", `{"name":"VIP"}`},
	{"create-contact", `{"external_id":"c-1","first_name":"Ada","language":"en","addresses":{"email":"ada@example.org"},"attributes":{"plan":"gold"}}`},
	{"create-targeting", `{"name":"Gold","rule":{"condition":"AND","rules":[{"field":"attributes.plan","operator":"equal","value":"gold"}]}}`},
	{"count-rule", `{"channel":"news","rule":{"condition":"AND","rules":[{"field":"attributes.plan","operator":"equal","value":"gold"}]}}`},
	{"search-contacts", `{"rule":{"condition":"AND","rules":[{"field":"attributes.plan","operator":"equal","value":"gold"}]}}`},
	{"bulk-contacts", `{"action":"add","list":"Customers","rule":{"condition":"AND","rules":[{"field":"attributes.plan","operator":"equal","value":"gold"}]}}`},
	{"export-contacts", `{"audience":{"groups":["Customers"],"exclude":{"labels":["VIP"]}}}`},
	{"send-message", `{"channel":"news","to":"ada@example.org","content":{"subject":"Your order {{ row.order }}",` +
		`"text":"{% for item in row.items %}{{ item.name }}\\n{% endfor %}"},"data":{"order":"4711","items":[{"name":"Tea"},{"name":"Cups"}]},` +
		`"metadata":{"order":"4711"}}`},
	{"create-campaign", `{"name":"Spring","channel":"news","audience":{"groups":["Customers"],"exclude":{"labels":["VIP"]}},` +
		`"content":{"subject":"Hello {{ contact.first_name }}","text":"Spring is here, {{ contact.first_name | default: \"friend\" }}."},"category":"Offers"}`},
	{"update-campaign", `{"content":{"subject":"Hello again","text":"Spring is here."}}`},
	{"duplicate-campaign", `{"name":"Summer"}`},
	{"schedule-campaign", `{"at":"2026-12-01T09:00","timezone":"Europe/Berlin"}`},
	{"preview-schedule", `{"schedule":{"cron":"0 9 * * MON","timezone":"Europe/Berlin"},"n":4}`},
	{"create-flow", `{"name":"Welcome","channel":"news","steps":[{"id":"hello","kind":"send","content":{"subject":"Hello","text":"Good to have you."}},` +
		`{"id":"later","kind":"wait","wait":{"for":"2d"}},{"id":"over","kind":"end","outcome":"greeted"}]}`},
	{"create-conversation", `{"channel":"news","contact_id":1}`},
	{"create-webhook", `{"url":"https://example.org/hook","events":["message.delivered"]}`},
	{"add-suppression", `{"kind":"email","address":"gone@example.org","reason":"complained by phone"}`},
	{"create-key", `{"name":"shop","role":"sender"}`},
}
