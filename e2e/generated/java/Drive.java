import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.ListsApi;
import org.openapitools.client.api.RecordingsApi;
import org.openapitools.client.model.Change;
import org.openapitools.client.model.EnvelopedChange;
import org.openapitools.client.model.PatchRequest;
import org.openapitools.client.model.Version;

/** Uses the client that openapi-generator makes for Java. */
public class Drive {
    public static void main(String[] args) throws Exception {
        String account = System.getenv("ACCOUNT_ID");
        ApiClient client = new ApiClient();
        client.updateBaseUri(System.getenv("URL"));
        client.setRequestInterceptor(r -> r.header("X-Auth-Token", System.getenv("TOKEN")));
        ListsApi lists = new ListsApi(client);
        RecordingsApi recordings = new RecordingsApi(client);

        var query = ListsApi.APIListRecordingsRequest.newBuilder().version(Version.V2).accountId(account).pageSize(2L);
        var page = lists.listRecordings(query.build());
        check(page.getData().size() == 2 && page.getPageSize() == 2 && page.getNextStartKey() != null, page);
        var rest = lists.listRecordings(query.startKey(page.getNextStartKey()).build());
        check(rest.getData().size() == 1 && rest.getNextStartKey() == null, rest);
        check(page.getTimestamp().getYear() >= 2026, page);

        var found = lists.listRecordings(ListsApi.APIListRecordingsRequest.newBuilder().version(Version.V2).accountId(account)
                .filterDirection("outbound").createdFrom("63000000000").build());
        check(found.getData().size() == 1 && found.getData().get(0).getDirection().equals("outbound"), found);
        String id = found.getData().get(0).getId();

        var one = recordings.getRecording(RecordingsApi.APIGetRecordingRequest.newBuilder()
                .version(Version.V2).accountId(account).recordingId(id).build());
        long start = one.getData().getStart();
        check(one.getData().getId().equals(id) && start > 1L << 32, one);

        var audio = recordings.getRecordingAudio(RecordingsApi.APIGetRecordingAudioRequest.newBuilder()
                .version(Version.V2).accountId(account).recordingId(id).build());
        check(audio.length() > 1000, audio.length());

        var change = new PatchRequest(new EnvelopedChange().data(new Change().userMetadata(Map.of("tag", "vip"))));
        var patched = recordings.patchRecording(RecordingsApi.APIPatchRecordingRequest.newBuilder()
                .version(Version.V2).accountId(account).recordingId(id).patchRequest(change).build());
        check(patched.getData().getUserMetadata().equals(Map.of("tag", "vip")), patched);

        var gone = recordings.deleteRecording(RecordingsApi.APIDeleteRecordingRequest.newBuilder()
                .version(Version.V2).accountId(account).recordingId(id).build());
        check(gone.getData().getReadOnly().getDeleted(), gone);

        try {
            recordings.getRecording(RecordingsApi.APIGetRecordingRequest.newBuilder()
                    .version(Version.V2).accountId(account).recordingId(id).build());
        } catch (ApiException e) {
            check(e.getCode() == 404 && e.getResponseBody().contains("bad_identifier"), e);
            return;
        }
        throw new AssertionError("a deleted recording is still there");
    }

    private static void check(boolean ok, Object got) {
        if (!ok) {
            throw new AssertionError(got);
        }
    }
}
