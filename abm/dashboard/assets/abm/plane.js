// The plane of firms: a dot for each by its T and C, which can be pointed at and clicked.
(() => {
  const { css, isWide, axis, line, write, size } = window.abmCharts;
  const [SLOT, T, C, R, RADIUS, STRATEGY, FIELDS] = [0, 1, 2, 3, 4, 5, 6]; // of a dot; the largest firms come first
  const NEAR = 14; // pixels from the middle of a dot at which it is pointed at
  const MANY = 1500; // dots, of which more are drawn without their edges
  const SMALL = 2; // pixels of a radius, below which a square looks like a circle
  const ROOM = 1.08; // between the outermost dots and the edge

  const element = (kind, name, text = "") => Object.assign(document.createElement(kind), { className: name, textContent: text });

  window.abmCharts.plane = (place, panel, view) => {
    let chart, logs, zoomed = false, pointed = null, by = "strategy";
    const tip = element("div", "abm-tip");
    const key = element("div", "abm-key");
    place.before(key);

    const count = () => view.dots.length / FIELDS;
    const dot = (which, field) => view.dots[which * FIELDS + field];
    const column = (field) => Array.from({ length: count() }, (_, which) => dot(which, field));
    const find = (slot) => { for (let which = 0; which < count(); which++) if (dot(which, SLOT) === slot) return which; return -1; };
    const colour = (which) => {
      if (by === "strategy") return panel.strategies[dot(which, STRATEGY)][1];
      const place = Math.round((panel.returns.length - 1) * (0.5 + Math.log(Math.max(dot(which, R), 1e-6)) / Math.log(16)));
      return panel.returns[Math.min(Math.max(place, 0), panel.returns.length - 1)];
    };
    const isLog = () => ["T", "C"].map((_, axis) => logs?.[axis] || isWide([column(axis ? C : T)]));

    function ends(field, level, log) {
      const values = column(field).concat(level);
      const [least, most] = [Math.min(...values), Math.max(...values)];
      return log ? [Math.max(least, most * 1e-6) / ROOM, most * ROOM] : [0, most * ROOM];
    }

    function draw(u) {
      const pen = u.ctx;
      const { left, top, width, height } = u.bbox;
      const [x, y] = [u.valToPos(panel.T0, "x", true), u.valToPos(panel.C0, "y", true)];
      pen.save();
      pen.beginPath();
      pen.rect(left, top, width, height);
      pen.clip();
      line(pen, x, top, x, top + height, css("grey"), [1, 2]);
      line(pen, left, y, left + width, y, css("grey"), [1, 2]);
      pen.lineWidth = 0.5 * devicePixelRatio;
      pen.strokeStyle = by === "strategy" ? css("paper") : css("grey");
      const edged = count() <= MANY;
      for (let which = 0; which < count(); which++) {
        const [x, y] = [u.valToPos(dot(which, T), "x", true), u.valToPos(dot(which, C), "y", true)];
        const radius = dot(which, RADIUS) * devicePixelRatio;
        pen.fillStyle = colour(which);
        if (!edged && !pen.exact && dot(which, RADIUS) < SMALL) {
          pen.fillRect(x - 0.9 * radius, y - 0.9 * radius, 1.8 * radius, 1.8 * radius); // many times as fast as a circle
          continue;
        }
        pen.beginPath();
        pen.arc(x, y, radius, 0, 7);
        pen.fill();
        if (edged) pen.stroke();
      }
      if (!count()) write(pen, "no firm is left", left + width / 2, top + height / 2, "center");
      if (view.followed) {
        pen.beginPath();
        pen.arc(u.valToPos(view.followed.T, "x", true), u.valToPos(view.followed.C, "y", true), 12 * devicePixelRatio, 0, 7);
        pen.lineWidth = 2.5 * devicePixelRatio;
        pen.strokeStyle = css("ink");
        pen.setLineDash(view.followed.left ? [4 * devicePixelRatio, 3 * devicePixelRatio] : []);
        pen.stroke();
      }
      pen.restore();
    }

    function point(which) {
      const slot = which < 0 ? null : dot(which, SLOT);
      if (slot !== pointed) {
        pointed = slot;
        view.point(slot);
      }
      if (slot === null) tip.hidden = true;
    }

    function nearest(u) {
      const { left, top } = u.cursor;
      let [best, which] = [NEAR ** 2, -1];
      for (let each = 0; left >= 0 && each < count(); each++) {
        const far = (u.valToPos(dot(each, T), "x") - left) ** 2 + (u.valToPos(dot(each, C), "y") - top) ** 2;
        if (far <= best) [best, which] = [far, each];
      }
      return which;
    }

    /** What the server says of the firm that is pointed at. */
    function say(firm) {
      const which = firm && firm.slot === pointed ? find(pointed) : -1;
      tip.hidden = which < 0;
      if (which < 0) return;
      tip.replaceChildren(element("b", "", firm.title));
      for (const [name, value] of firm.rows) tip.append(element("span", "", name), element("span", "", value));
      const [left, top] = [chart.valToPos(dot(which, T), "x"), chart.valToPos(dot(which, C), "y")];
      const [width, height] = [chart.over.clientWidth, chart.over.clientHeight];
      tip.style.left = `${Math.max(left > width / 2 ? left - 12 - tip.offsetWidth : left + 12, 0)}px`;
      tip.style.top = `${Math.min(Math.max(top - tip.offsetHeight / 2, 0), Math.max(height - tip.offsetHeight, 0))}px`;
    }

    const swatches = () => (by === "strategy"
      ? panel.strategies
      : ["¼", "½", "1 (break-even)", "2", "4"].map((name, which) => [name, panel.returns[Math.round((which / 4) * (panel.returns.length - 1))]]));

    function showKey() {
      const switches = ["strategy", "return"].map((each) => {
        const button = element("button", "abm-switch", `by ${each}`);
        button.setAttribute("aria-pressed", each === by);
        button.onclick = () => { by = each; showKey(); chart.redraw(false); };
        return button;
      });
      const names = swatches().map(([name, shade]) => {
        const swatch = element("span", "abm-swatch", name);
        swatch.style.setProperty("--shade", shade);
        return swatch;
      });
      const title = by === "return" ? "R, return (revenue / cost):" : "";
      key.replaceChildren("Colours ", ...switches, element("span", "", title), ...names);
    }

    function build() {
      chart?.destroy();
      logs = isLog();
      chart = new uPlot({
        ...size(place, panel),
        series: [{}, { points: { show: false } }],
        padding: [8, 12, 0, 0],
        scales: {
          x: { time: false, distr: logs[0] ? 3 : 1, auto: () => !zoomed, range: (u, least, most) => (zoomed ? [least, most] : ends(T, panel.T0, logs[0])) },
          y: { distr: logs[1] ? 3 : 1, range: (u) => (zoomed ? [u.scales.y.min, u.scales.y.max] : ends(C, panel.C0, logs[1])) },
        },
        axes: [
          axis("x", `T, technology accumulation${logs[0] ? " (log scale)" : ""}`, { size: 30 }),
          axis("y", `C, market competitiveness${logs[1] ? " (log scale)" : ""}`, { size: 46 }),
        ],
        cursor: {
          drag: { x: true, y: true, dist: 8 },
          points: { show: false },
          bind: { dblclick: (u, target, handle) => (event) => { zoomed = false; handle(event); } },
        },
        legend: { show: false },
        hooks: {
          draw: [draw],
          setCursor: [(u) => point(nearest(u))],
          setSelect: [(u) => { if (u.select.width > 0) zoomed = true; }],
        },
      }, [[0, 1], [null, null]], place);
      place.chart = chart;
      chart.over.append(tip);
      chart.over.tabIndex = 0;
      chart.over.setAttribute("role", "group");
      chart.over.setAttribute("aria-label", "arrow keys go from firm to firm, the largest first; Enter follows one");
      chart.over.addEventListener("click", () => { if (pointed !== null) view.follow(pointed); });
      chart.over.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
        if (event.key === "Enter" && pointed !== null) view.follow(pointed);
        if (event.key === "Escape") point(-1);
        if (!by || !count()) return;
        event.preventDefault();
        point(pointed === null ? 0 : Math.min(Math.max(find(pointed) + by, 0), count() - 1));
      });
    }
    build();
    showKey();
    return {
      update: () => (isLog().every((each, which) => each === logs[which]) ? chart.setData(chart.data) : build()),
      resize: () => chart.setSize(size(place, panel)),
      redraw: () => chart.redraw(false),
      destroy: () => { key.remove(); chart.destroy(); },
      names: () => swatches().map(([label, shade]) => ({ label: by === "return" ? `R = ${label}` : label, area: shade })),
      say,
    };
  };
})();
