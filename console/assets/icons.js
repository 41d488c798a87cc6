// The icons of buttons, as paths in a square of 24.

const paths = {
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  previous: "M5 5h3v14H5zM20 5v14L9 12z",
  next: "M16 5h3v14h-3zM4 5v14l11-7z",
  back: "M11 6v12l-8-6zM20 6v12l-8-6z",
  forward: "M13 6v12l8-6zM4 6v12l8-6z",
  volume: "M3 9h4l5-5v16l-5-5H3zM15 8q4 4 0 8v-2q2-2 0-4zM18 5q6 7 0 14v-2.5q4-4.5 0-9z",
  muted: "M3 9h4l5-5v16l-5-5H3zM15 9.5l1.5-1.5 5.5 6-1.5 1.5zM20.5 8L22 9.5 16.5 15.5 15 14z",
  loop: "M7 6h10v-3l5 4.5-5 4.5V9H8v4H5V8q0-2 2-2zM17 18H7v3l-5-4.5 5-4.5v3h9v-4h3v5q0 2-2 2z",
  playOn: "M3 5h12v2.5H3zM3 10.5h12V13H3zM3 16h7v2.5H3zM13 13l9 4.5-9 4.5z",
  download: "M10.5 3h3v9h4L12 18l-5.5-6h4zM4 19h16v2.5H4z",
  link: "M4 12a4 4 0 0 1 4-4h3v2.5H8a1.5 1.5 0 0 0 0 3h3V16H8a4 4 0 0 1-4-4zM13 8h3a4 4 0 0 1 0 8h-3v-2.5h3a1.5 1.5 0 0 0 0-3h-3zM9 10.900h6v2.200H9z",
};

/** @param {string} name @returns {SVGElement} */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", paths[/** @type {keyof typeof paths} */ (name)]);
  svg.append(path);
  return svg;
}
