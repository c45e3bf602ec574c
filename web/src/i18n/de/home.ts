const home = {
  home: {
    doubt_one: "{{n}} Nachricht ist im Zweifel: Ob der Anbieter sie angenommen hat, ist nicht bekannt.",
    doubt_other: "{{n}} Nachrichten sind im Zweifel: Ob der Anbieter sie angenommen hat, ist nicht bekannt.",
    failed: "{{n}} gescheitert",
    failedUpload: "Der Import von {{file}} ist gescheitert: {{why}}",
    lastDays: "Die letzten 30 Tage",
    needs: "Das braucht dich",
    next: "Die nächsten sieben Tage",
    nothingNext: "Nichts ist geplant.",
    nothingNow: "Gerade wird nichts versendet.",
    nothingSent: "Noch wurde nichts versendet.",
    now: "Läuft gerade",
    recipients_one: "{{n}} Person",
    recipients_other: "{{n}} Personen",
    sender: "Deine Rolle versendet einzelne Nachrichten über die API. Kampagnen macht die Redaktion.",
    sent: "{{n}} versendet",
    title: "Start",
  },
  first: {
    campaign: "Die erste Kampagne anlegen",
    channel: "Ein Kanal, über den versendet wird",
    people: "Menschen, an die geschrieben wird",
    sandbox: "Einen Sandkasten ausprobieren",
    title: "Drei Schritte zum ersten Newsletter",
    upload: "Eine Datei hochladen",
  },
};

export default home;
