const calendar = {
  calendar: {
    after: "Später",
    before: "Früher",
    empty: "In diesem Monat geht nichts hinaus",
    emptyHint: "Was geplant ist, sich wiederholt oder unterwegs ist, steht hier, und wie viele es bekommen.",
    left: "ausgelassen",
    loads: "Mehr, als ein Kanal auf einmal darf",
    messages_one: "{{n}} Nachricht",
    messages_other: "{{n}} Nachrichten",
    overlap_one: "{{date}}: {{n}} Person bekommt {{names}}",
    overlap_other: "{{date}}: {{n}} Personen bekommen {{names}}",
    overlaps: "Wer an einem Tag mehrere bekommt",
    recipients_one: "{{n}} Empfänger",
    recipients_other: "{{n}} Empfänger",
    this: "Dieser Monat",
    title: "Kalender",
    zone: "nach der Uhr in {{zone}}",
  },
} as const;

export default calendar;
