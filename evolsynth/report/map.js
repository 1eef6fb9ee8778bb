// The map: similar texts lie close. Drawn on a canvas; what stands in it is told as text beside it.
let endMap = () => {};
const startMap = () => {
  endMap();
  const map = data.map && data.map.rows.length ? data.map : null;
  if (!map) return;
  const ending = new AbortController();
  const canvas = byId("map-canvas"), pen = canvas.getContext("2d"), tip = byId("map-tip");
  const colourBy = byId("map-colour"), legend = byId("map-legend");
  const points = map.rows.map((place, i) => ({ row: rows[place], x: map.places[i][0], y: map.places[i][1], i }));
  const HUES = 8, SHAPES = 4, GROUPS = HUES * SHAPES;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // What points can be coloured by, where they differ in it.
  const ways = {
    verdict: ["Verdict", ({ row }) => row.status],
    method: ["Method", ({ row }) => row.kindless],
    round: ["Round", ({ row }) => `round ${row.round}`],
    task: ["Kind of task", ({ row }) => row.task ?? "none told"],
    tier: ["Tier", ({ row }) => row.tier ?? "none"],
    region: ["Region", ({ i }) => map.labels[i]],
    mark: ["Your marks", ({ row }) => markOf(row).mark ?? "not marked"],
  };
  if (!map.regions.length) delete ways.region;
  for (const name of ["method", "round", "task", "tier"]) {
    if (new Set(points.map(ways[name][1])).size < 2) delete ways[name];
  }
  colourBy.append(...Object.entries(ways).map(([value, [title]]) => el("option", { value }, title)),
    ...scoreNames.map((name) => el("option", { value: `score ${name}` }, `score: ${short(name, 60)}`)));

  let scale = 1, left = 0, up = 0, size = { w: 1, h: 1 }, hidden = new Set(), lasso = null, mode = "pan", hovered = null;
  const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
  const least = (list) => list.reduce((a, b) => Math.min(a, b)), most = (list) => list.reduce((a, b) => Math.max(a, b));
  const [x0, x1, y0, y1] = [least(xs), most(xs), least(ys), most(ys)];
  const EDGE = 24;
  const fit = () => {
    scale = Math.min((size.w - 2 * EDGE) / (x1 - x0 || 1), (size.h - 2 * EDGE) / (y1 - y0 || 1));
    left = size.w / 2 - (scale * (x0 + x1)) / 2;
    up = size.h / 2 + (scale * (y0 + y1)) / 2;
  };
  const at = (p) => [p.x * scale + left, up - p.y * scale];

  // Groups of points with a colour and a shape each, or a score with a scale.
  const STOPS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const ramp = (share) => {
    const at4 = Math.max(0, Math.min(1, share)) * (STOPS.length - 1), low = Math.min(STOPS.length - 2, Math.floor(at4));
    const mix = STOPS[low].map((value, c) => Math.round(value + (STOPS[low + 1][c] - value) * (at4 - low)));
    return `rgb(${mix.join(" ")})`;
  };
  let groups = [], paint = [];
  const group = () => {
    const way = colourBy.value;
    hidden = new Set();
    if (way.startsWith("score ")) {
      const name = way.slice(6), told = points.map(({ row }) => row.scores[name]);
      const known = told.filter((value) => value !== undefined && value !== null);
      const [low, high] = known.length ? [least(known), most(known)] : [0, 0];
      groups = [];
      paint = points.map((p, i) => ({ colour: told[i] === undefined || told[i] === null ? colour("thread") : ramp(high > low ? (told[i] - low) / (high - low) : 0.5), shape: 0, key: "" }));
      const steps = Array.from({ length: 24 }, (_, i) => {
        const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [attribute, value] of Object.entries({ x: i, width: 1.05, height: 4, fill: ramp(i / 23) })) bar.setAttribute(attribute, value);
        return bar;
      });
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      bar.setAttribute("viewBox", "0 0 24 4");
      bar.setAttribute("preserveAspectRatio", "none");
      bar.setAttribute("aria-hidden", "true");
      bar.append(...steps);
      legend.replaceChildren(el("span", { class: "scale" }, `${+low.toFixed(4)} `, bar, ` ${+high.toFixed(4)}`,
        known.length < points.length ? el("span", { class: "quiet" }, ` · ${points.length - known.length} rows without it are grey`) : null));
      return;
    }
    const of = ways[way][1], found = counted(points.map(of));
    const fixed = { accepted: "accepted", rejected: "rejected", unchecked: "unchecked", keep: "accepted", drop: "rejected", "not marked": "thread" };
    const looks = new Map(found.map(([key], n) => [key, fixed[key] && (way === "verdict" || way === "mark")
      ? { name: fixed[key], shape: 0 }
      : n < GROUPS ? { name: `hue-${n % HUES}`, shape: Math.floor(n / HUES) } : { name: "thread", shape: 0 }]));
    paint = points.map((p) => { const key = of(p), look = looks.get(key); return { colour: colour(look.name), shape: look.shape, key }; });
    groups = found.map(([key, count]) => ({ key, count, ...looks.get(key) }));
    legend.replaceChildren(...groups.map((g) => {
      const region = way === "region" ? map.regions[g.key] : null;
      const title = region ? region[0] || "no words of its own" : String(g.key);
      const sign = el("canvas", { class: "sign", width: 28, height: 28, "aria-hidden": "true" });
      const small = sign.getContext("2d");
      small.scale(2, 2);
      dot(small, 7, 7, 5, colour(g.name), g.shape, way === "verdict" && g.key === "rejected");
      const button = el("button", { type: "button", class: "key", "aria-pressed": "true", click: () => {
        if (hidden.has(g.key)) hidden.delete(g.key);
        else hidden.add(g.key);
        button.setAttribute("aria-pressed", String(!hidden.has(g.key)));
        draw();
      } }, sign, el("bdi", {}, short(title, 60)), el("span", { class: "quiet" }, ` ${g.count}`), region && region[2] ? el("b", {}, ` ${region[2]}`) : null);
      return button;
    }));
  };

  const dot = (on, x, y, r, fill, shape, hollow) => {
    on.beginPath();
    if (shape === 0) on.arc(x, y, r, 0, 7);
    else {
      const turns = [null, [4, 0], [3, -Math.PI / 2], [4, Math.PI / 4]][shape];
      for (let n = 0; n < turns[0]; n += 1) {
        const angle = turns[1] + (n * 2 * Math.PI) / turns[0];
        on.lineTo(x + 1.25 * r * Math.cos(angle), y + 1.25 * r * Math.sin(angle));
      }
      on.closePath();
    }
    // hollow marks tell the rejected rows apart without their colour
    if (hollow) { on.lineWidth = 1.6; on.strokeStyle = fill; on.stroke(); } else { on.fillStyle = fill; on.fill(); }
  };

  const draw = () => {
    const ratio = devicePixelRatio || 1;
    size = { w: canvas.clientWidth, h: canvas.clientHeight };
    if (canvas.width !== Math.round(size.w * ratio) || canvas.height !== Math.round(size.h * ratio)) {
      canvas.width = Math.round(size.w * ratio);
      canvas.height = Math.round(size.h * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colour("paper");
    pen.fillRect(0, 0, size.w, size.h);
    if (byId("map-links").checked) {
      pen.strokeStyle = colour("thread");
      pen.lineWidth = 0.7;
      pen.beginPath();
      for (const [child, parent] of map.links) {
        if (hidden.has(paint[child].key) || hidden.has(paint[parent].key)) continue;
        pen.moveTo(...at(points[child]));
        pen.lineTo(...at(points[parent]));
      }
      pen.stroke();
    }
    const chosen = view.found.length < rows.length ? new Set(view.found.map((row) => row.place)) : null;
    const radius = points.length > 1500 ? 3.2 : 4.5;
    const order = chosen ? [...points].sort((a, b) => chosen.has(a.row.place) - chosen.has(b.row.place)) : points;
    for (const p of order) {
      const { colour: fill, shape, key } = paint[p.i];
      if (hidden.has(key)) continue;
      pen.globalAlpha = chosen && !chosen.has(p.row.place) ? 0.12 : 0.85;
      dot(pen, ...at(p), radius, fill, shape, p.row.status === "rejected");
    }
    pen.globalAlpha = 1;
    if (colourBy.value === "region") names();
    if (hovered) {
      pen.strokeStyle = colour("ink");
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.arc(...at(hovered), radius + 4, 0, 7);
      pen.stroke();
    }
    if (lasso && lasso.length > 1) {
      pen.strokeStyle = colour("focus");
      pen.lineWidth = 1.5;
      pen.setLineDash([5, 4]);
      pen.beginPath();
      lasso.forEach(([x, y]) => pen.lineTo(x, y));
      pen.closePath();
      pen.stroke();
      pen.setLineDash([]);
    }
  };
  // The names of regions, each in the middle of its points, left out where it would cover another.
  const names = () => {
    const taken = [];
    pen.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
    pen.textAlign = "center";
    for (const g of groups) {
      if (hidden.has(g.key)) continue;
      const own = points.filter((p) => map.labels[p.i] === g.key).map(at);
      const middle = (axis) => own.map((p) => p[axis]).sort((a, b) => a - b)[own.length >> 1];
      const [words, , how] = map.regions[g.key];
      const name = short(words.split(", ").slice(0, 2).join(", ") || "…", 28) + (how ? ` (${how})` : "");
      const [x, y, w] = [middle(0), middle(1), pen.measureText(name).width];
      if (taken.some((t) => Math.abs(t.x - x) < (t.w + w) / 2 + 4 && Math.abs(t.y - y) < 16)) continue;
      taken.push({ x, y, w });
      pen.lineWidth = 3;
      pen.strokeStyle = colour("paper");
      pen.strokeText(name, x, y);
      pen.fillStyle = colour("ink");
      pen.fillText(name, x, y);
    }
  };

  const nearestTo = (x, y) => {
    let best = null, distance = 12 * 12;
    for (const p of points) {
      if (hidden.has(paint[p.i].key)) continue;
      const [a, b] = at(p), d = (a - x) ** 2 + (b - y) ** 2;
      if (d <= distance) [best, distance] = [p, d];
    }
    return best;
  };
  const zoom = (by, x = size.w / 2, y = size.h / 2) => {
    scale *= by;
    left = x - (x - left) * by;
    up = y - (y - up) * by;
    draw();
  };
  const inside = ([x, y], polygon) => {
    let odd = false;
    for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
      const [[xi, yi], [xj, yj]] = [polygon[i], polygon[j]];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
    return odd;
  };
  const show = (p, x, y) => {
    if (p !== hovered) { hovered = p; draw(); }
    tip.hidden = !p;
    if (!p) return;
    const region = map.regions.length ? map.regions[map.labels[p.i]] : null;
    tip.replaceChildren(el("b", {}, [p.row.status, p.row.kind, p.row.task, p.row.tier, ...p.row.codes].filter(Boolean).map((t) => short(t, 60)).join(" · ")),
      el("div", { dir: "auto" }, short(p.row.head, 320)), region ? el("div", { class: "quiet" }, `region: ${region[0]}${region[2] ? ` (${region[2]})` : ""}`) : "");
    const width = Math.min(360, size.w - 16);
    tip.style.width = `${width}px`;
    tip.style.left = `${Math.max(8, Math.min(size.w - width - 8, x + 14))}px`;
    tip.style.top = `${y + 14}px`;
  };

  let pressed = null;
  const spot = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    const [x, y] = spot(event);
    pressed = { x, y, left, up, moved: false };
    if (mode === "lasso") lasso = [[x, y]];
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = spot(event);
    if (!pressed) { show(nearestTo(x, y), x, y); return; }
    if (Math.hypot(x - pressed.x, y - pressed.y) > 4) pressed.moved = true;
    if (mode === "lasso") lasso.push([x, y]);
    else if (pressed.moved) [left, up] = [pressed.left + x - pressed.x, pressed.up + y - pressed.y];
    if (pressed.moved) { tip.hidden = true; draw(); }
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!pressed) return;
    const { moved } = pressed;
    pressed = null;
    if (!moved) {
      lasso = null;
      const p = nearestTo(...spot(event));
      tip.hidden = true;
      if (p) openRow(p.row.place);
    } else if (mode === "lasso") {
      const chosen = points.filter((p) => !hidden.has(paint[p.i].key) && inside(at(p), lasso)).map((p) => p.row.place);
      lasso = null;
      chooseLasso(chosen.length ? new Set(chosen) : null);
    }
    draw();
  });
  canvas.addEventListener("pointercancel", () => { pressed = lasso = null; draw(); });
  canvas.addEventListener("pointerleave", () => show(null));
  canvas.addEventListener("wheel", (event) => {
    // the page scrolls over the map, unless somebody has taken hold of it
    if (document.activeElement !== canvas && !event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), ...spot(event));
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const does = {
      ArrowLeft: () => { left += 40; draw(); }, ArrowRight: () => { left -= 40; draw(); },
      ArrowUp: () => { up += 40; draw(); }, ArrowDown: () => { up -= 40; draw(); },
      "+": () => zoom(1.3), "=": () => zoom(1.3), "-": () => zoom(1 / 1.3), Home: () => { fit(); draw(); },
    }[event.key];
    if (!does || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    does();
  });
  byId("map-in").addEventListener("click", () => zoom(1.4));
  byId("map-out").addEventListener("click", () => zoom(1 / 1.4));
  byId("map-whole").addEventListener("click", () => { fit(); draw(); });
  byId("map-lasso").addEventListener("click", () => {
    mode = mode === "lasso" ? "pan" : "lasso";
    byId("map-lasso").setAttribute("aria-pressed", String(mode === "lasso"));
    canvas.classList.toggle("lasso", mode === "lasso");
  });
  byId("map-clear").addEventListener("click", () => chooseLasso(null));
  byId("map-picture").addEventListener("click", () => canvas.toBlob((blob) => save("map.png", [blob], "image/png")));
  byId("map-links").closest("label").hidden = !map.links.length;
  byId("map-links").addEventListener("change", draw);
  colourBy.addEventListener("change", () => { group(); draw(); });
  const heard = {
    rows: () => { byId("map-clear").hidden = !view.lasso; draw(); },
    marks: () => { if (colourBy.value === "mark") { group(); draw(); } },
  };
  for (const [what, listener] of Object.entries(heard)) listeners[what].push(listener);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { group(); draw(); }, { signal: ending.signal });
  const watching = new ResizeObserver(() => { if (canvas.clientWidth !== size.w || canvas.clientHeight !== size.h) { size = { w: canvas.clientWidth, h: canvas.clientHeight }; fit(); draw(); } });
  watching.observe(canvas);
  endMap = () => {
    ending.abort();
    watching.disconnect();
    for (const [what, listener] of Object.entries(heard)) listeners[what] = listeners[what].filter((one) => one !== listener);
    endMap = () => {};
  };
  // where each row lies in the window, for whoever tries the page
  canvas.whereIs = (place) => { const p = points.find((one) => one.row.place === place); const box = canvas.getBoundingClientRect(); return p ? [at(p)[0] + box.left, at(p)[1] + box.top] : null; };
  size = { w: canvas.clientWidth, h: canvas.clientHeight };
  fit();
  group();
};
startMap();
filterRows();
follow();
addEventListener("hashchange", follow);
