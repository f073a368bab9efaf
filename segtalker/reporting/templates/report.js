"use strict";

// The theme: the system's until someone chooses.
const root = document.documentElement;
const themeButton = document.querySelector(".theme");
const isDark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
themeButton.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
});

// Some browsers do not play a video from a data address, so each becomes a file in memory.
function intoMemory(video) {
  const bytes = Uint8Array.from(atob(video.src.split(",")[1]), (character) => character.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  video.controls = false;
}

const LATE_S = 0.05;

// One player: all its videos follow the one that is heard.
class Player {
  constructor(element) {
    this.videos = [...element.querySelectorAll("video")];
    this.speakers = [...element.querySelectorAll(".sound")];
    this.playButton = element.querySelector(".play");
    this.slider = element.querySelector(".wave input");
    this.progress = element.querySelector(".wave .clip");
    this.clock = element.querySelector(".clock");
    this.videos.forEach(intoMemory);
    this.videos.forEach((video) => video.addEventListener("loadedmetadata", () => this.show()));
    this.listenTo(this.speakers.find((speaker) => speaker.getAttribute("aria-pressed") === "true"));
    this.playButton.addEventListener("click", () => (this.leader.paused ? this.play() : this.pause()));
    this.slider.addEventListener("input", () => this.seek((this.slider.value / 1000) * this.leader.duration));
    this.speakers.forEach((speaker) => speaker.addEventListener("click", () => this.listenTo(speaker)));
    this.videos.forEach((video) =>
      // the event comes a moment after the end: by then another player may have been started
      video.addEventListener("ended", () => video === this.leader && this.isOn() && this.restart())
    );
    element.querySelectorAll("[hidden]").forEach((part) => (part.hidden = false));
  }

  listenTo(speaker) {
    const wasPlaying = this.leader && !this.leader.paused;
    this.leader = speaker.parentElement.querySelector("video");
    this.speakers.forEach((other) => other.setAttribute("aria-pressed", other === speaker));
    this.videos.forEach((video) => (video.muted = video !== this.leader));
    if (wasPlaying) this.play();
  }

  isOn() {
    return this.playButton.getAttribute("aria-pressed") === "true";
  }

  play() {
    players.forEach((other) => other !== this && other.pause());
    this.seek(this.leader.currentTime);
    Promise.all(this.videos.map((video) => video.play())).catch(() => this.pause());
    this.playButton.setAttribute("aria-pressed", "true");
    this.playButton.setAttribute("aria-label", "Pause all");
    requestAnimationFrame(() => this.follow());
  }

  pause() {
    this.videos.forEach((video) => video.pause());
    this.playButton.setAttribute("aria-pressed", "false");
    this.playButton.setAttribute("aria-label", "Play all with sound");
  }

  restart() {
    this.seek(0);
    this.play();
  }

  seek(seconds) {
    this.videos.forEach((video) => (video.currentTime = Math.min(seconds, video.duration || seconds)));
    this.show();
  }

  follow() {
    const now = this.leader.currentTime;
    for (const video of this.videos) {
      if (Math.abs(video.currentTime - now) > LATE_S && !video.ended && !video.seeking) video.currentTime = now;
    }
    this.show();
    if (this.isOn()) requestAnimationFrame(() => this.follow());
  }

  show() {
    const { currentTime, duration } = this.leader;
    const share = duration ? currentTime / duration : 0;
    this.slider.value = share * 1000;
    this.progress.setAttribute("width", 100 * share);
    this.clock.textContent = `${currentTime.toFixed(1)} / ${(duration || 0).toFixed(1)} s`;
  }
}

const players = [...document.querySelectorAll(".player")].map((element) => new Player(element));

// Plain tables: a click on a heading sorts the rows by it, a second one turns the order round.
const valueOf = (cell) => {
  const text = cell.textContent.trim();
  const number = Number.parseFloat(text);
  return { text, number: Number.isNaN(number) ? null : number };
};
const compareCells = (one, other, numeric) => {
  const [a, b] = [valueOf(one), valueOf(other)];
  if (!numeric) return a.text.localeCompare(b.text, undefined, { numeric: true });
  if (a.number === null || b.number === null) return (a.number === null) - (b.number === null);
  return a.number - b.number;
};
function sortRows(table, heading) {
  const column = heading.cellIndex;
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const body = table.tBodies[0];
  const isEmpty = (row) => row.cells[column].textContent.trim() === "";
  const numeric = heading.classList.contains("num");
  const rows = [...body.rows].sort((one, other) => {
    if (isEmpty(one) !== isEmpty(other)) return isEmpty(one) - isEmpty(other);
    const order = compareCells(one.cells[column], other.cells[column], numeric);
    return rising ? order : -order;
  });
  body.append(...rows);
}
document.querySelectorAll("table.plain").forEach((table) => {
  if (table.tBodies[0].rows.length < 2) return;
  table.querySelectorAll("thead th").forEach((heading) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortRows(table, heading));
  });
});

// The results have a column a method: ordering by a metric moves the columns, what has no value comes last.
document.querySelectorAll("table.scores .order").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => {
    const row = button.closest("tr");
    const sign = button.dataset.higher === "true" ? -1 : 1;
    const places = [...row.cells].slice(1).map((cell, index) => [index, valueOf(cell).number]);
    places.sort(([, a], [, b]) => (a === null || b === null ? (a === null) - (b === null) : sign * (a - b)));
    for (const line of row.closest("table").rows) {
      const cells = [...line.cells].slice(1);
      line.append(...places.map(([index]) => cells[index]));
    }
    row.closest("table").querySelectorAll(".order").forEach((other) => other.setAttribute("aria-pressed", other === button));
  });
});

// The stage beside the title: the first clip's talking mask and output, silent, for those who like motion.
const stage = document.querySelector(".stage");
const originals = { mask: ".tile.mask video", face: ".tile.heard video" };
const shown = [...stage.querySelectorAll("video")].map((copy) => [copy, document.querySelector(originals[copy.dataset.copy])]);
const startStage = () => {
  shown.forEach(([copy]) => (copy.currentTime = 0));
  Promise.all(shown.map(([copy]) => copy.play())).catch(() => shown.forEach(([copy]) => copy.pause()));
};
if (shown.every(([, original]) => original)) {
  shown.forEach(([copy, original]) => (copy.src = original.src));
  stage.hidden = false;
  const [[mask], [face]] = shown;
  face.addEventListener("ended", startStage);
  face.addEventListener("timeupdate", () => {
    if (Math.abs(mask.currentTime - face.currentTime) > LATE_S && !face.ended) mask.currentTime = face.currentTime;
  });
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) startStage();
}
