// The studio: a form, orders on their way, and what was made.
const studio = { shown: null, bars: null, made: [] };
const oneColumn = matchMedia("(max-width: 900px)");
const SEEN = "music21-lstm-studio";
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

function tell(text, bad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", bad);
}

function primerKind() { return document.querySelector("input[name=primer]:checked").value; }

function arrange() {
  const kind = primerKind();
  at("corpus-field").hidden = kind !== "corpus";
  at("file-field").hidden = kind !== "file";
  at("measures-field").hidden = kind === "none";
  const preset = data.presets.find((each) => each.name === at("preset").value);
  for (const name of ["key", "density"]) at(name).disabled = !preset.steering;
  at("amount").max = data.longest[at("unit").value];
}

function choosePreset() {
  const preset = data.presets.find((each) => each.name === at("preset").value);
  at("unit").value = preset.played ? "seconds" : "measures";
  at("amount").value = preset.played ? 30 : 8;
  arrange();
}

async function base64Of(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

async function asked() {
  const order = Object.fromEntries(["preset", "amount", "unit", "temperature", "seed"].map((name) => [name, at(name).value]));
  for (const name of ["key", "density"]) if (!at(name).disabled) order[name] = at(name).value;
  const kind = primerKind();
  if (kind !== "none") order.measures = at("measures").value;
  if (kind === "corpus") order.corpus = at("corpus").value;
  if (kind === "file") {
    const file = at("file").files[0];
    if (!file) throw new Error("Choose a file first.");
    if (file.size > data.uploadLimit) throw new Error(`The file is larger than ${data.uploadLimit / 1e6} MB; cut it first.`);
    Object.assign(order, { name: file.name, upload: await base64Of(file) });
  }
  return order;
}

// Send an order, follow it, show what came of it.
async function send(orderOf) {
  for (const id of ["generate", "fill-go"]) at(id).disabled = true;
  at("work").hidden = false;
  at("progress").value = 0;
  tell("");
  at("status").scrollIntoView({ block: "nearest" });
  try {
    const answer = await fetch("/pieces", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(await orderOf()),
    });
    const words = await answer.text();
    if (answer.status !== 202) throw new Error(answer.headers.get("content-type").includes("json") ? JSON.parse(words).error : words);
    await followed(JSON.parse(words).name);
  } catch (error) {
    tell(error instanceof TypeError ? "The studio does not answer; is it still running?" : error.message, true);
  } finally {
    at("work").hidden = true;
    at("generate").disabled = false;
    at("fill-go").disabled = !studio.bars;
  }
}

const STAGES = ["waiting", "reading", "improvising", "engraving"];

async function followed(name) {
  const start = Date.now();
  for (;;) {
    const told = await (await fetch(`/pieces/${name}`)).json();
    if (told.state === "failed" || told.state === undefined) throw new Error(told.error);
    if (told.state === "done") {
      remember({ name, title: told.title, seed: told.seed, preset: told.preset, notes: told.notes });
      show(name);
      tell(`Done: ${told.notes} notes, seed ${told.seed}.`);
      return;
    }
    at("progress").value = STAGES.findIndex((stage) => told.stage.startsWith(stage)) + 0.5;
    const seconds = Math.round((Date.now() - start) / 1000);
    tell(told.before ? `Waiting; ${told.before} before this one (${seconds} s).` : `${told.stage[0].toUpperCase()}${told.stage.slice(1)} … ${seconds} s`);
    await wait(500);
  }
}

function remember(piece) {
  studio.made = [piece, ...studio.made].slice(0, 30);
  try { sessionStorage.setItem(SEEN, JSON.stringify(studio.made)); } catch { /* only this page knows then */ }
  list();
}

function list() {
  at("none").hidden = studio.made.length > 0;
  at("history").replaceChildren(...studio.made.map((piece) => make("li", {}, make("button", {
    type: "button", "aria-current": String(piece.name === studio.shown), onclick: () => show(piece.name),
  }, piece.title))));
}

function show(name) {
  studio.shown = name;
  studio.bars = null;
  at("frame").src = `/pieces/${encodeURIComponent(name)}/page`;
  at("frame").hidden = false;
  at("empty").hidden = true;
  chosen(null);
  list();
  // On a telephone it stands below the form, and below what has just been shown there.
  if (oneColumn.matches) at("frame").scrollIntoView({ block: "start" });
}

function chosen(bars) {
  studio.bars = bars;
  at("fill").hidden = !studio.shown;
  at("fill-go").disabled = !bars || at("generate").disabled;
  at("fill-words").textContent = bars
    ? (bars[0] === bars[1] ? `Bar ${bars[0]} is chosen.` : `Bars ${bars[0]} to ${bars[1]} are chosen.`)
    : "Press “Choose bars” in the score and click the first and the last.";
}

addEventListener("message", (event) => {
  if (event.source !== at("frame").contentWindow || event.data?.kind !== "bars") return;
  const bars = event.data.bars;
  const good = Array.isArray(bars) && bars.length === 2 && bars.every(Number.isInteger);
  chosen(good ? bars : null);
});

at("form").addEventListener("submit", (event) => { event.preventDefault(); send(asked); });
at("fill-go").addEventListener("click", () => {
  const piece = studio.made.find((each) => each.name === studio.shown);
  const [first, last] = studio.bars;
  send(async () => ({
    preset: piece.preset, temperature: at("temperature").value, seed: at("seed").value, fill: { of: piece.name, first, last },
  }));
});
for (const input of document.querySelectorAll("input[name=primer]")) input.addEventListener("change", arrange);
at("unit").addEventListener("change", arrange);
at("preset").addEventListener("change", choosePreset);
at("temperature").addEventListener("input", () => { at("temperature-now").textContent = at("temperature").value; });
at("theme").addEventListener("click", () => setTheme(!isDark()));
setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
at("preset").append(...data.presets.map(({ name }) => make("option", { selected: name === "chorale" }, name)));
for (const tonic of ["C", "D-", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B"]) at("key").append(make("option", { value: `${tonic} major` }, `${tonic.replace("-", "♭").replace("#", "♯")} major`));
for (const tonic of ["c", "c#", "d", "e-", "e", "f", "f#", "g", "g#", "a", "b-", "b"]) at("key").append(make("option", { value: `${tonic} minor` }, `${tonic.replace("-", "♭").replace("#", "♯")} minor`));
at("file").accept = data.suffixes.join(",");
try { studio.made = JSON.parse(sessionStorage.getItem(SEEN)) ?? []; } catch { studio.made = []; }
choosePreset();
list();
