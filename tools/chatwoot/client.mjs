// Drives a server by the client, as its users do, and says what came back. Where the server is
// and with which token it is asked comes as JSON on stdin.
import { readFileSync } from "node:fs";
import sdk from "@figuro/chatwoot-sdk";

const { url, token, account, whatsapp, app } = JSON.parse(readFileSync(0, "utf8"));
const Client = sdk.default ?? sdk;
const client = new Client({ config: { basePath: url, with_credentials: true, credentials: "include", token } });
const of = { accountId: account };
const said = {};
const refusal = async (what) => {
  try {
    await what;
    return "not refused";
  } catch (e) {
    return { status: e.status, body: e.body };
  }
};

const definition = await client.customAttributes.create({ ...of, data: {
  attribute_display_name: "Plan", attribute_display_type: 0, attribute_description: "", attribute_key: "plan", attribute_model: 1 } });
said.definition = [definition.attribute_key, definition.attribute_display_type, definition.attribute_model];
said.definitions = (await client.customAttributes.list({ ...of, attributeModel: "1" })).length;

const made = (await client.contacts.create({ ...of, data: {
  inbox_id: whatsapp, name: "Mary", email: "mary@example.org", phone_number: "+447700900123", custom_attributes: { plan: "gold" } } })).payload;
said.made = [made.contact.name, made.contact.custom_attributes.plan, made.contact_inbox.source_id];
const id = made.contact.id;
said.twice = await refusal(client.contacts.create({ ...of, data: { name: "X", email: "mary@example.org" } }));
said.updated = (await client.contacts.update({ ...of, id, data: { name: "Mary S." } })).payload.name;
said.listed = (await client.contacts.list({ ...of, sort: "-name" })).meta;
said.searched = (await client.contacts.search({ ...of, q: "mary" })).payload.length;
const payload = [{ attribute_key: "plan", filter_operator: "equal_to", values: ["GOLD"], query_operator: null }];
said.filtered = (await client.contacts.filter({ ...of, payload })).meta.count;
said.reachable = (await client.contact.getContactable({ ...of, id })).payload.length;
said.inbox = (await client.inboxes.get({ ...of, id: whatsapp })).channel_type;

const filter = await client.customFilters.create({ ...of, filterType: "contact", data: { name: "Gold", type: "contact", query: { payload } } });
said.filter = [filter.name, filter.filter_type];
said.filters = (await client.customFilters.list({ ...of, filterType: "contact" })).length;
await client.customFilters.delete({ ...of, customFilterId: filter.id });

const talk = await client.conversations.create({ ...of, data: { source_id: "447700900123", inbox_id: String(whatsapp), contact_id: String(id), status: "open" } });
const conversationId = talk.id;
const message = await client.messages.create({ ...of, conversationId, data: {
  content: "Order 10", message_type: "outgoing", private: false, content_attributes: {},
  template_params: { name: "order_update", category: "UTILITY", language: "en_US", processed_params: { 1: "10" } } } });
said.message = [message.content, message.message_type, message.status, message.private];
const note = await client.messages.create({ ...of, conversationId, data: { content: "a note", private: true } });
said.note = note.private;
said.messages = (await client.messages.list({ ...of, conversationId })).payload.map((m) => m.content);
said.hidden = (await client.messages.delete({ ...of, conversationId, messageId: message.id })).content;
said.conversations = (await client.conversations.list({ ...of })).data.meta.all_count;
said.meta = (await client.conversations.getMeta({ ...of })).meta.all_count;
said.toggled = (await client.conversations.toggleStatus({ ...of, conversationId, data: { status: "resolved" } })).payload.current_status;
said.theirs = (await client.contacts.listConversations({ ...of, id })).payload.length;

const hook = (await client.webhooks.create({ ...of, data: { url: "https://example.org/hook", subscriptions: ["message_created"] } })).payload.webhook;
said.hook = [hook.url, hook.subscriptions.join()];
said.wrong = await refusal(client.webhooks.create({ ...of, data: { url: "nowhere", subscriptions: ["message_created"] } }));
said.hooks = (await client.webhooks.list({ ...of })).payload.webhooks.length;
await client.webhooks.update({ ...of, webhookId: hook.id, data: { url: "https://example.org/other", subscriptions: ["contact_created"] } });
await client.webhooks.delete({ ...of, webhookId: hook.id });

said.metrics = await client.reports.getMetrics({ ...of, type: "account" });
said.days = (await client.reports.list({ ...of, metric: "conversations_count", type: "account" })).length;
await client.contacts.delete({ ...of, id });
said.gone = (await refusal(client.contacts.get({ ...of, id }))).status;
console.log(JSON.stringify(said));
