// What is wider than its place says so, and fades where more is to be seen.
for (const box of document.querySelectorAll(".scroll")) {
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "scroll sideways for more \u2192";
  hint.setAttribute("aria-hidden", "true");
  hint.hidden = true;
  box.before(hint);
  const look = () => {
    const beyond = box.scrollWidth - box.clientWidth;
    hint.hidden = beyond < 2;
    hint.classList.toggle("done", box.scrollLeft > beyond - 2);
    box.classList.toggle("more", box.scrollLeft < beyond - 2);
    if (beyond >= 2) box.tabIndex = 0; // reached by the keyboard
  };
  box.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(box);
}
