"""Uses the client that openapi-generator makes for Python."""

import os

import openapi_client
from openapi_client.models import Change, EnvelopedChange, PatchRequest, Version

config = openapi_client.Configuration(host=os.environ["URL"], api_key={"token": os.environ["TOKEN"]})
account = os.environ["ACCOUNT_ID"]
with openapi_client.ApiClient(config) as client:
    lists, recordings = openapi_client.ListsApi(client), openapi_client.RecordingsApi(client)

    page = lists.list_recordings(Version.V2, account, page_size=2)
    assert len(page.data) == 2 and page.page_size == 2 and page.next_start_key, page
    rest = lists.list_recordings(Version.V2, account, page_size=2, start_key=page.next_start_key)
    assert len(rest.data) == 1 and not rest.next_start_key, rest
    assert page.timestamp.tzinfo is not None, page.timestamp

    found = lists.list_recordings(Version.V2, account, filter_direction="outbound", created_from="63000000000")
    assert [r.direction for r in found.data] == ["outbound"], found

    one = recordings.get_recording(Version.V2, account, found.data[0].id)
    assert one.data.id == found.data[0].id and one.data.start > 2**32, one

    audio = recordings.get_recording_audio(Version.V2, account, one.data.id)
    assert len(audio) > 1000, len(audio)

    change = PatchRequest(EnvelopedChange(data=Change(user_metadata={"tag": "vip"})))
    patched = recordings.patch_recording(Version.V2, account, one.data.id, change)
    assert patched.data.user_metadata == {"tag": "vip"}, patched

    gone = recordings.delete_recording(Version.V2, account, one.data.id)
    assert gone.data.read_only.deleted, gone

    try:
        recordings.get_recording(Version.V2, account, one.data.id)
    except openapi_client.exceptions.NotFoundException as e:
        assert e.data.error == "404" and e.data.message == "bad_identifier", e.data
    else:
        raise AssertionError("a deleted recording is still there")
