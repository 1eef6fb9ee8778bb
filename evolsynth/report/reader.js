// One row, read in full, in a dialog; keys; links to rows.
const reader = byId("reader"), help = byId("help");
const pair = (name, ...inside) => (inside.some((part) => part !== "" && part !== null && part !== undefined)
  ? [el("dt", {}, name), el("dd", {}, inside)] : []);
const text = (words) => (words ? el("div", { class: "text", dir: "auto" }, words) : null);
const folded = (name, words) => (words ? el("details", {}, el("summary", {}, name), el("pre", {}, words)) : null);

const lineageOf = (row) => {
  const above = [];
  const seen = new Set([row.place]);
  for (let next = row; ;) {
    const place = placeOf.get(next.parents[0]);
    if (place === undefined || seen.has(place)) break;
    seen.add(place);
    next = rows[place];
    above.unshift(next);
  }
  return above;
};
const pointer = (row) => el("li", {}, el("a", { href: link(row) }, el("bdi", {}, short(row.head, 120))), " ",
  el("span", { class: "quiet" }, `${row.kind} · ${row.status}`));
const lineage = (row) => {
  const above = lineageOf(row), below = row.children.filter((place) => place !== row.place).map((place) => rows[place]);
  const lost = row.parents.filter((name) => !placeOf.has(name));
  if (!above.length && !below.length && !lost.length) return [];
  return [el("h3", {}, "Where it comes from, and what came of it"), el("ol", { class: "lineage" },
    lost.slice(0, 5).map((name) => el("li", {}, el("code", {}, short(name, 60)), el("span", { class: "quiet" }, " (not in this report)"))),
    above.map((one) => pointer(one)),
    el("li", { "aria-current": "true" }, el("b", {}, "this row"), " ", el("span", { class: "quiet" }, `${row.kind} · ${row.status}`)),
    below.slice(0, 20).map((one) => pointer(one)),
    below.length > 20 ? el("li", {}, `and ${below.length - 20} more`) : null)];
};
const asText = (row) => [row.system, row.instruction, plain(row.input), row.response,
  ...(row.turns ?? []).map(([role, said]) => `${role}: ${said}`)].filter(Boolean).join("\n\n");

const copy = async (words, button, name) => {
  try {
    await navigator.clipboard.writeText(words);
  } catch { // where the page may not: a field that is selected and copied
    const field = el("textarea", {}, words);
    (reader.open ? reader : document.body).append(field);
    field.select(); // in the dialog, where that is open: elsewhere nothing can be chosen
    document.execCommand("copy");
    field.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = name; }, 1200);
};

const placeRead = () => {
  const at = view.found.indexOf(reading());
  byId("reader-place").textContent = at < 0 ? "not among the rows that are chosen" : `${at + 1} of ${view.found.length}`;
};
const fill = (row) => {
  placeRead();
  byId("reader-title").replaceChildren(badge(row.status), " ", el("bdi", {}, row.kind),
    row.task ? ` · ${row.task}` : "", row.tier ? ` · ${row.tier}` : "");
  const why = reasonsOf(row);
  byId("reader-body").replaceChildren(...[
    why.length ? el("ul", { class: "why" }, why.map(({ code, sentence, advice }) =>
      el("li", {}, el("code", {}, code), " ", sentence, advice ? el("div", { class: "quiet" }, advice) : null))) : null,
    row.reviewed ? el("p", { class: "note" }, row.reviewed) : null,
    row.failure ? el("p", {}, `It failed in ${row.failure[0]}: `, el("bdi", {}, row.failure[1])) : null,
    row.original ? el("div", { class: "evolution" }, sideBySide(row)) : null,
    el("dl", {},
      pair("system", text(row.system)),
      row.original && row.instruction === ownText(row) ? [] : pair("instruction", text(row.instruction)),
      pair("input", row.input ? marked(plain(row.input), placesOf(row.input, "evidence")) : null),
      pair("from", text(row.from)),
      pair("response", text(row.response)),
      (row.turns ?? []).map(([role, said]) => [el("dt", {}, role), el("dd", { class: `turn ${role}` }, text(said) ?? "–")]),
      pair("stands on", (row.stands_on ?? []).length ? text(row.stands_on.join(", ")) : null),
      pair("scores", Object.keys(row.scores).length ? el("table", { class: "figures" }, el("tbody", {},
        Object.entries(row.scores).map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, el("bdi", {}, name)), el("td", { class: "number" }, String(value)))))) : null),
      Object.entries(row.extra).map(([name, value]) => pair(name || "(no name)", text(value)))),
    ...lineage(row),
    folded("What the checks found", row.details),
    folded("How it was made", row.provenance),
    el("p", { class: "quiet" }, "id ", el("code", {}, el("bdi", {}, row.id)))].flat().filter(Boolean));
  const { mark, note } = markOf(row);
  for (const name of ["keep", "drop"]) byId(`mark-${name}`).setAttribute("aria-pressed", String(mark === name));
  if (byId("mark-note") !== document.activeElement) byId("mark-note").value = note ?? "";
};
let opened = null; // the row that is read, or was read last
const reading = () => opened;
const openRow = (place) => {
  if (!rows[place]) return;
  view.current = place;
  opened = rows[place];
  fill(rows[place]);
  if (!reader.open) reader.showModal();
  byId("reader-body").scrollTop = 0;
  history.replaceState(null, "", link(rows[place]));
};
const turn = (by) => { const next = step(by); if (next >= 0) openRow(next); };
reader.addEventListener("close", () => {
  history.replaceState(null, "", "#rows");
  // the browser has gone back to the row that was opened first; the last one read is meant
  if (view.found.includes(opened)) moveTo(opened.place);
  else drawTable();
});
for (const box of [reader, help]) {
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.querySelector(".close").addEventListener("click", () => box.close());
}
byId("reader-before").addEventListener("click", () => turn(-1));
byId("reader-after").addEventListener("click", () => turn(1));
document.addEventListener("click", ({ target }) => {
  if (target.id === "again-copy") copy(byId("again").textContent, target, "Copy");
});
byId("reader-copy").addEventListener("click", () => copy(asText(reading()), byId("reader-copy"), "Copy"));
byId("reader-link").addEventListener("click", () => copy(location.href, byId("reader-link"), "Copy link"));
byId("help-open").addEventListener("click", () => help.showModal());
for (const name of ["keep", "drop"]) {
  byId(`mark-${name}`).addEventListener("click", () => toggle(name));
}
const toggle = (name) => setMark(reading(), { mark: markOf(reading()).mark === name ? "" : name });
byId("mark-note").addEventListener("input", () => setMark(reading(), { note: byId("mark-note").value }));
listeners.marks.push(() => { if (reader.open) fill(reading()); });

const follow = () => {
  const [, name] = /^#row=(.*)$/s.exec(location.hash) ?? [];
  if (name === undefined) return;
  let id = name;
  try { id = decodeURIComponent(name); } catch { /* it stands as it is */ }
  byId("row-missing").hidden = placeOf.has(id);
  if (placeOf.has(id)) openRow(placeOf.get(id));
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, textarea, select");
  if (typing) {
    if (event.key === "Escape" && !reader.open) event.target.blur();
    return;
  }
  const does = {
    j: () => (reader.open ? turn(1) : moveTo(step(1))),
    k: () => (reader.open ? turn(-1) : moveTo(step(-1))),
    "/": () => { if (reader.open) reader.close(); byId("rows").scrollIntoView(); control("text").focus(); },
    "?": () => { if (!help.open) help.showModal(); },
    1: () => reader.open && toggle("keep"),
    2: () => reader.open && toggle("drop"),
    0: () => reader.open && setMark(reading(), { mark: "" }),
    Escape: () => { if (!reader.open && !help.open && view.lasso) chooseLasso(null); },
  }[event.key];
  if (!does || (help.open && event.key !== "Escape")) return;
  if (event.key !== "Escape") event.preventDefault();
  does();
});
