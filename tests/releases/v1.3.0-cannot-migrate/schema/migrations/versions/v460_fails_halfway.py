"""A revision that works on the developer's empty database and fails where there is a user."""

from opentranscribe.schema.migrations.steps import Revision, Step

REVISION = Revision(
    "v460_fails_halfway",
    (
        Step("CREATE TABLE IF NOT EXISTS left_behind (id bigint PRIMARY KEY)"),
        Step('SELECT 1 / (1 - sign(count(*))) FROM "user"', "divide by nothing"),
    ),
)
