const experiment = {
  experiment: {
    add: "Noch eine Variante",
    after: "Entschieden nach",
    afterHint: "Zum Beispiel 4h oder 30m.",
    begin: "Varianten ausprobieren",
    by: "Am besten ist, was am meisten wurde",
    hint: "Zwei oder mehr Varianten von Betreff oder Text: jeder bekommt eine, oder nur einige, und die anderen die, die gewinnt.",
    holdout: "Nichts senden an",
    holdoutHint: "Um zu sehen, was die Kampagne bringt.",
    metric: {
      clicked: "geklickt",
      opened: "geöffnet",
      read: "gelesen",
      delivered: "zugestellt",
      replied: "beantwortet",
      converted: "gefolgt vom Ereignis, das zählt",
      person: "von jemandem gewählt",
    },
    name: "Variante",
    remove: "Entfernen",
    removeLong: "Variante {{name}} entfernen",
    subjectOf: "Betreff von {{name}}",
    testShare: "Ausprobieren an",
    testShareHint: "Die anderen warten auf den Gewinner. Leer für alle.",
    textHint: "Leer sagt, was die Kampagne sagt.",
    textOf: "Text von {{name}}",
  },
} as const;

export default experiment;
