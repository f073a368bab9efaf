// Some browsers do not play a video from a data address, so each becomes a file in memory.
function intoMemory(video) {
  const bytes = Uint8Array.from(atob(video.src.split(",")[1]), (character) => character.charCodeAt(0));
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  video.controls = false;
}

const MOST_RATE_CHANGE = 0.25;

// Keeps a silent video on the frame of another one: a little faster or slower, so that it does not jump; far off, it jumps.
function keepUp(video, leader, frameSeconds) {
  if (video.ended || video.seeking) return;
  const late = leader.currentTime - video.currentTime;
  if (Math.abs(late) > 3 * frameSeconds) video.currentTime = leader.currentTime;
  const isNear = Math.abs(late) < frameSeconds / 8 || Math.abs(late) > 3 * frameSeconds;
  video.playbackRate = isNear ? 1 : 1 + Math.max(-MOST_RATE_CHANGE, Math.min(MOST_RATE_CHANGE, 5 * late));
}

// One player: all its videos follow the one that is heard.
class Player {
  constructor(element) {
    this.frameSeconds = 1 / Number(element.dataset.fps);
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
    this.leader.playbackRate = 1;
    if (wasPlaying) this.play();
  }

  isOn() {
    return this.playButton.getAttribute("aria-pressed") === "true";
  }

  play() {
    players.forEach((other) => other !== this && other.pause());
    this.seek(this.leader.currentTime);
    this.start();
    this.playButton.setAttribute("aria-pressed", "true");
    this.playButton.setAttribute("aria-label", "Pause all");
    requestAnimationFrame(() => this.follow());
  }

  // All begin at once, when each has the frame to begin with.
  async start() {
    const late = this.videos.filter((video) => video.seeking);
    await Promise.all(late.map((video) => new Promise((done) => video.addEventListener("seeked", done, { once: true }))));
    if (this.isOn()) await Promise.all(this.videos.map((video) => video.play())).catch(() => this.pause());
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
    for (const video of this.videos) {
      const target = Math.min(seconds, video.duration || seconds);
      if (video.currentTime !== target) video.currentTime = target;
    }
    this.show();
  }

  follow() {
    for (const video of this.videos) if (video !== this.leader) keepUp(video, this.leader, this.frameSeconds);
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
