// A page that keeps itself up to date while its run works: it asks the server that it came from for a
// newer state, and puts that in place of its own. What a person does on the page stays as it is.
const EVERY = 2000, SELDOM = 10_000;
const pause = byId("live-pause");
let paused = false, asking = false, timer = 0;
document.documentElement.classList.add("live");

const clock = () => new Date().toLocaleTimeString();
const sayWhen = (words) => { byId("live-when").textContent = words; };

// Parts of the page that are as they were are left alone; the rows' own part stays always.
const ownOf = (node) => node.id || node.className;
let before = new Map([...document.querySelectorAll("main > *")].map((node) => [ownOf(node), node.outerHTML]));
const renew = (fresh) => {
  const main = document.querySelector("main");
  const now = new Map([...main.children].map((node) => [ownOf(node), node]));
  const told = new Map();
  const wanted = [...fresh.querySelectorAll("main > *")].map((node) => {
    const name = ownOf(node), there = now.get(name);
    told.set(name, node.outerHTML);
    const same = there && name !== "map" && (name === "rows" || before.get(name) === node.outerHTML);
    return same ? there : document.adoptNode(node);
  });
  before = told;
  for (const [place, node] of wanted.entries()) {
    if (main.children[place] !== node) main.insertBefore(node, main.children[place] ?? null);
  }
  while (main.children.length > wanted.length) main.lastElementChild.remove();
  for (const name of ["h1", "nav", "#live-told"]) {
    const [old, young] = [document.querySelector(name), fresh.querySelector(name)];
    if (old && young && old.innerHTML !== young.innerHTML) old.replaceChildren(...document.adoptNode(young).childNodes);
  }
  byId("listing").replaceChildren(...document.adoptNode(fresh.getElementById("listing")).childNodes);
  document.title = fresh.title;
};

// Where a person is: the part of the page at the top of the window, and what has the focus.
const placeNow = () => {
  const part = [...document.querySelectorAll("main > *")].find((node) => node.getBoundingClientRect().bottom > 0);
  const active = document.activeElement, own = active.closest("main > *, nav");
  return {
    part: part && ownOf(part), top: part ? part.getBoundingClientRect().top : 0,
    row: active.dataset?.place === undefined ? null : rows[Number(active.dataset.place)]?.id,
    own: own && (own.id || own.tagName), active,
    number: own ? [...own.querySelectorAll(FOCUSED)].indexOf(active) : -1,
    wide: [...document.querySelectorAll(".scroll")].map((box) => [box.getAttribute("aria-label"), box.scrollLeft]),
  };
};
const FOCUSED = "a, button, input, select, textarea, summary, canvas, [tabindex]";
const goBack = (was) => {
  for (const [name, left] of was.wide) {
    const box = left ? [...document.querySelectorAll(".scroll")].find((one) => one.getAttribute("aria-label") === name) : null;
    if (box) box.scrollLeft = left;
  }
  if (!reader.open && !help.open && document.activeElement !== was.active) {
    const again = was.row ? byId("row-body").querySelector(`[data-place="${placeOf.get(was.row)}"]`)
      : was.active.isConnected ? was.active
        : (was.own === "NAV" ? document.querySelector("nav") : byId(was.own ?? ""))?.querySelectorAll(FOCUSED)[was.number];
    again?.focus({ preventScroll: true });
  }
  const part = [...document.querySelectorAll("main > *")].find((node) => ownOf(node) === was.part);
  if (part) scrollBy({ top: part.getBoundingClientRect().top - was.top, behavior: "instant" });
};

const update = (text) => {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const given = JSON.parse(fresh.getElementById("data").textContent);
  const was = placeNow();
  const ids = { current: rows[view.current]?.id, lasso: view.lasso && [...view.lasso].map((place) => rows[place].id) };
  const colour = byId("map-colour")?.value;
  renew(fresh);
  take(given);
  view.current = placeOf.get(ids.current) ?? -1;
  if (ids.lasso) view.lasso = new Set(ids.lasso.filter((id) => placeOf.has(id)).map((id) => placeOf.get(id)));
  if (opened && placeOf.has(opened.id)) opened = rows[placeOf.get(opened.id)];
  offerAll();
  showEvolutions();
  startMap();
  const way = byId("map-colour");
  if (way && colour && [...way.options].some((one) => one.value === colour)) {
    way.value = colour;
    way.dispatchEvent(new Event("change"));
  }
  filterRows(true);
  tellMarks();
  if (reader.open) placeRead();
  goBack(was);
};

const ask = async () => {
  clearTimeout(timer);
  if (paused || asking || document.hidden) return;
  asking = true;
  let next = EVERY;
  try {
    const answer = await fetch(`${data.live.news}?since=${encodeURIComponent(data.live.tag)}`, { cache: "no-store" });
    if (answer.status === 200) update(await answer.text());
    if (answer.status === 200 || answer.status === 204) sayWhen(`As of ${clock()}.`);
    else sayWhen(`${answer.status === 503 ? await answer.text() : "The command that shows this page has ended."} This is the last state.`);
  } catch {
    next = SELDOM;
    sayWhen("The command that shows this page has ended, or does not answer: this is the last state.");
  }
  asking = false;
  timer = setTimeout(ask, next);
};
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  if (paused) sayWhen(`Paused at ${clock()}.`);
  else ask();
});
document.addEventListener("visibilitychange", ask);
sayWhen(`As of ${clock()}.`);
timer = setTimeout(ask, EVERY);
