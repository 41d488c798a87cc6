// Uses the types that openapi-typescript makes, with openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./schema";

function check(ok: boolean, got: unknown): void {
    if (!ok) throw new Error(JSON.stringify(got));
}

async function main(): Promise<void> {
    const account_id = process.env.ACCOUNT_ID ?? "";
    const api = createClient<paths>({ baseUrl: process.env.URL, headers: { "X-Auth-Token": process.env.TOKEN } });
    const list = "/{version}/accounts/{account_id}/recordings", item = `${list}/{recording_id}` as const;
    const path = { version: "v2", account_id } as const;

    const page = await api.GET(list, { params: { path, query: { page_size: 2 } } });
    check(page.data?.data.length === 2 && page.data.page_size === 2 && !!page.data.next_start_key, page);
    const rest = await api.GET(list, { params: { path, query: { page_size: 2, start_key: page.data?.next_start_key } } });
    check(rest.data?.data.length === 1 && !rest.data.next_start_key, rest);

    const found = await api.GET(list, { params: { path, query: { filter_direction: "outbound", created_from: "63000000000" } } });
    check(found.data?.data.length === 1 && found.data.data[0].direction === "outbound", found);
    const one = { ...path, recording_id: found.data?.data[0].id ?? "" };

    const document = await api.GET(item, { params: { path: one } });
    check(document.data?.data.id === one.recording_id && (document.data?.data.start ?? 0) > 2 ** 32, document);

    const audio = await api.GET(`${item}/audio`, { params: { path: one }, parseAs: "arrayBuffer" });
    check(audio.data instanceof ArrayBuffer && audio.data.byteLength > 1000, audio);

    const patched = await api.PATCH(item, { params: { path: one }, body: { data: { user_metadata: { tag: "vip" } } } });
    check(patched.data?.data.user_metadata?.["tag"] === "vip", patched);

    const gone = await api.DELETE(item, { params: { path: one } });
    check(gone.data?.data._read_only?.deleted === true, gone);

    const missing = await api.GET(item, { params: { path: one } });
    check(missing.response.status === 404 && missing.error?.error === "404" && missing.error.message === "bad_identifier", missing);
}

main().catch((e) => {
    console.error(e);
    process.exit(1);
});
