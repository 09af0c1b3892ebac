"""Checks of settings, work under way, recordings, models, and updates left unfinished."""

from __future__ import annotations

from collections import Counter

from opentranscribe.features.upgrade.preflight.facts import FactMissingError, Facts
from opentranscribe.features.upgrade.preflight.findings import (
    Check,
    Finding,
    blocker,
    note,
    warning,
)
from opentranscribe.features.upgrade.preflight.rules import commands

OUR_PREFIX = "OPENTR_"
#: Read by the launcher, not a setting.
OUTSIDE = frozenset({"OPENTR_PYTHON", "OPENTR_TEST_DATA", "OPENTR_HOME"})
MOST_KEPT_DATABASES = 2


def check_env_readable(facts: Facts) -> Finding | None:
    env = facts.env.value
    if env.trouble:
        return blocker(
            f"{facts.context.env_file} cannot be read: {env.trouble}. Its settings would be lost.",
            f"chmod 600 {facts.context.env_file}",
        )
    if env.bad_lines:
        numbers = commands.listed([str(number) for number in env.bad_lines])
        return warning(
            f"Line {numbers} of {facts.context.env_file} is neither NAME=value nor a comment and"
            " is ignored.",
            f"sed -n '{env.bad_lines[0]}p' {facts.context.env_file}",
        )
    return None


def check_env_private(facts: Facts) -> Finding | None:
    mode = facts.env.value.mode
    if mode is None or not mode & 0o007:
        return None
    return warning(
        f"Every user of this machine can read {facts.context.env_file}; it may hold passwords.",
        f"chmod 600 {facts.context.env_file}",
    )


def check_env_duplicates(facts: Facts) -> Finding | None:
    twice = [name for name, count in Counter(facts.env.value.names).items() if count > 1]
    if not twice:
        return None
    return warning(
        f"{commands.listed(twice)} is set more than once in {facts.context.env_file}; only the last"
        " counts.",
        f"grep -n '^{twice[0]}=' {facts.context.env_file}",
    )


def check_env_unknown(facts: Facts) -> Finding | None:
    env = facts.env.value
    known = _template(env.template)
    strange = sorted(
        {
            name
            for name in env.names
            if name.startswith(OUR_PREFIX) and name not in known and name not in OUTSIDE
        }
    )
    if not strange:
        return None
    return warning(
        f"The release does not know the setting {commands.listed(strange)}; it would be ignored."
        " It is misspelt, or was taken out.",
        f"grep -n '^{strange[0]}=' {facts.context.env_file}",
    )


def check_env_differences(facts: Facts) -> Finding | None:
    env = facts.env.value
    new = sorted(_template(env.template) - _template(env.old_template))
    if not new:
        return None
    return note(
        f"The release has {len(new)} new settings: {commands.listed(new)}. Each has a default that"
        " works; nothing need be set.",
        f"diff {facts.context.home / '.env.example'} {facts.context.env_example}",
    )


def check_update_journal(facts: Facts) -> Finding | None:
    return _unfinished(facts, "update", "An update")


def check_restore_journal(facts: Facts) -> Finding | None:
    return _unfinished(facts, "restore", "A restore")


def check_other_update(facts: Facts) -> Finding | None:
    holders = facts.unfinished.value.holders
    for kind, pid in holders.items():
        return blocker(
            f"Another {kind} is under way (process {pid}). Wait for it.", commands.STATUS
        )
    return None


def check_kept_databases(facts: Facts) -> Finding | None:
    kept = facts.kept_databases.value
    if len(kept) <= MOST_KEPT_DATABASES:
        return None
    oldest = commands.identifier(kept[0])
    return note(
        f"{len(kept)} databases of earlier updates are kept, each as large as the live one.",
        commands.sql(facts.context, f"DROP DATABASE {oldest}"),
    )


def check_running_jobs(facts: Facts) -> Finding | None:
    running = facts.work.value.running_jobs
    if not running:
        return None
    return note(f"{running} jobs are running. They are put back and go on after the update.")


def check_silent_jobs(facts: Facts) -> Finding | None:
    silent = facts.work.value.silent_jobs
    if not silent or not facts.context.is_running:
        return None
    return warning(
        f"{silent} jobs are said to run, but their worker has not been heard of for minutes.",
        f"{commands.RESTART} worker-speech",
    )


def check_uploads(facts: Facts) -> Finding | None:
    uploads = facts.work.value.unfinished_uploads
    if not uploads:
        return None
    return note(f"{uploads} uploads are not finished. They pause, and go on after the update.")


def check_workers(facts: Facts) -> Finding | None:
    work = facts.work.value
    if not facts.context.is_running or not work.known_workers or work.alive_workers:
        return None
    return warning(
        "OpenTranscribe runs, but no worker has been heard of for minutes; after the update it"
        " could not be proven to work.",
        commands.RESTART,
    )


def check_worker_versions(facts: Facts) -> Finding | None:
    others = facts.work.value.other_versions
    if not others or not facts.context.is_running:
        return None
    return warning(
        f"A process of another release ({commands.listed(others)}) works on this database beside"
        f" {facts.context.current_version}. It would meet the new schema.",
        commands.RESTART,
    )


def check_media(facts: Facts) -> Finding | None:
    sample = facts.media.value
    if not sample.missing:
        return None
    return warning(
        f"{len(sample.missing)} of the newest {sample.looked_at} recordings are not in the data"
        f" folder: {commands.listed(sample.missing)}. Their transcripts cannot be played.",
        commands.RESTORE,
    )


def check_model_rights(facts: Facts) -> Finding | None:
    foreign = facts.models.value.foreign
    if not foreign:
        return None
    return warning(
        f"{len(foreign)} entries of the model cache cannot be used by its owner, for instance"
        f" {foreign[0]}; models would seem to be missing.",
        commands.FIX_MODELS,
    )


def check_models(facts: Facts) -> Finding | None:
    missing = facts.context.missing_models
    if not missing:
        return None
    names = commands.listed(missing)
    if facts.context.offline:
        return warning(
            f"The model {names} is not here, and downloads are switched off (offline). Recordings"
            " that need it cannot be transcribed.",
            f"ls {facts.context.models_dir}",
        )
    return note(f"The model {names} is not here yet; it is downloaded when it is first needed.")


def _unfinished(facts: Facts, kind: str, what: str) -> Finding | None:
    found = [path for one, path in facts.unfinished.value.journals if one == kind]
    if not found or kind in facts.unfinished.value.holders:
        return None
    return blocker(
        f"{what} was cut off ({found[-1]}). The next start finishes it or puts everything back.",
        commands.START,
    )


def _template(names: frozenset[str] | None) -> frozenset[str]:
    if names is None:
        raise FactMissingError("there is no .env.example to compare with", quiet=True)
    return names


CHECKS = (
    Check("env-readable", "Settings file", check_env_readable),
    Check("env-private", "Privacy of the settings", check_env_private),
    Check("env-duplicates", "Settings that are set twice", check_env_duplicates),
    Check("env-unknown", "Unknown settings", check_env_unknown),
    Check("env-differences", "New settings", check_env_differences),
    Check("update-journal", "Earlier update", check_update_journal),
    Check("restore-journal", "Earlier restore", check_restore_journal),
    Check("other-update", "Other update", check_other_update),
    Check("kept-databases", "Databases of earlier updates", check_kept_databases),
    Check("running-jobs", "Running jobs", check_running_jobs),
    Check("silent-jobs", "Jobs without a worker", check_silent_jobs),
    Check("uploads", "Uploads", check_uploads),
    Check("workers", "Workers", check_workers),
    Check("worker-versions", "Versions of the workers", check_worker_versions),
    Check("media", "Recordings", check_media),
    Check("model-rights", "Rights of the model cache", check_model_rights),
    Check("models", "Models", check_models),
)
