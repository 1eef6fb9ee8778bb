// The table of rows: filters, order, and a page of them at a time.
const PAGE = 50;
const view = { found: [], limit: PAGE, sort: "", down: false, lasso: null, current: -1 };
const control = (name) => byId(`row-${name}`);

const counted = (values) => {
  const found = new Map();
  for (const value of values) if (value !== "" && value !== undefined && value !== null) found.set(value, (found.get(value) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
};
let scoreNames = [], columns = [], has = {};

// Each choice: what a row has of it. A choice among fewer than two things is none.
const FACETS = {
  status: (row) => [row.status],
  method: (row) => [row.kindless],
  round: (row) => [`round ${row.round}`],
  reason: (row) => row.codes,
  task: (row) => [row.task],
  tier: (row) => [row.tier],
  checked: (row) => row.stands_on ?? [],
  reviewed: (row) => [row.reviewed ? "by a person" : "by the gate alone"],
};
// What a control offers; what was chosen there stays, also where no row has it any more.
const offer = (name, found) => {
  const { value } = control(name);
  const kept = value && !found.some(([one]) => one === value) ? [[value, `${short(value, 60)} (0)`]] : [];
  control(name).replaceChildren(el("option", { value: "" }, "any"),
    ...[...found, ...kept].map(([one, told]) => el("option", { value: one }, told)));
  control(name).value = value;
  return found.length + kept.length;
};
const offerAll = () => {
  for (const [name, of] of Object.entries(FACETS)) {
    const found = counted(rows.flatMap(of)).map(([value, count]) => [String(value), `${short(String(value), 60)} (${count})`]);
    const enough = name === "reason" || name === "checked" ? 1 : 2;
    control(name).closest("label").hidden = offer(name, found) < enough;
  }
  scoreNames = [...new Set(rows.flatMap((row) => Object.keys(row.scores)))].sort();
  columns = [...new Set(rows.flatMap((row) => Object.keys(row.extra)))].sort();
  for (const [name, found] of [["score", scoreNames], ["column", columns]]) {
    control(name).closest("fieldset").hidden = !offer(name, found.map((one) => [one, short(one, 60)]));
  }
  has = { task: rows.some((row) => row.task), tier: rows.some((row) => row.tier) };
};
offerAll();

const wordsOf = (row) => {
  row.words ??= [row.id, row.kind, row.system, row.instruction, plain(row.input), row.response, row.from,
    ...(row.turns ?? []).map(([, text]) => text), ...row.codes, ...Object.values(row.extra)]
    .filter(Boolean).join("\n").toLowerCase();
  return row.words;
};
const fieldOf = (row, name) => row.extra[name] ?? "";
const fits = () => {
  const chosen = Object.keys(FACETS).map((name) => [FACETS[name], control(name).value]).filter(([, value]) => value);
  const words = control("text").value.trim().toLowerCase();
  const [score, least, most] = ["score", "least", "most"].map((name) => control(name).value);
  const [column, holds] = [control("column").value, control("holds").value.toLowerCase()];
  const mark = control("mark").value;
  return (row) =>
    chosen.every(([of, value]) => of(row).includes(value)) &&
    (!view.lasso || view.lasso.has(row.place)) &&
    (!score || (row.scores[score] !== undefined
      && (least === "" || row.scores[score] >= Number(least)) && (most === "" || row.scores[score] <= Number(most)))) &&
    (!column || (column in row.extra && fieldOf(row, column).toLowerCase().includes(holds))) &&
    (!mark || markFits(row, mark)) &&
    (!words || wordsOf(row).includes(words));
};

const KEYS = {
  text: (row) => row.head.toLowerCase(),
  status: (row) => row.status,
  kind: (row) => row.kind,
  task: (row) => row.task ?? "",
  tier: (row) => row.tier ?? "",
  reasons: (row) => row.codes.join(" "),
  score: (row) => row.scores[control("score").value] ?? -Infinity,
  mark: (row) => markOf(row).mark ?? "",
  column: (row) => fieldOf(row, control("column").value).toLowerCase(),
};
const ordered = (found) => {
  if (!view.sort) return found;
  const key = KEYS[view.sort], way = view.down ? -1 : 1;
  const keyed = found.map((row) => [key(row), row]);
  const numbers = view.sort === "column" && keyed.every(([k]) => k === "" || !Number.isNaN(Number(k)));
  const value = (k) => (numbers ? (k === "" ? -Infinity : Number(k)) : k);
  return keyed.sort(([a, x], [b, y]) => (value(a) < value(b) ? -way : value(a) > value(b) ? way : x.place - y.place)).map(([, row]) => row);
};

const HEADS = [
  ["text", "Text"], ["status", "Status"], ["kind", "Method"], ["task", "Kind of task"],
  ["tier", "Tier"], ["reasons", "Reasons"], ["score", ""], ["column", ""], ["mark", "Mark"],
];
const heads = () => HEADS
  .map(([name, title]) => [name, name === "score" || name === "column" ? short(control(name).value, 40) : title])
  .filter(([name, title]) => title && has[name] !== false);
const cellOf = (row, name) => {
  if (name === "text") return el("button", { type: "button", class: "open", "data-place": row.place, click: () => openRow(row.place) }, el("bdi", {}, row.head));
  if (name === "status") return badge(row.status);
  if (name === "kind") return el("bdi", {}, short(row.kind, 60));
  if (name === "reasons") return row.codes.map((code) => [el("code", {}, short(code, 60)), " "]).flat();
  if (name === "score") return String(row.scores[control("score").value] ?? "–");
  if (name === "column") return el("bdi", {}, short(fieldOf(row, control("column").value), 120));
  if (name === "mark") return markBadge(row);
  return el("bdi", {}, row[name] ?? "–");
};

let drawn = "";
const drawTable = (keep = false) => {
  const shown = heads(), body = view.found.slice(0, view.limit);
  byId("row-count").textContent = `${view.found.length} of ${rows.length}`;
  byId("row-more").hidden = view.found.length <= view.limit;
  // what a person reads or has selected is not made anew where it would be the same
  const now = JSON.stringify([shown, view.sort, view.down, body.map((row) => [row.id, row.place])]);
  if (keep && now === drawn) return;
  drawn = now;
  byId("row-heads").replaceChildren(...shown.map(([name, title]) => {
    const way = view.sort !== name ? "none" : view.down ? "descending" : "ascending";
    return el("th", { scope: "col", "aria-sort": way, class: `is-${name}` },
      el("button", { type: "button", class: "sort", click: () => sortBy(name) }, title,
        el("span", { "aria-hidden": "true" }, way === "none" ? "" : view.down ? " ↓" : " ↑")));
  }));
  byId("row-body").replaceChildren(...body.map((row) =>
    el("tr", { class: row.place === view.current ? "current" : false },
      shown.map(([name]) => el("td", { class: `is-${name}` }, cellOf(row, name))))));
  const lassoed = byId("lasso-told");
  lassoed.hidden = !view.lasso;
  if (view.lasso) byId("lasso-count").textContent = `${view.lasso.size} rows chosen on the map. `;
};
const sortBy = (name) => {
  // a third time takes the rows' own order again
  if (view.sort !== name) [view.sort, view.down] = [name, false];
  else if (!view.down) view.down = true;
  else [view.sort, view.down] = ["", false];
  filterRows();
  document.querySelector(`#row-heads .is-${name} button`)?.focus();
};
const filterRows = (keep = false) => {
  view.found = ordered(rows.filter(fits()));
  if (keep !== true) view.limit = PAGE;
  drawTable(keep === true);
  tell("rows");
};
const chooseLasso = (chosen) => { view.lasso = chosen; filterRows(); };
const clearFilters = () => {
  view.lasso = null;
  for (const field of byId("row-filters").querySelectorAll("select, input")) field.value = "";
  filterRows();
};

// The row that j and k move; it stands on a page that is shown.
const moveTo = (place) => {
  const at = view.found.findIndex((row) => row.place === place);
  if (at < 0) return;
  view.current = place;
  if (at >= view.limit) view.limit = PAGE * Math.ceil((at + 1) / PAGE);
  drawTable();
  byId("row-body").querySelector(`[data-place="${place}"]`)?.focus();
};
const step = (by) => {
  const at = view.found.findIndex((row) => row.place === view.current);
  const next = view.found[at < 0 ? 0 : Math.min(view.found.length - 1, Math.max(0, at + by))];
  return next ? next.place : -1;
};

byId("row-body").addEventListener("focusin", ({ target }) => { if (target.dataset.place) view.current = Number(target.dataset.place); });

let waiting = 0;
const soon = () => { clearTimeout(waiting); waiting = setTimeout(filterRows, 120); };
for (const field of byId("row-filters").querySelectorAll("select")) field.addEventListener("change", filterRows);
for (const field of byId("row-filters").querySelectorAll("input")) field.addEventListener("input", soon);
byId("row-more").addEventListener("click", () => { view.limit += 4 * PAGE; drawTable(); });
byId("row-clear").addEventListener("click", clearFilters);
byId("lasso-clear").addEventListener("click", () => chooseLasso(null));
