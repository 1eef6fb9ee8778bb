// What a person says of rows: kept in the browser where it allows that, else while the page is open.
const STORE = `evolsynth marks ${data.key}`;
const marks = new Map();
let stored = true;
try {
  for (const [id, told] of Object.entries(JSON.parse(localStorage.getItem(STORE) ?? "{}"))) {
    if (told && typeof told === "object") marks.set(id, told);
  }
} catch { stored = false; }

function markOf(row) { return marks.get(row.id) ?? {}; }
function markBadge(row) {
  const { mark, note } = markOf(row);
  if (!mark && !note) return "";
  return el("span", { class: `state ${mark ?? ""}`, title: note || false }, mark ?? "note");
}
function markFits(row, wanted) {
  const { mark, note } = markOf(row);
  if (wanted === "any") return Boolean(mark || note);
  if (wanted === "none") return !mark && !note;
  if (wanted === "against") return (mark === "keep" && row.status === "rejected") || (mark === "drop" && row.status === "accepted");
  return mark === wanted;
}
const setMark = (row, change) => {
  const told = { ...markOf(row), ...change };
  if (!told.mark) delete told.mark;
  if (!told.note) delete told.note;
  if (told.mark || told.note) marks.set(row.id, told);
  else marks.delete(row.id);
  try { localStorage.setItem(STORE, JSON.stringify(Object.fromEntries(marks))); } catch { stored = false; }
  tellMarks();
  tell("marks");
};
const tellMarks = () => {
  const known = [...marks].filter(([id]) => placeOf.has(id));
  const [kept, dropped] = ["keep", "drop"].map((name) => known.filter(([, told]) => told.mark === name).length);
  const judged = known.map(([id, told]) => [rows[placeOf.get(id)], told]).filter(([row, told]) => told.mark && ["accepted", "rejected"].includes(row.status));
  const agreed = judged.filter(([row, told]) => (told.mark === "keep") === (row.status === "accepted")).length;
  byId("mark-count").textContent = known.length
    ? `${kept} kept, ${dropped} dropped, ${known.length - kept - dropped} with a note alone`
      + (judged.length ? `; you and the gate agree on ${agreed} of ${judged.length}.` : ".")
    : "Nothing is marked yet.";
  byId("mark-stored").hidden = stored;
  byId("mark-export").disabled = byId("mark-forget").disabled = !known.length;
};
const save = (name, parts, type) => {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const anchor = el("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
};
byId("mark-export").addEventListener("click", () => {
  const lines = rows.filter((row, place) => placeOf.get(row.id) === place && marks.has(row.id))
    .map((row) => `${JSON.stringify({ id: row.id, ...markOf(row) })}\n`);
  save("marks.jsonl", lines, "application/jsonl");
});
byId("mark-forget").addEventListener("click", () => {
  if (byId("mark-forget").dataset.sure) { // a dialog of the browser would stop the page
    marks.clear();
    try { localStorage.removeItem(STORE); } catch { stored = false; }
    delete byId("mark-forget").dataset.sure;
    byId("mark-forget").textContent = "Forget all marks";
    tellMarks();
    tell("marks");
    drawTable();
  } else {
    byId("mark-forget").dataset.sure = "yes";
    byId("mark-forget").textContent = "Really forget them?";
  }
});
tellMarks();
