// Putting it together.
function select(number) {
  const piece = data.pieces[number];
  const same = player.piece === piece;
  gallery.current = number;
  gallery.draw();
  if (!same) player.load(piece);
  looks.load(piece);
  score.load(piece, number);
  roll.load(piece);
  about.load(piece);
  quiz.load(number);
  player.tell();
  const open = piece.open;
  const told = open ? [data.pieces.length > 1 ? open.title : "", open.composer, ...open.facts.filter(([name]) => ["Length", "Model", "Seed"].includes(name)).map(([name, value]) => name === "Length" ? value : `${name.toLowerCase()} ${value}`)] : [quiz.name(number), clock(piece.seconds)];
  at("subtitle").textContent = told.filter(Boolean).join(" · ");
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  const typing = target.matches("input, select, textarea");
  const bar = target.classList.contains("bar");
  const onButton = target.matches("button, a, summary") && !bar;
  if (event.key === " " && !typing && !onButton) player.toggle();
  else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && !typing) score.step(event.key === "ArrowLeft" ? -1 : 1, event.shiftKey);
  else if (event.key === "Escape" && score.chosen) score.choose(null);
  else if ((event.key === "+" || event.key === "-" || event.key === "−") && !typing) {
    player.setTempo(Math.min(100, Math.max(50, Number(at("tempo").value) + (event.key === "+" ? 5 : -5))));
  } else if (event.key === "Home" && bar) score.step(-score.bars.length, event.shiftKey);
  else if (event.key === "End" && bar) score.step(score.bars.length, event.shiftKey);
  else return;
  event.preventDefault();
}

const system = matchMedia("(prefers-color-scheme: dark)");
setTheme(system.matches);
system.addEventListener("change", () => { setTheme(system.matches); looks.paint(); });
at("theme").addEventListener("click", () => { setTheme(!isDark()); looks.paint(); });
addEventListener("keydown", pressed);
player.begin();
score.begin();
roll.begin();
select(0);
