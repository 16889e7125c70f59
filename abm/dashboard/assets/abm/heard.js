// What a canvas's pen draws, as SVG: it is listened to while it draws, so that a chart is drawn in one place only.
(() => {
  const BASELINE = { top: 0.8, middle: 0.35, bottom: -0.2 }; // of letters below what a text is placed by; shares of their size
  const OWN = ["moveTo", "lineTo", "bezierCurveTo", "rect", "arc", "closePath"]; // of a pen and of a path alike

  function element(kind, values = {}, ...within) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    Object.entries(values).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...within);
    return made;
  }

  const numbers = (...values) => values.map((each) => Number(each.toFixed(2))).join(" ");

  /** A path that can be read again. */
  class HeardPath extends Path2D {
    constructor(from = "") {
      super(from);
      this.read = from.read ?? from;
    }
    moveTo(x, y) { super.moveTo(x, y); this.read += `M${numbers(x, y)}`; }
    lineTo(x, y) { super.lineTo(x, y); this.read += `${this.read ? "L" : "M"}${numbers(x, y)}`; }
    bezierCurveTo(...ends) { super.bezierCurveTo(...ends); this.read += `C${numbers(...ends)}`; }
    rect(x, y, width, height) { super.rect(x, y, width, height); this.read += `M${numbers(x, y)}h${numbers(width)}v${numbers(height)}h${numbers(-width)}z`; }
    closePath() { super.closePath(); this.read += "z"; }
    arc(x, y, radius, ...angles) { // in our charts always whole circles
      super.arc(x, y, radius, ...angles);
      const half = (way) => `a${numbers(radius, radius)} 0 1 1 ${numbers(2 * way * radius)} 0`;
      this.read += `M${numbers(x - radius, y)}${half(1)}${half(-1)}z`;
    }
  }

  /** What a pen draws meanwhile, as a group of an SVG whose names begin with a prefix; it draws all the same. */
  function heard(pen, prefix, draw) {
    const groups = [element("g")]; // the innermost comes first
    const saved = [];
    let [path, named] = [new HeardPath(), 0];
    const put = (...parts) => groups[0].append(...parts);
    const name = (kind, values, ...within) => {
      named += 1;
      put(element(kind, { id: `${prefix}${named}`, ...values }, ...within));
      return `url(#${prefix}${named})`;
    };

    function colour(kind, style) {
      if (style instanceof CanvasPattern) {
        const { colour, paper, lines } = style.tile;
        const tile = [element("rect", { width: 8, height: 8, fill: colour }), element("path", { d: lines, stroke: paper })];
        return { [kind]: name("pattern", { width: 8, height: 8, patternUnits: "userSpaceOnUse" }, ...tile) };
      }
      const [red, green, blue, alpha = 1] = style.startsWith("rgba") ? style.match(/[\d.]+/g) : [];
      const opacity = Number((alpha * pen.globalAlpha).toFixed(3));
      return { [kind]: red ? `rgb(${red},${green},${blue})` : style, ...(opacity < 1 ? { [`${kind}-opacity`]: opacity } : {}) };
    }

    const filled = () => colour("fill", pen.fillStyle);
    function stroked() {
      const dash = pen.getLineDash();
      return {
        fill: "none", ...colour("stroke", pen.strokeStyle), "stroke-width": numbers(pen.lineWidth), "stroke-linejoin": pen.lineJoin,
        ...(dash.length ? { "stroke-dasharray": numbers(...dash) } : {}),
      };
    }
    function moved() {
      const { a, b, c, d, e, f, isIdentity } = pen.getTransform();
      return isIdentity ? {} : { transform: `matrix(${[a, b, c, d, e, f].map((each) => Number(each.toFixed(4))).join(" ")})` };
    }
    function letters(text, x, y) {
      const [, weight, size, family] = pen.font.match(/(?:(\d+) )?([\d.]+)px (.*)/);
      const anchor = { center: "middle", right: "end", end: "end" }[pen.textAlign] ?? "start";
      const below = (BASELINE[pen.textBaseline] ?? 0) * size;
      return { x: numbers(x), y: numbers(y + below), "text-anchor": anchor, "font-size": size, "font-family": family, "font-weight": weight ?? 400, ...moved() };
    }

    const listeners = {
      save: () => saved.push(groups.length),
      restore: () => groups.splice(0, groups.length - (saved.pop() ?? groups.length)),
      beginPath: () => { path = new HeardPath(); },
      clip: (along = path) => {
        const group = element("g", { "clip-path": name("clipPath", {}, element("path", { d: along.read, ...moved() })) });
        put(group);
        groups.unshift(group);
      },
      fill: (along = path) => put(element("path", { d: along.read, ...filled(), ...moved() })),
      stroke: (along = path) => put(element("path", { d: along.read, ...stroked(), ...moved() })),
      fillRect: (x, y, width, height) => put(element("rect", { x: numbers(x), y: numbers(y), width: numbers(width), height: numbers(height), ...filled(), ...moved() })),
      fillText: (text, x, y) => text && put(element("text", { ...letters(text, x, y), ...filled() }, text)),
      strokeText: (text, x, y) => put(element("text", { ...letters(text, x, y), ...stroked(), "aria-hidden": "true" }, text)),
      ...Object.fromEntries(OWN.map((each) => [each, (...values) => path[each](...values)])),
    };
    for (const [each, listen] of Object.entries(listeners))
      pen[each] = (...values) => { listen(...values); return Object.getPrototypeOf(pen)[each].apply(pen, values); };
    const native = window.Path2D;
    window.Path2D = HeardPath;
    pen.exact = true; // what is drawn roughly for speed need not be so here
    try {
      draw();
    } finally {
      window.Path2D = native;
      [...Object.keys(listeners), "exact"].forEach((each) => delete pen[each]);
    }
    return groups.at(-1);
  }

  Object.assign(window.abmCharts, { svg: { element, heard } });
})();
