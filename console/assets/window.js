// The arithmetic of the virtualised list: which rows are in the document, and where.

/**
 * The rows to render: those in sight and some above and below. last is exclusive.
 * @param {number} scrollTop px
 * @param {number} height of the viewport, px
 * @param {number} row height of a row, px
 * @param {number} total number of rows
 * @param {number} [extra] rows beyond each edge
 */
export function visibleRows(scrollTop, height, row, total, extra = 8) {
  if (!(row > 0) || total <= 0) return { first: 0, last: 0 };
  const last = Math.min(total, Math.ceil((scrollTop + height) / row) + extra);
  const first = Math.max(0, Math.min(Math.floor(scrollTop / row) - extra, last));
  return { first, last };
}

/**
 * The scroll position at which a row is wholly in sight, as close as possible to the present one.
 * @param {number} index
 * @param {number} scrollTop px
 * @param {number} height of the room for rows, px
 * @param {number} row height of a row, px
 */
export function scrollToRow(index, scrollTop, height, row) {
  const top = index * row;
  if (top < scrollTop) return top;
  return Math.max(scrollTop, top + row - height);
}

/**
 * The row that a key moves to; undefined for other keys.
 * @param {string} key
 * @param {number} at the active row, -1 for none
 * @param {number} total
 * @param {number} page rows in sight
 */
export function moveBy(key, at, total, page) {
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: total - 1 }[key];
  return to === undefined ? undefined : Math.max(0, Math.min(total - 1, to));
}
