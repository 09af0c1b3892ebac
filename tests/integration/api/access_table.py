"""Who may call what: one row an operation. A route without a row fails the test.

``open``     anybody, and the answer does not depend on who asks
``own``      everybody sees and changes their own things only: signed-in people get ``status``
``private``  one thing of the owner's: ``status`` for them, 404 for other people, administrators too
``shared``   the same answer for everybody who is signed in
``admin``    administrators get ``status``, everybody else 403
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["open", "own", "private", "shared", "admin"]


@dataclass(frozen=True)
class Row:
    """``{name}`` in the path, the body and the headers stands for a thing of the owner's."""

    kind: Kind
    status: int = 200
    json: Any = None
    form: Mapping[str, str] | None = None
    files: Mapping[str, Any] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


TUS = {"Tus-Resumable": "1.0.0"}
NEW_USER = {"email": "{fresh}@example.org", "password": "correct zebra staple battery"}
WRONG = {"username": "nobody@example.org", "password": "wrong wrong wrong wrong"}
SETUP = {"token": "x", "email": "x@example.org", "password": "correct zebra staple battery"}
RESET = {"new_password": "something for the beginning", "must_change": False}

TABLE: dict[str, Row] = {
    # setting up, signing in
    "GET /api/setup": Row("open"),
    "POST /api/setup": Row("open", 409, json=SETUP),
    "POST /api/auth/login": Row("open", 401, form=WRONG),
    "POST /api/auth/token": Row("open", 401, form=WRONG),
    "GET /api/auth/methods": Row("open"),
    "GET /api/auth/password-policy": Row("open"),
    "GET /api/auth/me": Row("own"),
    "GET /api/auth/sessions": Row("own"),
    "DELETE /api/auth/sessions/{session_uuid}": Row("private", 204),
    "POST /api/auth/logout": Row("own"),
    "POST /api/auth/logout/all": Row("own"),
    # people
    "GET /api/users/me": Row("own"),
    "PUT /api/users/me": Row("own", json={"full_name": "Somebody"}),
    "GET /api/users": Row("admin"),
    "GET /api/users/{user_uuid}": Row("admin"),
    "PUT /api/users/{user_uuid}": Row("admin", json={"full_name": "Somebody"}),
    "DELETE /api/users/{user_uuid}": Row("admin", 204),
    "GET /api/admin/users": Row("admin"),
    "POST /api/admin/users": Row("admin", 201, json=NEW_USER),
    "DELETE /api/admin/users/{user_uuid}": Row("admin", 204),
    "POST /api/admin/users/{user_uuid}/reset-password": Row("admin", json=RESET),
    "POST /api/admin/users/{user_uuid}/unlock": Row("admin"),
    # recordings on their way in
    "OPTIONS /api/uploads": Row("open", 204),
    "GET /api/uploads": Row("own"),
    "POST /api/uploads": Row("own", 201, headers={**TUS, "Upload-Length": "5"}),
    "HEAD /api/uploads/{upload_uuid}": Row("private", headers=TUS),
    "PATCH /api/uploads/{upload_uuid}": Row(
        "private",
        204,
        content=b"ab",
        headers={**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
    ),
    "DELETE /api/uploads/{upload_uuid}": Row("private", 204, headers=TUS),
    "GET /api/uploads/{upload_uuid}/result": Row("private"),
    "POST /api/files": Row("own", 201, files={"file": ("a.wav", b"{fresh}", "audio/wav")}),
    "POST /api/files/prepare": Row(
        "own", json={"filename": "a.wav", "file_size": 5, "content_type": "audio/wav"}
    ),
    # 503: the installation of the test is offline and has no sample.
    "POST /api/files/sample": Row("own", 503),
    "GET /api/files/supported-formats": Row("shared"),
    # recordings
    "GET /api/files": Row("own"),
    "GET /api/files/{file_uuid}": Row("private"),
    "PUT /api/files/{file_uuid}": Row("private", json={"title": "Another"}),
    "DELETE /api/files/{file_uuid}": Row("private", 204),
    "GET /api/files/{file_uuid}/content": Row("private"),
    "GET /api/files/{file_uuid}/download": Row("private"),
    "GET /api/files/{file_uuid}/thumbnail": Row("private"),
    "GET /api/files/{file_uuid}/stream-url": Row("private"),
    "GET /api/files/{file_uuid}/waveform": Row("private"),
    "GET /api/files/{file_uuid}/transcript": Row("private"),
    "GET /api/files/{file_uuid}/export": Row("private"),
    "GET /api/files/{file_uuid}/subtitles": Row("private"),
    # editing
    "GET /api/files/{file_uuid}/edits": Row("private"),
    "POST /api/files/{file_uuid}/edits/{edit_uuid}/undo": Row("private"),
    "POST /api/files/{file_uuid}/edits/{edit_uuid}/redo": Row("private", 409),
    "PUT /api/files/{file_uuid}/transcript/segments/{segment_uuid}": Row(
        "private", json={"text": "other words"}
    ),
    "PUT /api/transcripts/segments/{segment_uuid}/speaker": Row(
        "private", json={"speaker_uuid": "{target_uuid}"}
    ),
    # speakers
    "GET /api/speakers": Row("own"),
    "GET /api/speakers/{speaker_uuid}": Row("private"),
    "PUT /api/speakers/{speaker_uuid}": Row("private", json={"display_name": "Ann"}),
    "POST /api/files/{file_uuid}/speakers": Row("private", 201, json={"display_name": "Ann"}),
    "POST /api/speakers/{speaker_uuid}/merge/{target_uuid}": Row("private"),
    "POST /api/speakers/{speaker_uuid}/verify": Row("private", 409),
    "GET /api/speaker-profiles/profiles": Row("own"),
    # work
    "GET /api/files/{file_uuid}/job": Row("private"),
    "POST /api/files/{file_uuid}/cancel": Row("private"),
    "POST /api/files/{file_uuid}/retry": Row("private", 409),
    "POST /api/files/{file_uuid}/reprocess": Row("private", 409, json={}),
    "GET /api/tasks": Row("own"),
    "GET /api/tasks/progress/active": Row("own"),
    "GET /api/tasks/{job_uuid}": Row("private"),
    # search, settings, models
    "GET /api/search": Row("own"),
    "GET /api/search/suggestions": Row("own"),
    "GET /api/search/filters": Row("own"),
    "GET /api/user-settings/transcription": Row("own"),
    "PUT /api/user-settings/transcription": Row("own", json={"task": "transcribe"}),
    "GET /api/custom-vocabulary": Row("own"),
    "POST /api/custom-vocabulary": Row("own", 201, json={"term": "{fresh}"}),
    "POST /api/custom-vocabulary/bulk": Row("own", json={"terms": ["{fresh}"]}),
    "GET /api/custom-vocabulary/domains": Row("shared"),
    "PUT /api/custom-vocabulary/{term_id}": Row("private", json={"term": "{fresh}"}),
    "DELETE /api/custom-vocabulary/{term_id}": Row("private", 204),
    "GET /api/models": Row("shared"),
    "POST /api/models/{name}/fetch": Row("admin", 202),
    "POST /api/admin/reindex": Row("admin", 202),
    # updates
    "GET /api/maintenance": Row("open"),
    "GET /api/admin/updates": Row("admin"),
    "POST /api/admin/updates": Row("admin", 202, json={}),
    "POST /api/admin/updates/check": Row("admin", 202, json={}),
    "POST /api/admin/updates/rollback": Row("admin", 202),
    # backups
    "GET /api/admin/backups": Row("admin"),
    "POST /api/admin/backups": Row("admin", 202, json={}),
    "POST /api/admin/backups/drill": Row("admin", 404),
    "PUT /api/admin/backups/policy": Row("admin", json={}),
    "POST /api/admin/backups/{name}/verify": Row("admin", 404),
    "DELETE /api/admin/backups/{name}": Row("admin", 404),
    # the installation
    "GET /api/system/stats": Row("own"),
    "GET /api/system/about": Row("shared"),
    "GET /api/health": Row("open"),
    "GET /api/livez": Row("open"),
    "GET /api/readyz": Row("open"),
    "GET /api/version": Row("open"),
}

#: Query parameters without which an operation means nothing.
QUERIES = {"GET /api/search": "?q=words", "GET /api/search/suggestions": "?q=wo"}
