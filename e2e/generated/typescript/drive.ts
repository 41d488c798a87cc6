// Uses the client that openapi-generator makes for TypeScript and fetch.
import { Configuration, ListsApi, RecordingsApi, ResponseError, Version } from "./client";

function check(ok: boolean, got: unknown): void {
    if (!ok) throw new Error(JSON.stringify(got));
}

async function main(): Promise<void> {
    const { URL: basePath, TOKEN: token = "", ACCOUNT_ID: accountId = "" } = process.env;
    const config = new Configuration({ basePath, apiKey: (name: string) => (name === "X-Auth-Token" ? token : "") });
    const lists = new ListsApi(config), recordings = new RecordingsApi(config);
    const version = Version.V2;

    const page = await lists.listRecordings({ version, accountId, pageSize: 2 });
    check(page.data.length === 2 && page.pageSize === 2 && !!page.nextStartKey, page);
    const rest = await lists.listRecordings({ version, accountId, pageSize: 2, startKey: page.nextStartKey });
    check(rest.data.length === 1 && !rest.nextStartKey, rest);
    check(page.timestamp.getFullYear() >= 2026, page.timestamp);

    const found = await lists.listRecordings({ version, accountId, filterDirection: "outbound", createdFrom: "63000000000" });
    check(found.data.length === 1 && found.data[0].direction === "outbound", found);
    const recordingId = found.data[0].id;

    const one = await recordings.getRecording({ version, accountId, recordingId });
    check(one?.data.id === recordingId && (one?.data.start ?? 0) > 2 ** 32, one);

    const audio = await recordings.getRecordingAudio({ version, accountId, recordingId });
    check(audio.size > 1000, audio.size);

    const patched = await recordings.patchRecording({ version, accountId, recordingId, patchRequest: { data: { userMetadata: { tag: "vip" } } } });
    check(patched.data.userMetadata?.["tag"] === "vip", patched);

    const gone = await recordings.deleteRecording({ version, accountId, recordingId });
    check(gone.data.readOnly?.deleted === true, gone);

    try {
        await recordings.getRecording({ version, accountId, recordingId });
    } catch (e) {
        if (!(e instanceof ResponseError)) throw e;
        const envelope = await e.response.json();
        check(e.response.status === 404 && envelope.message === "bad_identifier", envelope);
        return;
    }
    throw new Error("a deleted recording is still there");
}

main().catch((e) => {
    console.error(e);
    process.exit(1);
});
