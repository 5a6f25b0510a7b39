// Small things that all parts use.
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const small = matchMedia("(max-width: 720px)");

// An element with attributes; text only ever goes in as text.
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "rect", "line", "path", "text"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const NAMES = ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const pitchName = (pitch) => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// How many of the rising numbers are at most *value*.
function countUpTo(numbers, value) {
  let low = 0, high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1; else high = middle;
  }
  return low;
}

// --- colours ---------------------------------------------------------------------------------
const RAMPS = {
  light: {
    loud: ["#7fb2d9", "#3f83bd", "#1d5c99", "#0a3a70", "#061c3d"],
    nats: ["#0d0887", "#46039f", "#7201a8", "#9c179e", "#bd3786", "#d8576b", "#ed7953", "#fb9f3a"],
  },
  dark: {
    loud: ["#2f5f8a", "#4a86b8", "#74aedb", "#a9d4f5", "#e3f3ff"],
    nats: ["#7c6cf0", "#9a63ee", "#b85be0", "#d65bc0", "#ea6a97", "#f68a6d", "#fdb24d", "#f6e04a"],
  },
};
const isDark = () => document.documentElement.dataset.theme === "dark";
const ramp = (kind) => RAMPS[isDark() ? "dark" : "light"][kind];

function mixed(colors, share) {
  const place = Math.min(Math.max(share, 0), 1) * (colors.length - 1);
  const low = Math.min(Math.floor(place), colors.length - 2);
  const part = (color, i) => parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channels = [0, 1, 2].map((i) => {
    const from = part(colors[low], i), to = part(colors[low + 1], i);
    return Math.round(from + (place - low) * (to - from)).toString(16).padStart(2, "0");
  });
  return "#" + channels.join("");
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  at("theme").setAttribute("aria-pressed", String(dark));
}
