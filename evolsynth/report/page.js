// What all parts of the page share: its rows, how elements are made, and texts with marked places.
// Whatever a row says reaches the page as a text node; nothing here reads or writes HTML.
const byId = (name) => document.getElementById(name);

const el = (tag, given = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...inside.flat(Infinity).filter((part) => part !== null && part !== undefined && part !== false));
  return made;
};

let data = {}, rows = [];
const placeOf = new Map();
const take = (given) => {
  data = given;
  rows = data.rows;
  placeOf.clear();
  rows.forEach((row, place) => {
    row.place = place;
    row.round ??= 0;
    row.codes ??= [];
    row.scores ??= {};
    row.parents ??= [];
    row.extra ??= {};
    row.children = [];
    row.kindless = row.kind.replace(/, round \d+$/, "");
    if (!placeOf.has(row.id)) placeOf.set(row.id, place);
  });
  for (const row of rows) {
    for (const name of row.parents) {
      const above = rows[placeOf.get(name)];
      if (above && above !== row) above.children.push(row.place);
    }
  }
};
take(JSON.parse(byId("data").textContent));

const short = (text, limit) => (text.length <= limit ? text : `${text.slice(0, limit - 1)}…`);
const badge = (status) => el("span", { class: `state ${status}` }, status);
const link = (row) => `#row=${encodeURIComponent(row.id)}`;
const plain = (pieces) =>
  typeof pieces === "string" ? pieces : (pieces ?? []).map((p) => (typeof p === "string" ? p : p[0])).join("");
const ownText = (row) =>
  row.instruction ?? (row.turns ?? []).find(([role]) => role === "user")?.[1] ?? row.response ?? "";

// Pieces are texts, or [text, note]; notes become marks.
const placesOf = (pieces, kind) => {
  const found = [];
  let at = 0;
  for (const piece of pieces ?? []) {
    const [text, note] = typeof piece === "string" ? [piece, ""] : piece;
    if (note) found.push({ start: at, end: at + text.length, kind, note });
    at += text.length;
  }
  return found;
};

// A text cut at the borders of its places; where two lie over each other, the first names the kind.
const marked = (text, places) => {
  const borders = [...new Set([0, text.length, ...places.flatMap((p) => [p.start, p.end])])].sort((a, b) => a - b);
  const box = el("div", { class: "text", dir: "auto" });
  for (let i = 0; i + 1 < borders.length; i += 1) {
    const [start, end] = [borders[i], borders[i + 1]];
    const here = places.filter((p) => p.start <= start && end <= p.end);
    const part = text.slice(start, end);
    if (!here.length) box.append(part);
    else {
      const tag = here[0].kind === "added" || here[0].kind === "changed" ? "ins" : "mark";
      const note = [...new Set(here.map((p) => p.note))].join("; ");
      box.append(el(tag, { class: here[0].kind, title: note }, part));
    }
  }
  return box;
};

// Words that only one of two texts has, by their longest common subsequence; where that would take
// too long, all between their common beginning and end.
const WORDS = /[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;
const MOST_PAIRS = 1_000_000;
const differences = (before, after) => {
  const [old, young] = [before, after].map((text) =>
    [...text.matchAll(WORDS)].map((m) => ({ word: m[0].toLowerCase(), start: m.index, end: m.index + m[0].length })));
  const same = (i, j) => old[i].word === young[j].word;
  let head = 0;
  while (head < old.length && head < young.length && same(head, head)) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < young.length - head
    && same(old.length - 1 - tail, young.length - 1 - tail)) tail += 1;
  const [n, m] = [old.length - head - tail, young.length - head - tail];
  const gone = [], fresh = [];
  // what is all new or all gone begins behind a full stop rather than with it
  const slid = (words, from, to) => {
    while (to < words.length && words[from].word === words[to].word && !/[\p{L}\p{N}]/u.test(words[from].word)) [from, to] = [from + 1, to + 1];
    return [from, to];
  };
  const note = (i, k, j, l) => {
    if (k === i && l > j) [j, l] = slid(young, j, l);
    if (l === j && k > i) [i, k] = slid(old, i, k);
    if (k > i) gone.push({ start: old[i].start, end: old[k - 1].end, kind: "gone", note: l > j ? "changed" : "not in the evolution" });
    if (l > j) fresh.push({ start: young[j].start, end: young[l - 1].end, kind: k > i ? "changed" : "added", note: k > i ? "changed" : "added" });
  };
  if (n * m > MOST_PAIRS || !n || !m) {
    note(head, head + n, head, head + m);
    return { gone, fresh };
  }
  const width = m + 1;
  const length = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let j = m - 1; j >= 0; j -= 1) {
      length[i * width + j] = same(head + i, head + j)
        ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  let [i, j, from, to] = [0, 0, 0, 0];
  while (i < n || j < m) {
    if (i < n && j < m && same(head + i, head + j)) {
      note(head + from, head + i, head + to, head + j);
      [i, j] = [i + 1, j + 1];
      [from, to] = [i, j];
    } else if (j >= m || (i < n && length[(i + 1) * width + j] >= length[i * width + j + 1])) i += 1;
    else j += 1;
  }
  note(head + from, head + n, head + to, head + m);
  return { gone, fresh };
};

// An evolution beside its original.
const sideBySide = (row) => {
  const before = plain(row.original), after = ownText(row);
  const { gone, fresh } = differences(before, after);
  const lost = placesOf(row.original, "lost");
  const losses = row.losses ?? [];
  return [
    el("div", { class: "half" }, el("h3", {}, "Original"), marked(before, [...lost, ...gone]),
      losses.length ? el("ul", { class: "lost" },
        losses.slice(0, 12).map((line) => el("li", {}, el("bdi", {}, line))),
        losses.length > 12 ? el("li", {}, `and ${losses.length - 12} more`) : null) : null),
    el("div", { class: "half" }, el("h3", {}, row.round ? `Evolution, round ${row.round}` : "Evolution"), marked(after, fresh)),
  ];
};

const reasonsOf = (row) => row.codes.map((code) => {
  const [sentence, advice] = data.reasons[code] ?? ["", ""];
  return { code, sentence, advice };
});

// Whoever wants to hear when the choice of rows, or the marks, have changed.
const listeners = { rows: [], marks: [] };
const tell = (what) => listeners[what].forEach((listener) => listener());

document.addEventListener("submit", (event) => event.preventDefault());

// Evolutions, a few at a time; what was chosen stays when they are shown anew.
const FEW = 6;
const chosenEvolutions = { show: "", limit: FEW };
const showEvolutions = () => {
  const evolutions = rows.filter((row) => row.original);
  if (!evolutions.length) return;
  byId("evolution-form").hidden = false;
  const show = byId("evolution-show"), list = byId("evolution-list"), more = byId("evolution-more");
  show.value = chosenEvolutions.show;
  const fits = (row) => !show.value || row.status === show.value
    || (show.value === "loses" && (row.losses ?? []).length > 0);
  const draw = () => {
    const found = evolutions.filter(fits);
    const { limit } = chosenEvolutions;
    list.replaceChildren(...found.slice(0, limit).map((row) => el("article", { class: "evolution" },
      sideBySide(row),
      row.input ? el("details", { class: "about" }, el("summary", {}, "The text that it is about"), marked(plain(row.input), placesOf(row.input, "evidence"))) : null,
      el("footer", {}, badge(row.status), " ",
        reasonsOf(row).map(({ code, sentence }) => [el("code", {}, short(code, 60)), " ", el("span", { class: "quiet" }, sentence), " "]).flat(),
        row.scores.information_loss !== undefined ? el("span", { class: "quiet" }, `information loss ${row.scores.information_loss.toFixed(2)} `) : null,
        el("a", { href: link(row) }, "open")))));
    byId("evolution-count").textContent = `${found.length} of ${evolutions.length}`;
    more.hidden = found.length <= limit;
  };
  more.onclick = () => { chosenEvolutions.limit += 24; draw(); };
  show.onchange = () => { Object.assign(chosenEvolutions, { show: show.value, limit: FEW }); draw(); };
  draw();
};
showEvolutions();
