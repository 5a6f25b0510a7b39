// The engraved score: its notes light up, its bars are buttons underneath, a needle moves through it.
const score = {
  box: at("score"),
  needle: make("div", { id: "needle", "aria-hidden": "true" }),
  bars: [],
  places: [],
  lit: new Set(),
  chosen: null,
  choosing: false,
  from: null,

  load(piece, number) {
    this.piece = piece;
    this.number = number;
    this.sounding = sounding(piece);
    this.chosen = null;
    this.draw();
  },

  draw() {
    const layout = small.matches ? "narrow" : "wide";
    const template = at(`score-${this.number}-${layout}`);
    this.box.replaceChildren(template.content.cloneNode(true), this.needle);
    this.byNote = this.piece.notes.map(() => []);
    for (const element of this.box.querySelectorAll("[data-n]")) {
      for (const n of element.dataset.n.split(" ")) this.byNote[n].push(element);
      const [n] = element.dataset.n.split(" ");
      element.append(make("title", {}, noteWords(this.piece, Number(n))));
    }
    this.lit.clear();
    this.measure();
    this.choose(this.chosen);
    looks.paint();
  },

  // Where bars and notes are, in pixels of the box; anew whenever its width changes.
  measure() {
    const origin = this.box.getBoundingClientRect();
    const old = this.bars.findIndex((bar) => bar.button === document.activeElement);
    for (const bar of this.bars) bar.button.remove();
    let last = 0;
    this.bars = [...this.box.querySelectorAll(".measure")].map((element, place) => {
      const lines = [...element.querySelectorAll(".staff > path")].map((path) => path.getBoundingClientRect());
      const edge = (name, pick) => pick(...lines.map((line) => line[name]));
      const rect = {
        left: edge("left", Math.min) - origin.left, right: edge("right", Math.max) - origin.left,
        top: edge("top", Math.min) - origin.top - 14, bottom: edge("bottom", Math.max) - origin.top + 14,
      };
      const starts = [...element.querySelectorAll("[data-n]:not([data-tied])")]
        .map((note) => this.piece.notes[note.dataset.n.split(" ")[0]][0]);
      const start = starts.length ? Math.min(...starts) : last;
      last = Math.max(last, start);
      return { rect, start: place ? start : Math.min(start, starts.length ? start : 0), number: this.piece.bars[place] ?? place + 1 };
    });
    this.placeButtons(Math.max(old, 0));
    if (old >= 0) this.bars[old]?.button.focus({ preventScroll: true });
    this.findPlaces(origin);
    this.follow(player.time, true);
  },

  placeButtons(current) {
    const primerEnd = this.piece.open ? primerSeconds(this.piece) : 0;
    this.bars.forEach((bar, place) => {
      const { left, right, top, bottom } = bar.rect;
      bar.button = make("button", {
        type: "button", class: "bar", tabindex: place === current ? 0 : -1,
        "aria-label": `Bar ${bar.number}, ${clock(bar.start)}`,
        onclick: (event) => this.press(place, event.shiftKey),
      });
      bar.button.classList.toggle("primer", bar.start < primerEnd - 0.001);
      Object.assign(bar.button.style, {
        left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px`,
      });
    });
    this.box.prepend(...this.bars.map((bar) => bar.button));
  },

  // The needle's way: (time, x, bar) of what is written at one place, in order of time.
  findPlaces(origin) {
    const measures = [...this.box.querySelectorAll(".measure")];
    const found = [];
    measures.forEach((measure, index) => {
      for (const element of measure.querySelectorAll("[data-n]:not([data-tied])")) {
        const head = element.querySelector(".notehead");
        if (!head) continue;
        const box = head.getBoundingClientRect();
        for (const n of element.dataset.n.split(" ")) {
          found.push({ time: this.piece.notes[n][0], x: (box.left + box.right) / 2 - origin.left, bar: index });
        }
      }
    });
    found.sort((a, b) => a.time - b.time || a.bar - b.bar || a.x - b.x);
    this.places = [];
    for (const place of found) {
      const before = this.places[this.places.length - 1];
      // Hands that are not quite together must not make the needle tremble.
      const back = before && this.sameLine(before, place) && place.x < before.x && before.x - place.x < 60;
      if (!back) this.places.push(place);
    }
    this.times = this.places.map((place) => place.time);
  },

  sameLine(a, b) { return this.bars[a.bar].rect.top === this.bars[b.bar].rect.top; },

  follow(time, jump = false) {
    const now = this.sounding(time);
    for (const n of this.lit) if (!now.has(n)) this.byNote[n].forEach((element) => element.classList.remove("on"));
    for (const n of now) if (!this.lit.has(n)) this.byNote[n].forEach((element) => element.classList.add("on"));
    this.lit = now;
    if (!this.places.length) return;
    const index = Math.max(countUpTo(this.times, time) - 1, 0);
    const here = this.places[index], next = this.places[index + 1];
    const bar = this.bars[here.bar];
    let x = here.x;
    if (!still.matches && next && time > here.time) {
      const end = this.sameLine(here, next) && next.x > here.x ? next.x : this.lineEnd(here);
      x += (end - here.x) * Math.min((time - here.time) / (next.time - here.time), 1);
    }
    this.needle.style.height = `${bar.rect.bottom - bar.rect.top}px`;
    this.needle.style.transform = `translate(${x}px, ${bar.rect.top}px)`;
    this.needle.dataset.bar = bar.number;
    if (!jump && bar.rect.top !== this.top && !player.audio.paused) this.reveal(bar);
    this.top = bar.rect.top;
    this.now = here.bar;
  },

  lineEnd(place) {
    const top = this.bars[place.bar].rect.top;
    return Math.max(...this.bars.filter((bar) => bar.rect.top === top).map((bar) => bar.rect.right));
  },

  // Scroll so that the line being played stands in the upper half of what is seen.
  reveal(bar) {
    const box = this.box.getBoundingClientRect();
    const dock = document.querySelector(".dock").getBoundingClientRect();
    const top = box.top + bar.rect.top, bottom = box.top + bar.rect.bottom;
    if (top < 10 || bottom > dock.top - 10) scrollBy({ top: top - dock.top * 0.15, behavior: still.matches ? "auto" : "smooth" });
  },

  press(place, extend) {
    if (this.choosing) {
      const begun = this.chosen && this.chosen[0] === this.chosen[1];
      if (!begun) this.from = place;
      this.choose([Math.min(this.from, place), Math.max(this.from, place)]);
    } else if (extend) {
      if (this.from === null) this.from = this.now ?? place;
      this.choose([Math.min(this.from, place), Math.max(this.from, place)]);
    } else {
      this.from = place;
      this.choose(null);
      player.seek(this.bars[place].start);
    }
    this.focus(place, false);
  },

  focus(place, move = true) {
    const bar = this.bars[Math.min(Math.max(place, 0), this.bars.length - 1)];
    for (const each of this.bars) each.button.tabIndex = each === bar ? 0 : -1;
    if (move) bar.button.focus({ preventScroll: true });
    return bar;
  },

  // One bar on or back; with shift what is chosen grows.
  step(by, extend) {
    const held = this.bars.findIndex((bar) => bar.button === document.activeElement);
    const place = Math.min(Math.max((held < 0 ? this.now ?? 0 : held) + by, 0), this.bars.length - 1);
    if (extend && this.from === null) this.from = held < 0 ? this.now ?? 0 : held;
    if (!extend) player.seek(this.bars[place].start);
    if (held >= 0 || extend) this.reveal(this.focus(place));
    if (extend) this.choose([Math.min(this.from, place), Math.max(this.from, place)]);
    else { this.from = place; if (this.chosen && !player.loop) this.choose(null); }
  },

  choose(range) {
    this.chosen = range;
    this.bars.forEach((bar, place) => {
      const chosen = Boolean(range) && place >= range[0] && place <= range[1];
      bar.button.classList.toggle("chosen", chosen);
      bar.button.setAttribute("aria-pressed", String(chosen));
    });
    const numbers = range && range.map((place) => this.bars[place].number);
    at("loop").disabled = !range;
    if (!range) this.setLoop(null);
    else if (player.loop) this.setLoop(this.span());
    at("selected").textContent = !range ? ""
      : numbers[0] === numbers[1] ? `Bar ${numbers[0]} is chosen.` : `Bars ${numbers[0]} to ${numbers[1]} are chosen.`;
    if (data.selectable) parent.postMessage({ kind: "bars", bars: numbers }, "*");
  },

  span() {
    const after = this.bars[this.chosen[1] + 1];
    return [this.bars[this.chosen[0]].start, after ? after.start : this.piece.seconds];
  },

  setLoop(span) {
    player.loop = span;
    at("loop").setAttribute("aria-pressed", String(Boolean(span)));
  },

  toggleLoop() {
    this.setLoop(player.loop ? null : this.span());
    if (player.loop) player.seek(player.loop[0]);
  },

  begin() {
    this.box.addEventListener("click", (event) => {
      const note = event.target.closest("[data-n]");
      if (!note) return;
      if (event.shiftKey || this.choosing) {
        this.press([...this.box.querySelectorAll(".measure")].indexOf(note.closest(".measure")), event.shiftKey);
        return;
      }
      const times = note.dataset.n.split(" ").map((n) => this.piece.notes[n][0]);
      // Of a note that is played twice, the time that is nearest.
      player.seek(times.sort((a, b) => Math.abs(a - player.time) - Math.abs(b - player.time))[0]);
    });
    at("choosing").addEventListener("click", () => {
      this.choosing = !this.choosing;
      at("choosing").setAttribute("aria-pressed", String(this.choosing));
      if (!this.choosing) this.choose(null);
    });
    new ResizeObserver(() => { if (this.piece && this.box.clientWidth !== this.width) { this.width = this.box.clientWidth; this.measure(); } }).observe(this.box);
    small.addEventListener("change", () => this.piece && this.draw());
    player.listeners.push((time) => this.follow(time));
  },
};

function noteWords(piece, n) {
  const [onset, , pitch, velocity] = piece.notes[n];
  const nats = piece.open?.judged ? `, ${piece.open.judged.nats[n].toFixed(1)} nats` : "";
  return `${pitchName(pitch)}, ${onset.toFixed(2)} s, velocity ${velocity}${nats}`;
}

// When the first note that is not the primer's starts.
function primerSeconds(piece) {
  const first = piece.open.primer;
  return first > 0 ? (piece.notes[first] ?? [piece.seconds])[0] : 0;
}
