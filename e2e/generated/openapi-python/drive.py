"""Uses the client that openapi-python-client makes."""

import os

from recordings_client import AuthenticatedClient
from recordings_client.api.lists import list_recordings
from recordings_client.api.recordings import delete_recording, get_recording, get_recording_audio, patch_recording
from recordings_client.models import Change, ChangeUserMetadata, EnvelopedChange, Error, Version

client = AuthenticatedClient(os.environ["URL"], os.environ["TOKEN"], prefix="", auth_header_name="X-Auth-Token")
account = os.environ["ACCOUNT_ID"]

page = list_recordings.sync(Version.V2, account, client=client, page_size=2)
assert len(page.data) == 2 and page.page_size == 2 and page.next_start_key, page
rest = list_recordings.sync(Version.V2, account, client=client, page_size=2, start_key=page.next_start_key)
assert len(rest.data) == 1 and not rest.next_start_key, rest
assert page.timestamp.tzinfo is not None, page.timestamp

found = list_recordings.sync(Version.V2, account, client=client, filter_direction="outbound", created_from="63000000000")
assert [r.direction for r in found.data] == ["outbound"], found

one = get_recording.sync(Version.V2, account, found.data[0].id, client=client)
assert one.data.id == found.data[0].id and one.data.start > 2**32, one

# The generator has no type for audio/*; the bytes are in the detailed response.
audio = get_recording_audio.sync_detailed(Version.V2, account, one.data.id, client=client)
assert audio.status_code == 200 and len(audio.content) > 1000, audio

tags = ChangeUserMetadata()
tags["tag"] = "vip"
body = EnvelopedChange(data=Change(user_metadata=tags))
patched = patch_recording.sync(Version.V2, account, one.data.id, client=client, body=body)
assert patched.data.user_metadata.to_dict() == {"tag": "vip"}, patched

gone = delete_recording.sync(Version.V2, account, one.data.id, client=client)
assert gone.data.field_read_only.deleted, gone

missing = get_recording.sync(Version.V2, account, one.data.id, client=client)
assert isinstance(missing, Error) and missing.error == "404" and missing.message == "bad_identifier", missing
