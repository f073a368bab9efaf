"use strict";

// The theme: the system's until someone chooses; then that of every page, by the browser's memory and, where a page in a
// file has none, by the address of links between pages. In the head, so that no page shows the other theme first.
const root = document.documentElement;
const THEME_KEY = "segtalker.theme";
function rememberedTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null;
  }
}
function setTheme(theme) {
  if (theme !== "light" && theme !== "dark") return;
  root.dataset.theme = theme;
  try {
    localStorage.setItem(THEME_KEY, theme);
  } catch {
    // kept by the links alone
  }
  document.querySelectorAll("a[data-page]").forEach((link) => (link.search = `?theme=${theme}`));
}
setTheme(new URLSearchParams(location.search).get("theme") ?? rememberedTheme());
addEventListener("storage", (event) => event.key === THEME_KEY && setTheme(event.newValue));
addEventListener("DOMContentLoaded", () => {
  setTheme(root.dataset.theme);
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.querySelector(".theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
});
