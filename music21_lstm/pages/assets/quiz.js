// "Which one is the LSTM?": guesses, and the answers once they are asked for.
const quiz = {
  guesses: new Map(),
  revealed: !data.quiz,

  name: (number) => `Piece ${String.fromCharCode(65 + number)}`,

  load(number) {
    at("quiz").hidden = !data.quiz;
    if (!data.quiz) return;
    const choices = [[false, "a person"], [true, "a model"]].map(([machine, label]) => make("label", {},
      make("input", {
        type: "radio", name: "guess", disabled: this.revealed, checked: this.guesses.get(number) === machine,
        onchange: () => { this.guesses.set(number, machine); gallery.draw(); },
      }), label));
    const body = [make("fieldset", {}, make("legend", {}, `${this.name(number)} was made by`), ...choices)];
    if (this.revealed) {
      const right = data.pieces.filter((piece, i) => this.guesses.get(i) === piece.open.machine).length;
      const answer = data.pieces[number].open.machine ? "A model made it" : "A person made it";
      body.push(make("p", {}, `${answer}: ${data.pieces[number].open.title}.`),
        make("p", { id: "verdict", role: "status" }, `${right} of ${data.pieces.length} are right.`));
    } else {
      body.push(make("div", { class: "row" }, make("button", { type: "button", id: "reveal", onclick: () => this.reveal() }, "Show the answers")));
    }
    at("quiz-body").replaceChildren(...body);
  },

  reveal() {
    for (const piece of data.pieces) {
      piece.open = JSON.parse(new TextDecoder().decode(bytesOf(piece.sealed)));
    }
    this.revealed = true;
    select(gallery.current);
    at("verdict").setAttribute("tabindex", "-1");
    at("verdict").focus();
  },

  mark(number) {
    const guess = this.guesses.get(number);
    if (!data.quiz || guess === undefined) return "";
    if (!this.revealed) return guess ? " – a model?" : " – a person?";
    return guess === data.pieces[number].open.machine ? " ✓ right" : " ✗ wrong";
  },
};

const gallery = {
  current: 0,

  title(number) {
    const piece = data.pieces[number];
    if (!data.quiz) return piece.open.title;
    return this.hiddenTitle(number) + (piece.open ? `: ${piece.open.title}` : "");
  },

  hiddenTitle: (number) => quiz.name(number),

  draw() {
    at("gallery").hidden = data.pieces.length < 2;
    const held = document.activeElement?.dataset?.piece;
    at("gallery").replaceChildren(...data.pieces.map((piece, number) => make("button", {
      type: "button", "data-piece": number, "aria-current": String(number === this.current), onclick: () => select(number),
    }, this.title(number), make("span", { class: "verdict" }, quiz.mark(number)))));
    if (held !== undefined) at("gallery").children[held]?.focus();
  },
};
