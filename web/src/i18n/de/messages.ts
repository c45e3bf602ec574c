const messages = {
  message: {
    state: {
      pending: "Ausstehend",
      queued: "In der Schlange",
      sending: "Wird gesendet",
      sent: "Gesendet",
      delivered: "Zugestellt",
      read: "Gelesen",
      failed: "Gescheitert",
      rejected: "Abgelehnt",
      skipped: "Ausgelassen",
      canceled: "Abgebrochen",
      unknown: "Im Zweifel",
    },
  },
  messages: {
    address: "Adresse",
    all: "Alle Nachrichten",
    anyState: "Jeder Zustand",
    at: "Wann",
    campaign: "Kampagne",
    doubtHint: "Wenn das Protokoll des Anbieters gezeigt hat, was aus ihnen allen wurde:",
    cancel: "Abbrechen",
    channel: "Kanal",
    history: "Was geschah",
    noAddress: "keine Adresse",
    none: "Keine solchen Nachrichten",
    noneHint: "Ein anderer Filter findet vielleicht welche.",
    ofCampaign: "Kampagne {{id}}",
    providerID: "Beim Anbieter bekannt als {{id}}",
    resend: "Noch einmal senden",
    state: "Zustand",
    title: "Nachrichten",
    why: "Warum",
  },
  explain: {
    ask: "Erklären",
    hint: "Eine Adresse oder die Nummer eines Kontakts.",
    title: "Hat es jemand bekommen, und warum nicht?",
  },
};

export default messages;
