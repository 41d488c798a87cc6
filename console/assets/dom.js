// Small helpers for building elements.

/**
 * The element with this ID. A missing one is a mistake in index.html.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const el = document.getElementById(id);
  if (!el) throw new Error(`index.html has no #${id}`);
  return el;
}

/**
 * Makes an element. Properties are set, attributes with a dash and role as attributes;
 * functions on… are listeners.
 * @param {string} name
 * @param {Record<string, any>} [given]
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function h(name, given = {}, ...children) {
  const el = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "role" || key === "for") el.setAttribute(key, value);
    else Object.assign(el, { [key]: value });
  }
  el.append(...children);
  return el;
}
