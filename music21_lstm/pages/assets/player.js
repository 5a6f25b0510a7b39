// The sound, and the time that all else follows.
const player = {
  audio: at("audio"),
  url: null,
  piece: null,
  listeners: [],
  loop: null,

  load(piece) {
    this.audio.pause();
    if (this.url) URL.revokeObjectURL(this.url);
    this.piece = piece;
    this.loop = null;
    this.url = URL.createObjectURL(new Blob([bytesOf(piece.audio)], { type: "audio/mpeg" }));
    this.audio.src = this.url;
    this.setTempo(Number(at("tempo").value));
    at("position").max = piece.seconds;
  },

  get time() { return this.audio.currentTime; },

  seek(seconds) {
    this.audio.currentTime = Math.min(Math.max(seconds, 0), this.piece.seconds);
    this.tell();
  },

  toggle() { if (this.audio.paused) this.audio.play(); else this.audio.pause(); },

  setTempo(percent) {
    this.audio.preservesPitch = true;
    this.audio.defaultPlaybackRate = this.audio.playbackRate = percent / 100;
    at("tempo").value = percent;
    at("tempo-now").textContent = `${percent} %`;
  },

  tell() {
    const time = this.time;
    at("position").value = time;
    at("position").setAttribute("aria-valuetext", `${clock(time)} of ${clock(this.piece.seconds)}`);
    // The sound dies away after the last note.
    at("clock").textContent = `${clock(Math.min(time, this.piece.seconds))} / ${clock(this.piece.seconds)}`;
    for (const listener of this.listeners) listener(time);
  },

  run() {
    if (this.loop && this.time >= this.loop[1]) this.audio.currentTime = this.loop[0];
    this.tell();
    if (!this.audio.paused) requestAnimationFrame(() => this.run());
  },

  begin() {
    const shape = { play: "M7 4.5v15L20 12z", pause: "M6.5 5h4v14h-4zM13.5 5h4v14h-4z" };
    const show = () => {
      const paused = this.audio.paused;
      at("play").setAttribute("aria-label", paused ? "Play" : "Pause");
      at("play-shape").setAttribute("d", paused ? shape.play : shape.pause);
      if (!paused) this.run();
    };
    this.audio.addEventListener("play", show);
    this.audio.addEventListener("pause", show);
    this.audio.addEventListener("ended", show);
    this.audio.addEventListener("seeked", () => this.tell());
    at("play").addEventListener("click", () => this.toggle());
    at("back").addEventListener("click", () => this.seek(this.loop ? this.loop[0] : 0));
    at("position").addEventListener("input", (event) => this.seek(Number(event.target.value)));
    at("tempo").addEventListener("input", (event) => this.setTempo(Number(event.target.value)));
    at("loop").addEventListener("click", () => score.toggleLoop());
  },
};

// The notes that sound at a time, kept up to date as it goes on.
function sounding(piece) {
  const onsets = piece.notes.map((note) => note[0]);
  const longest = Math.max(...piece.notes.map((note) => note[1] - note[0]));
  return (time) => {
    const found = new Set();
    for (let i = countUpTo(onsets, time) - 1; i >= 0 && onsets[i] >= time - longest - 0.01; i--) {
      if (piece.notes[i][1] > time) found.add(i);
    }
    return found;
  };
}
