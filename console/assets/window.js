// The arithmetic of the virtualised list: which rows are in the document, and where. Positions
// and heights are in px.

/**
 * Returns the rows to render: those in sight, and extra ones beyond each edge. last is exclusive.
 * @param {number} scrollTop @param {number} height of the viewport @param {number} row height of a row
 * @param {number} total number of rows @param {number} [extra]
 */
export function visibleRows(scrollTop, height, row, total, extra = 8) {
  if (!row) return { first: 0, last: 0 };
  const last = Math.min(total, Math.ceil((scrollTop + height) / row) + extra);
  return { first: Math.max(0, Math.min(Math.floor(scrollTop / row) - extra, last)), last };
}

/**
 * Returns the nearest scroll position at which a row is wholly in sight.
 * @param {number} index @param {number} scrollTop @param {number} height of the room for rows @param {number} row height of a row
 */
export function scrollToRow(index, scrollTop, height, row) {
  const top = index * row;
  return Math.min(top, Math.max(scrollTop, top + row - height));
}

/**
 * Returns the row that a key moves to, or undefined for other keys.
 * @param {string} key @param {number} at the active row, -1 for none @param {number} total @param {number} page rows in sight
 */
export function moveBy(key, at, total, page) {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: total - 1 }[key];
  return to === undefined ? undefined : Math.max(0, Math.min(total - 1, to));
}
