// The page's charts, by uPlot: lines and stacked shares over steps, and the plane of firms.
// A chart is made of a panel, which says what to draw, and of what all charts of a view have in common: the columns of
// numbers, where the view is zoomed to, and the run's length and changes.
(() => {
  const WIDE = 30; // ratio of the largest value to the median above which an axis is logarithmic
  const FIRST_STEPS = 25; // that an axis holds at least
  const INCREMENTS = [0, 1, 2, 3, 4, 5, 6].flatMap((power) => [1, 2, 5].map((each) => each * 10 ** power));
  const FONT = "12px Roboto, sans-serif";
  const [NAMES, ROOM] = [6, 14]; // names of changes in a chart, as more would hide it, and pixels that one needs beside its line
  const FALLBACK = { ink: "#222222", grey: "#666666", grid: "#e6e6e6", paper: "#ffffff" };

  const css = (name) => {
    const page = document.querySelector(".abm-page") || document.documentElement;
    return getComputedStyle(page).getPropertyValue(`--abm-${name}`).trim() || FALLBACK[name];
  };

  /** A number in three digits, as short as an axis needs it; from `thousands` on in thousands. */
  function short(value, thousands = 1e4) {
    if (value == null) return "–";
    const size = Math.abs(value);
    if (size >= 1e9 || (size > 0 && size < 1e-3)) return value.toExponential(1).replace(/\.0|\+/g, "");
    if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
    if (size >= thousands) return `${Number((value / 1e3).toPrecision(3))}k`;
    return Number(value.toPrecision(size >= 1000 ? 4 : 3)).toLocaleString("en-US").replace("-", "−");
  }

  /** Whether a few values are far above the others, so that a linear axis would show those alone. */
  function isWide(columns) {
    if (columns.flat().some((value) => value < 0)) return false;
    const values = columns.flat().filter((value) => value > 0).sort((one, other) => one - other);
    return values.length > 0 && values[values.length - 1] > WIDE * values[values.length >> 1];
  }

  /** The first of 1, 2, 2.5, 5 times a power of ten that is not below a step. */
  function reach(step, last) {
    const power = 10 ** Math.floor(Math.log10(Math.max(step, FIRST_STEPS)));
    const end = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= Math.max(step, FIRST_STEPS));
    return Math.min(end, Math.max(last, step, 1));
  }

  /** The ends of a vertical axis. */
  function range(panel, log, least, most) {
    if (panel.top) return [0, panel.top];
    if (panel.zones.length && log) return [Math.min(10, least ?? 10), 10400];
    const level = panel.level ?? (log ? most : 0);
    if (most == null) return log ? [1, 10] : [0, Math.max(1, 1.2 * level)];
    if (log) return uPlot.rangeLog(Math.max(Math.min(least, level), most * 1e-6), Math.max(most, level), 10, false);
    const ends = { pad: 0.06, soft: 0, mode: 1 };
    return uPlot.rangeNum(Math.min(least, level), Math.max(most, level), { min: ends, max: ends });
  }

  /** White lines over a colour, for areas that differ from others by more than their colour. */
  function hatched(colour, hatch) {
    const tile = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
    const pen = tile.getContext("2d");
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = css("paper");
    const lines = hatch === "..." ? "M4 3L4 5" : "M-2 10L10 -2M-6 6L6 -6M2 14L14 2";
    pen.stroke(new Path2D(lines));
    return Object.assign(pen.createPattern(tile, "repeat"), { tile: { colour, paper: css("paper"), lines } });
  }

  const axis = (scale, label, more = {}) => ({
    scale, label, font: FONT, labelFont: FONT, labelSize: 20, labelGap: 0, gap: 4,
    stroke: () => css("ink"),
    grid: { stroke: () => css("grid"), width: 1 },
    ticks: { stroke: () => css("grid"), width: 1, size: 4 },
    values: (_, splits) => {
      const thousands = splits.some((each) => Math.abs(each) >= 1e4) ? 1e3 : 1e4; // one way of writing on an axis
      return splits.map((each) => (each == null ? "" : short(each, thousands)));
    },
    ...more,
  });

  function line(pen, x0, y0, x1, y1, colour, dash = []) {
    pen.save();
    pen.strokeStyle = colour;
    pen.lineWidth = devicePixelRatio;
    pen.setLineDash(dash.map((each) => each * devicePixelRatio));
    pen.stroke(new Path2D(`M${x0} ${y0}L${x1} ${y1}`));
    pen.restore();
  }

  const smallFont = () => FONT.replace("12px", `${11 * devicePixelRatio}px`);

  /** A text with a halo of the paper's colour, so that it can be read over lines and areas. */
  function write(pen, text, x, y, align, turn = 0) {
    pen.save();
    pen.translate(x, y);
    pen.rotate(turn);
    pen.font = smallFont();
    Object.assign(pen, { textAlign: align, textBaseline: "middle", lineJoin: "round" });
    Object.assign(pen, { strokeStyle: css("paper"), lineWidth: 4 * devicePixelRatio, fillStyle: css("grey") });
    pen.strokeText(text, 0, 0);
    pen.fillText(text, 0, 0);
    pen.restore();
  }

  /** The bands by which a market's structure is named, and the level to compare with. */
  function drawBelow(u, panel, log) {
    const { left, top, width, height } = u.bbox;
    const y = (value) => Math.min(Math.max(u.valToPos(value, "y", true), top), top + height);
    if (panel.zones.length && !log) {
      const [name, low] = panel.zones[0];
      write(u.ctx, `${name} begins at ${short(low)}`, left + 6, top + 10, "left");
    }
    (log ? panel.zones : []).forEach(([name, low, high], place) => {
      u.ctx.save();
      u.ctx.fillStyle = css("ink");
      u.ctx.globalAlpha = 0.03 + 0.045 * place;
      u.ctx.fillRect(left, y(high), width, y(low) - y(high));
      u.ctx.restore();
      write(u.ctx, name, left + width + 6 * devicePixelRatio, y(Math.sqrt(low * high)), "left");
    });
    if (panel.level != null) line(u.ctx, left, y(panel.level), left + width, y(panel.level), css("grey"), [1, 2]);
  }

  /** Where names stand beside lines from left to right, and of how many lines each is. */
  function beside(lines, right) {
    const room = ROOM * devicePixelRatio;
    for (let apart = room; ; apart *= 1.5) {
      const found = [];
      lines.forEach((line) => {
        const at = line + room <= right ? line : line - room;
        if (found.length && at < found.at(-1).at + apart) found.at(-1).count += 1;
        else found.push({ at, count: 1 });
      });
      if (found.length <= NAMES) return found;
    }
  }

  /** Names that take no more than some pixels, as many as fit, and how many more; and the pixels that they take. */
  function joined(pen, names, pixels) {
    const more = (kept) => (kept < names.length ? ` and ${names.length - kept} more` : "");
    const text = (kept) => names.slice(0, kept).join(", ") + more(kept);
    pen.save();
    pen.font = smallFont();
    const isShort = (said) => pen.measureText(said).width <= pixels;
    let kept = isShort(text(names.length)) ? names.length : 1;
    while (kept < names.length - 1 && isShort(text(kept + 1))) kept += 1;
    let said = text(kept);
    const letters = [...names[0]].slice(0, pixels); // no more letters than pixels
    while (!isShort(said) && letters.length > 1) {
      letters.pop();
      said = `${letters.join("")}…${more(1)}`;
    }
    const taken = pen.measureText(said).width;
    pen.restore();
    return { text: said, pixels: taken };
  }

  /** The changes on the way, and since when there is nothing to draw. */
  function drawAbove(u, panel, view, log) {
    const { left, top, width, height } = u.bbox;
    const [low, high] = [u.scales.x.min, u.scales.x.max];
    const marks = view.marks.filter(([, step, until]) => step <= high && (until ?? Infinity) >= low);
    marks.sort((one, other) => one[1] - other[1]);
    const at = (step) => u.valToPos(step, "x", true);
    marks.forEach(([, step, until]) => {
      const [x, end] = [at(Math.max(step, low)), at(Math.min(until ?? step, high))];
      u.ctx.save();
      u.ctx.fillStyle = css("grey");
      u.ctx.globalAlpha = 0.1;
      u.ctx.fillRect(x, top, Math.max(end - x, 0), height);
      u.ctx.restore();
      if (step >= low) line(u.ctx, x, top, x, top + height, css("grey"));
    });
    const begun = marks.filter(([, step]) => step >= low);
    const down = (panel.zones.length && !log ? 22 : 4) * devicePixelRatio; // below what is said of zones
    let told = 0;
    beside(begun.map(([, step]) => at(step)), left + width).forEach(({ at, count }) => {
      const names = begun.slice(told, told + count).map(([name]) => name);
      const { text, pixels } = joined(u.ctx, names, height - 2 * down);
      if (count > 1) { // the lines of the others are quiet behind letters
        u.ctx.save();
        Object.assign(u.ctx, { fillStyle: css("paper"), globalAlpha: 0.7 });
        u.ctx.fillRect(at + 2 * devicePixelRatio, top + down, ROOM * devicePixelRatio, pixels);
        u.ctx.restore();
      }
      write(u.ctx, text, at + (ROOM / 2 + 1) * devicePixelRatio, top + down, "right", -Math.PI / 2);
      told += count;
    });
    const [steps, ...columns] = u.data;
    const last = steps.length - 1;
    if (last < 0 || columns.some((column) => column[last] != null)) return;
    let since = last;
    while (since > 0 && columns.every((column) => column[since - 1] == null)) since -= 1;
    write(u.ctx, `no firm from step ${steps[since].toLocaleString("en-US")} on`, left + width / 2, top + height / 2, "center");
  }

  const size = (place, panel) => {
    const width = Math.max(place.clientWidth, 200);
    return { width, height: Math.round(Math.min(Math.max(width * panel.shape, 190), 520)) };
  };

  /** The columns of a panel, as they are drawn: shares of those that are shown lie one upon the other. */
  function dataOf(panel, view, shown) {
    const columns = panel.lines.map((each) => view.columns[each.at]);
    if (!panel.stacked) return [view.columns[0], ...columns];
    const sums = new Array(view.columns[0].length).fill(null);
    const stacked = columns.map(() => null);
    for (let place = columns.length - 1; place >= 0; place--) {
      if (shown(place))
        columns[place].forEach((value, row) => { if (value != null) sums[row] = (sums[row] ?? 0) + value; });
      stacked[place] = sums.slice();
    }
    return [view.columns[0], ...stacked];
  }

  /** A chart over steps. */
  function steps(place, panel, view) {
    let chart, log;
    const shown = (which) => !chart || chart.series[which + 1].show;
    const raw = (which) => (which ? view.columns[panel.lines[which - 1].at] : view.columns[0]);
    const at = (which, row) => short(raw(which)[row ?? raw(which).length - 1]);
    // Edges that belong to a line are told beside it, and switched with it.
    const edges = (which) => panel.lines.map((each, line) => (each.of === which - 1 ? line + 1 : 0)).filter(Boolean);
    const value = (_, __, which, row) => {
      const ends = edges(which).map((each) => at(each, row));
      const said = at(which, row);
      return said + (panel.stacked && which && said !== "–" ? "%" : "") + (ends.length ? ` [${ends.join(", ")}]` : "");
    };
    const colour = (each) => (each.colour === "ink" ? css("ink") : each.colour);
    const area = (each) => (each.hatch ? hatched(each.colour, each.hatch) : each.colour);
    const isLog = () => {
      const columns = panel.lines.filter((each) => !each.right).map((each) => view.columns[each.at]);
      if (panel.zones.length) return columns.flat().some((each) => each >= panel.far);
      return log || (!panel.top && isWide(columns));
    };

    function build() {
      chart?.destroy();
      log = isLog();
      const series = panel.lines.map((each) => ({
        label: each.label,
        scale: each.right ? "right" : "y",
        width: panel.stacked ? 1 : each.edge ? 0 : 2,
        stroke: () => (panel.stacked ? css("paper") : colour(each)),
        fill: panel.stacked ? () => area(each) : undefined,
        dash: each.dash.length && !panel.stacked ? each.dash : undefined,
        points: { show: (u, _, first, last) => last === first, size: 7, stroke: colour(each), fill: colour(each) },
        value,
        class: each.of == null ? undefined : "abm-edge",
        paths: panel.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      }));
      const band = panel.lines.map((each, which) => (each.edge ? which + 1 : 0)).filter(Boolean);
      const bands = band.filter((_, place) => place % 2).map((high, place) => ({
        series: [high, band[2 * place]], fill: `${panel.lines[high - 1].colour}38`,
      }));
      chart = new uPlot({
        ...size(place, panel),
        series: [{ label: view.first ?? "step", value }, ...series],
        bands,
        padding: [8, panel.zones.length ? 66 : 12, 0, 0],
        scales: {
          x: {
            time: false,
            auto: () => !view.zoomed,
            range: (u, least, most) => {
              if (view.zoomed) return [least, most];
              return view.ends ?? [0, reach(view.columns[0].at(-1) ?? 0, view.steps)];
            },
          },
          y: { distr: log ? 3 : 1, range: (u, least, most) => range(panel, log, least, most) },
          right: { range: (u, least, most) => range({ zones: [] }, false, 0, most) },
        },
        axes: [
          axis("x", view.x ?? "step (quarter)", { size: 30, incrs: INCREMENTS }),
          axis("y", log ? `${panel.y} (log scale)` : panel.y, { size: 46 }),
          ...(panel.right ? [axis("right", panel.right, { side: 1, size: 40, grid: { show: false } })] : []),
        ],
        cursor: {
          sync: { key: view.key },
          drag: { x: true, y: false, dist: 8 },
          points: { size: 6 },
          bind: { dblclick: (u, target, handle) => (event) => { view.zoomed = false; handle(event); } },
        },
        legend: {
          markers: {
            width: 2,
            stroke: (u, which) => colour(panel.lines[which - 1]),
            fill: (u, which) => {
              const { edge, hatch } = panel.lines[which - 1];
              const shade = colour(panel.lines[which - 1]);
              if (panel.stacked && hatch) return `repeating-linear-gradient(135deg, ${shade} 0 3px, ${css("paper")} 3px 4px)`;
              return panel.stacked ? shade : edge ? `${shade}38` : "transparent";
            },
            dash: (u, which) => (panel.lines[which - 1].dash.length ? "dashed" : "solid"),
          },
        },
        hooks: {
          drawAxes: [(u) => drawBelow(u, panel, log)],
          draw: [(u) => drawAbove(u, panel, view, log)],
          setSelect: [(u) => { if (u.select.width > 0) view.zoomed = true; }],
          setSeries: [(u, which, { show }) => {
            if (show == null) return;
            if (panel.stacked) u.setData(dataOf(panel, view, shown));
            edges(which).forEach((each) => u.setSeries(each, { show }));
          }],
        },
      }, dataOf(panel, view, () => true), place);
      place.chart = chart; // for whoever looks from outside
      operable(chart, place);
    }
    build();
    return {
      update: () => (isLog() === log ? chart.setData(dataOf(panel, view, shown)) : build()),
      resize: () => chart.setSize(size(place, panel)),
      redraw: () => chart.redraw(false),
      destroy: () => chart.destroy(),
      names: () => panel.lines.filter((_, which) => shown(which)).map((each) => ({
        label: each.label,
        colour: colour(each),
        dash: each.dash,
        area: panel.stacked ? area(each) : each.edge ? `${each.colour}38` : null,
      })),
    };
  }

  /** A chart by the keyboard: arrows move the cursor of all charts, Enter switches a series of the legend. */
  function operable(chart, place) {
    chart.over.tabIndex = 0;
    chart.over.setAttribute("role", "group");
    chart.over.setAttribute("aria-label", "arrow keys move the cursor, Escape removes it");
    chart.over.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (event.key === "Escape") chart.setCursor({ left: -10, top: -10 }, true, true);
      if (!by) return;
      event.preventDefault();
      const last = chart.data[0].length - 1;
      const row = Math.min(Math.max((chart.cursor.idx ?? last) + by, 0), last);
      chart.setCursor({ left: chart.valToPos(chart.data[0][row], "x"), top: 1 }, true, true);
    });
    place.querySelectorAll(".u-series:not(:first-child) th").forEach((each) => {
      Object.assign(each, { tabIndex: 0 }).setAttribute("role", "button");
      each.addEventListener("keydown", (event) => { if (["Enter", " "].includes(event.key)) { event.preventDefault(); each.click(); } });
    });
  }

  window.abmCharts = { steps, css, isWide, axis, line, write, size };
})();
