"use strict";
(() => {
  const byId = (name) => document.getElementById(name);

  // A list of which only the matching entries show, and of these only so many at a time.
  const paged = (entries, step, matches, counter, button) => {
    let limit = step;
    const update = () => {
      let found = 0;
      for (const entry of entries) {
        const fits = matches(entry);
        if (fits) found += 1;
        entry.hidden = !fits || found > limit;
      }
      counter.textContent = `${found} of ${entries.length}`;
      button.hidden = found <= limit;
    };
    button.addEventListener("click", () => { limit += 4 * step; update(); });
    update();
    return () => { limit = step; update(); };
  };

  const evolutions = [...document.querySelectorAll(".evolution")];
  if (evolutions.length) {
    const show = byId("evolution-show");
    const matches = ({ dataset }) =>
      !show.value || dataset.status === show.value || (show.value === "loses" && dataset.loses);
    const again = paged(evolutions, 6, matches, byId("evolution-count"), byId("evolution-more"));
    show.addEventListener("change", again);
  }

  const rows = [...document.querySelectorAll("#row-table tbody tr")];
  const [status, method, reason, words] =
    ["status", "method", "reason", "text"].map((name) => byId(`row-${name}`));
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };
  const rowMatches = (row) =>
    (!status.value || row.dataset.status === status.value) &&
    (!method.value || row.dataset.method === method.value) &&
    (!reason.value || JSON.parse(row.dataset.reasons).includes(reason.value)) &&
    (!words.value.trim() || textOf(row).includes(words.value.trim().toLowerCase()));
  const filterRows = paged(rows, 50, rowMatches, byId("row-count"), byId("row-more"));
  for (const control of [status, method, reason]) control.addEventListener("change", filterRows);
  words.addEventListener("input", filterRows);
  for (const form of document.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  const figures = JSON.parse(byId("figures").textContent);
  if (!Object.keys(figures).length || typeof Plotly === "undefined") return;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const themed = ({ data, layout }, extra) => {
    const [ink, line, faint, paper] = ["quiet", "line", "thread", "paper"].map(colour);
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line };
    const traces = data.map((trace) => {
      const shade = trace.meta.status === "line" ? faint : colour(trace.meta.status);
      return trace.line
        ? { ...trace, line: { ...trace.line, color: shade } }
        : { ...trace, marker: { ...trace.marker, color: shade }, hoverlabel: { bordercolor: shade } };
    });
    return [traces, {
      ...layout,
      ...extra,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis },
      paper_bgcolor: paper,
      plot_bgcolor: paper,
      font: { color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      hoverlabel: { bgcolor: colour("panel"), font: { color: colour("ink") }, align: "left" },
      hovermode: "closest",
    }];
  };
  const config = {
    responsive: true,
    displaylogo: false,
    showTips: false,
    // Plotly offers to upload charts; this page must have no way to send its texts anywhere.
    showSendToCloud: false,
    plotlyServerURL: "",
    modeBarButtons: [["toImage"], ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  };
  const legend = { orientation: "h", x: 0, y: -0.02, yanchor: "top", itemwidth: 30 };
  const above = { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", traceorder: "normal" };
  const draw = () => {
    for (const [name, extra] of [
      ["map", { margin: { l: 5, r: 5, t: 10, b: 5 }, legend, showlegend: true, dragmode: "pan" }],
      ["nearest", { margin: { l: 50, r: 10, t: 10, b: 45 }, legend: above, showlegend: true, dragmode: false }],
    ]) {
      const place = byId(`plot-${name}`);
      if (place && figures[name].data.length) {
        Plotly.react(place, ...themed(figures[name], extra), config);
      } else if (place) {
        place.hidden = true;
      }
    }
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  const map = byId("plot-map");
  map.on("plotly_click", ({ points: [point] }) => {
    for (const control of [status, method, reason]) control.value = "";
    words.value = point.customdata;
    filterRows();
    const shown = rows.find((row) => !row.hidden);
    if (shown) shown.querySelector("details").open = true;
    byId("rows").scrollIntoView();
  });
})();
