// The piano roll: time across, pitch up, loudness as colour, the pedal below.
const roll = {
  box: at("roll"),
  lit: new Set(),

  load(piece) {
    this.piece = piece;
    this.sounding = sounding(piece);
    this.draw();
  },

  draw() {
    const piece = this.piece;
    const height = small.matches ? 96 : 132, bottom = height - 12, top = 10;
    const pitches = piece.notes.map((note) => note[2]);
    const low = Math.min(...pitches) - 2, high = Math.max(...pitches) + 2;
    const width = Math.max(this.box.clientWidth, piece.seconds * (small.matches ? 48 : 64));
    this.scale = width / Math.max(piece.seconds, 0.1);
    const step = (bottom - top) / (high - low);
    const x = (seconds) => (seconds * this.scale).toFixed(1);
    const y = (pitch) => bottom - (pitch - low) * step;
    const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const primer = piece.open ? primerSeconds(piece) : 0;
    if (primer) svg.append(make("rect", { class: "before", x: 0, y: 0, width: x(primer), height }));
    for (let pitch = Math.ceil(low / 12) * 12; pitch < high; pitch += 12) {
      svg.append(make("line", { class: "octave", x1: 0, x2: width, y1: y(pitch), y2: y(pitch) }),
        make("text", { x: 3, y: y(pitch) - 2 }, pitchName(pitch)));
    }
    for (const [down, up] of piece.pedal) {
      svg.append(make("rect", { class: "pedal", x: x(down), y: height - 7, width: Math.max((up - down) * this.scale - 1, 1), height: 3 }));
    }
    if (piece.pedal.length) svg.append(make("text", { x: 3, y: height - 9 }, "Ped."));
    if (primer) {
      svg.append(make("line", { class: "edge", x1: x(primer), x2: x(primer), y1: 0, y2: height }),
        make("text", { x: Number(x(primer)) + 4, y: 11 }, "new from here"));
    }
    this.notes = piece.notes.map(([onset, end, pitch], n) => make("rect", {
      class: "n", x: x(onset), y: (y(pitch) - Math.max(step, 3.4) / 2).toFixed(1), rx: 1.5,
      width: Math.max((end - onset) * this.scale - 0.7, 2).toFixed(1), height: Math.max(step, 3.4).toFixed(1), "data-n": n,
    }, make("title", {}, noteWords(piece, n))));
    svg.append(...this.notes);
    for (const run of piece.open?.judged?.copied ?? []) {
      svg.append(make("path", { class: "copy", d: `M${x(run.start)} 7V3H${x(run.end)}V7` },
        make("title", {}, `${run.notes.length} notes as in ${run.piece}`)));
    }
    this.needle = make("line", { class: "needle", x1: 0, x2: 0, y1: 0, y2: height });
    svg.append(this.needle);
    this.box.replaceChildren(svg);
    this.lit.clear();
    looks.paint();
    this.follow(player.time);
  },

  follow(time) {
    const now = this.sounding(time);
    for (const n of this.lit) if (!now.has(n)) this.notes[n].classList.remove("on");
    for (const n of now) if (!this.lit.has(n)) this.notes[n].classList.add("on");
    this.lit = now;
    const x = time * this.scale;
    this.needle.setAttribute("transform", `translate(${x.toFixed(1)} 0)`);
    const { scrollLeft, clientWidth } = this.box;
    if (player.audio.paused && x >= scrollLeft && x <= scrollLeft + clientWidth) return;
    // The needle stays at a third; without motion the roll turns like a page.
    if (!still.matches) this.box.scrollLeft = x - clientWidth / 3;
    else if (x < scrollLeft || x > scrollLeft + clientWidth * 0.95) this.box.scrollLeft = x - clientWidth * 0.05;
  },

  begin() {
    this.box.addEventListener("click", (event) => {
      const note = event.target.closest("[data-n]");
      const left = this.box.firstChild.getBoundingClientRect().left;
      player.seek(note ? this.piece.notes[note.dataset.n][0] : (event.clientX - left) / this.scale);
    });
    addEventListener("resize", () => this.piece && this.draw());
    player.listeners.push((time) => this.follow(time));
  },
};
