// A chart as a file, below its title and the names of its lines: as it is on the screen, zoomed and switched, in PNG or SVG.
(() => {
  const { css, svg } = window.abmCharts;
  const [EDGE, FIRST, ROW] = [8, 26, 19]; // pixels: beside the title, its height, and that of a row of names

  /** Where names stand below a title: side by side, in as many rows as they need. */
  function placed(pen, names, width) {
    let [x, row] = [EDGE, 0];
    return names.map((each) => {
      const taken = 40 + pen.measureText(each.label).width;
      if (x > EDGE && x + taken > width) [x, row] = [EDGE, row + 1];
      x += taken;
      return { ...each, x: x - taken, y: FIRST + row * ROW };
    });
  }

  function drawHead(pen, scale, title, names) {
    const { width, height } = pen.canvas;
    pen.fillStyle = css("paper");
    pen.fillRect(0, 0, width, height);
    pen.scale(scale, scale);
    pen.fillStyle = css("ink");
    pen.font = "500 14px sans-serif";
    const wide = pen.measureText(title).width / (width / scale - 2 * EDGE); // 1: as wide as there is room
    pen.font = `500 ${14 / Math.max(wide, 1)}px sans-serif`;
    pen.fillText(title, EDGE, 18);
    pen.font = "12px sans-serif";
    for (const { label, area, colour, dash, x, y } of names) {
      const shape = new Path2D(area ? `M${x} ${y + 3}h18v11h-18z` : `M${x} ${y + 8.5}h18`);
      if (area) {
        pen.fillStyle = area;
        pen.fill(shape);
      }
      Object.assign(pen, area ? { strokeStyle: css("grey"), lineWidth: 0.5 } : { strokeStyle: colour, lineWidth: 2 });
      pen.setLineDash(area ? [] : dash);
      pen.stroke(shape);
      pen.fillStyle = css("ink");
      pen.fillText(label, x + 23, y + 13);
    }
  }

  /** A chart as SVG; its lines go through their values, not through the nearest pixels as on the screen. */
  function drawing(chart) {
    const redraw = () => chart.batch(() => chart.setData(chart.data));
    const rounded = chart.series.map((each) => each.pxRound);
    chart.series.forEach((each) => { each.pxRound = (value) => value; });
    const drawn = svg.heard(chart.ctx, "chart", redraw);
    chart.series.forEach((each, place) => { each.pxRound = rounded[place]; });
    redraw();
    return drawn;
  }

  function download(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /** Hand a chart to the browser as a file of a kind, PNG or SVG. */
  window.abmCharts.save = (kind, title, chart, names) => {
    const name = `${title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/-$/, "")}.${kind.toLowerCase()}`;
    const { canvas } = chart.ctx;
    const scale = canvas.width / canvas.clientWidth;
    const sheet = document.createElement("canvas");
    const pen = sheet.getContext("2d");
    pen.font = "12px sans-serif";
    const there = placed(pen, names, canvas.clientWidth);
    const top = (FIRST + (there.length ? (there.at(-1).y - FIRST) / ROW + 1 : 0) * ROW + 4) * scale;
    Object.assign(sheet, { width: canvas.width, height: canvas.height + top });
    const head = () => drawHead(pen, scale, title, there);
    if (kind === "PNG") {
      head();
      pen.resetTransform();
      pen.drawImage(canvas, 0, top);
      return sheet.toBlob((blob) => download(blob, name));
    }
    const drawn = drawing(chart);
    drawn.setAttribute("transform", `translate(0 ${top})`);
    const size = { width: sheet.width / scale, height: sheet.height / scale, viewBox: `0 0 ${sheet.width} ${sheet.height}` };
    const file = svg.element("svg", { ...size, role: "img" }, svg.element("title", {}, title), svg.heard(pen, "head", head), drawn);
    download(new Blob([new XMLSerializer().serializeToString(file)], { type: "image/svg+xml" }), name);
  };
})();
