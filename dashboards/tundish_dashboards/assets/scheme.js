/* Light or dark, before anything is drawn: the choice that Mantine keeps, or else what the system asks for. */
(function () {
  "use strict";
  var chosen = null;
  try {
    chosen = window.localStorage.getItem("mantine-color-scheme-value");
  } catch (refused) {
    /* A browser that keeps nothing shows what the system asks for. */
  }
  if (chosen !== "light" && chosen !== "dark") {
    chosen = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.documentElement.setAttribute("data-mantine-color-scheme", chosen);
})();
