// How the notes are coloured, and what there is to read.
const looks = {
  kind: "plain",

  load(piece) {
    const kinds = [["plain", "Plain"]];
    if (piece.open && (piece.open.primer || piece.open.judged?.copied?.length)) kinds.push(["origin", "Origin"]);
    if (piece.open?.judged) kinds.push(["nats", "Surprise"]);
    if (!kinds.some(([kind]) => kind === this.kind)) this.kind = kinds.length > 1 ? kinds[1][0] : "plain";
    at("looks").replaceChildren(...kinds.map(([kind, label]) => make("button", {
      type: "button", "aria-pressed": String(kind === this.kind), onclick: () => this.choose(kind),
    }, label)));
    at("looks").hidden = kinds.length < 2;
    this.kinds = kinds;
  },

  choose(kind) {
    this.kind = kind;
    [...at("looks").children].forEach((button, i) => button.setAttribute("aria-pressed", String(this.kinds[i][0] === kind)));
    this.paint();
  },

  paint() {
    const piece = score.piece;
    if (!piece || !roll.notes || roll.piece !== piece) return;
    const copied = new Set((piece.open?.judged?.copied ?? []).flatMap((run) => run.notes));
    piece.notes.forEach((note, n) => {
      const tone = this.tone(piece, n, copied);
      roll.notes[n].style.setProperty("--tone", tone ?? mixed(ramp("loud"), (note[3] - 20) / 90));
      for (const element of score.byNote[n]) {
        if (tone) element.style.setProperty("--tone", tone); else element.style.removeProperty("--tone");
      }
    });
    this.tell(piece, copied);
  },

  tone(piece, n, copied) {
    if (this.kind === "nats") return mixed(ramp("nats"), piece.open.judged.nats[n] / piece.open.judged.top);
    if (this.kind !== "origin") return null;
    if (n < piece.open.primer) return "var(--primer)";
    return copied.has(n) ? "var(--copied)" : "var(--new)";
  },

  tell(piece, copied) {
    const swatch = (color, text) => {
      const box = make("span", { class: "swatch" });
      box.style.background = color;
      return make("span", {}, box, text);
    };
    const scale = (kind, low, high) => {
      const box = make("span", { class: "ramp" });
      box.style.background = `linear-gradient(to right, ${ramp(kind).join(",")})`;
      return make("span", {}, low, box, high);
    };
    const told = [];
    if (this.kind === "plain") told.push(scale("loud", "soft", "loud"));
    if (this.kind === "nats") {
      const { top, judge } = piece.open.judged;
      told.push(scale("nats", "0 nats", `${top.toFixed(0)} nats or more`), make("span", {}, `a note surprises ${judge}`));
    }
    if (this.kind === "origin") {
      if (piece.open.primer) told.push(swatch("var(--primer)", "primer"));
      told.push(swatch("var(--new)", piece.open.primer ? "continuation" : "not in the training set"));
      if (copied.size) told.push(swatch("var(--copied)", "stands in the training set"));
    }
    at("legend").replaceChildren(...told);
  },
};

const about = {
  urls: [],

  load(piece) {
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    this.urls = [];
    const open = piece.open;
    at("about").hidden = !open;
    if (!open) return;
    const facts = [["Title", open.title], ["Composer", open.composer], ...open.facts, ...this.judged(open)];
    const list = make("dl", {}, ...facts.filter(([, value]) => value).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, value))));
    const files = make("div", { class: "row" }, make("span", {}, "Download"), ...open.files.map((file) => this.link(piece, file)));
    at("about-body").replaceChildren(list, ...this.command(open), files);
  },

  judged(open) {
    const judged = open.judged;
    if (!judged) return [];
    const facts = [["Surprise", `${judged.mean.toFixed(2)} nats a note, of ${judged.judge}`]];
    if (judged.copied) {
      const longest = Math.max(0, ...judged.copied.map((run) => run.notes.length));
      const share = judged.share === null
        ? (longest ? "" : `nothing after the primer stands in the training set of ${judged.judge}`)
        : `${(100 * judged.share).toFixed(1)} % of its runs of eight notes stand in the training set of ${judged.judge}`;
      const most = longest ? `the longest passage ${share ? "" : `that stands in the training set of ${judged.judge} `}has ${longest} notes` : "";
      facts.push(["Originality", [share, most].filter(Boolean).join("; ")]);
      for (const run of judged.copied.slice(0, 5)) {
        facts.push(["Copied", `${run.notes.length} notes, ${clock(run.start)} to ${clock(run.end)}, as in ${run.piece}`]);
      }
    }
    return facts;
  },

  command(open) {
    if (!open.command) return [];
    const said = make("span", { role: "status" });
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(open.command);
        said.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(text);
        said.textContent = "selected; copy it from there";
      }
    };
    const text = make("pre", { tabindex: 0, "aria-label": "The command that repeats it" }, open.command);
    return [make("p", { class: "row" }, "To have it again:", make("button", { type: "button", onclick: copy }, "Copy"), said), text];
  },

  link(piece, file) {
    const bytes = bytesOf(file.data ?? piece.audio);
    const url = URL.createObjectURL(new Blob([bytes], { type: file.type }));
    this.urls.push(url);
    const size = bytes.length < 1e6 ? `${Math.ceil(bytes.length / 1000)} kB` : `${(bytes.length / 1e6).toFixed(1)} MB`;
    return make("a", { class: "file", href: url, download: file.name, "aria-label": `${file.label}, ${size}` }, file.label);
  },
};
