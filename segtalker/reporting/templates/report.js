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
    this.listenTo(this.speakers.find((speaker) => speaker.getAttribute("aria-pressed") === "true"));
    this.playButton.addEventListener("click", () => (this.leader.paused ? this.play() : this.pause()));
    this.slider.addEventListener("input", () => this.seek((this.slider.value / 1000) * this.leader.duration));
    this.speakers.forEach((speaker) => speaker.addEventListener("click", () => this.listenTo(speaker)));
    this.videos.forEach((video) =>
      video.addEventListener("ended", () => video === this.leader && this.restart())
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
    if (this.playButton.getAttribute("aria-pressed") === "true") requestAnimationFrame(() => this.follow());
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
