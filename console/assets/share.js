// Links that play one recording without a token. Offered only where the API has them.

import { copy, h } from "./dom.js";
import { formatTime, t, whyOf } from "./i18n.js";
import { openDialog } from "./remove.js";

/** Seconds that a link lasts, with the key of its text. */
const LASTS = { hour: 3600, day: 86400, week: 604800 };

/** @param {import("./api.js").Api} api @param {import("../types.js").Recording} recording */
export async function shareRecording(api, recording) {
  const path = `${api.path(recording.id)}/links`;
  const lasts = h("select", { "aria-label": t("share.lasts") }, ...Object.entries(LASTS).map(([name, value]) => h("option", { value }, t(`share.${name}`))));
  const status = h("p", { role: "status" });
  const links = h("ul", { className: "links" });
  const run = async (/** @type {() => Promise<void>} */ work) => {
    try {
      await work();
    } catch (err) {
      status.textContent = whyOf(err);
    }
  };
  const show = async () => {
    const { data } = await api.json("GET", path, {});
    links.replaceChildren(...data.map((/** @type {any} */ link) => h("li", {}, t("share.until", { time: formatTime(link.expires) }),
      h("button", { type: "button", onclick: () => run(async () => {
        await api.request("DELETE", `${path}/${encodeURIComponent(link.id)}`, {});
        await show();
      }) }, t("share.revoke")))));
  };
  const make = () => run(async () => {
    const { data } = await api.json("POST", path, { body: { data: { expires_in: Number(lasts.value), inline: true } } });
    const url = new URL(data.url, api.base).href;
    status.replaceChildren((await copy(url)) ? t("player.copied") : "", " ", h("input", { readOnly: true, value: url, "aria-label": t("share.link") }));
    await show();
  });
  openDialog(t("share.title"), t("app.close"), h("p", {}, t("share.what")), h("div", { className: "add" }, lasts, h("button", { type: "button", className: "primary", onclick: make }, t("share.make"))), status, links);
  await run(show);
}
