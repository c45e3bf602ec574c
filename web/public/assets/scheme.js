// Sets the colours before anything is drawn, so that a dark console does not flash.
(() => {
  const kept = window.localStorage.getItem("mantine-color-scheme-value");
  const dark = kept === "dark" || (kept !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
