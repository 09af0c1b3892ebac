from __future__ import annotations

from io import StringIO

from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from opentranscribe.features.upgrade.env_merge import GENERATED, diff_env, merge_env

OLD = "# Port of the page.\n#PORT=5173\n\n# How much is written.\n#LEVEL=info\n"
NEW = "# Port of the page.\n#PORT=5173\n\n# New thing.\n#FRESH=1\n\n# How much is written.\n#LEVEL=info\n"

NAMES = st.sampled_from(["PORT", "LEVEL", "FRESH", "OWN", "OTHER"])
#: Everything that may stand in a file, but what ends a line or opens a value of several lines.
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\n\r'\""), max_size=20)
QUOTED = st.text(st.sampled_from("ab '\"\\#=$\n"), max_size=12)
LINES = st.one_of(
    st.builds(lambda n, v: f"{n}={v}", NAMES, VALUES),
    st.builds(lambda n, v: f"export {n}={v}", NAMES, VALUES),
    st.builds(lambda n, v: f"#{n}={v}", NAMES, VALUES),
    st.builds(lambda n, v: f"  {n} = '{v}'", NAMES, VALUES),
    st.builds(lambda n, v: f"{n}='{v}'", NAMES, QUOTED),
    st.builds(lambda n, v: f'{n}="{v}"', NAMES, QUOTED),
    st.builds(lambda v: f"# {v}", VALUES),
    st.just(""),
)
ENDS = st.sampled_from(["\n", "\r\n"])
FILES = st.builds(
    lambda lines, last: "".join(line + end for line, end in lines) + last,
    st.lists(st.tuples(LINES, ENDS), max_size=12),
    st.one_of(st.just(""), LINES),
)


def set_lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line.strip("\r") and not line.startswith("#")]


class TestMergeEnv:
    @given(FILES)
    @settings(max_examples=250)
    def test_every_line_of_the_user_stays_and_a_second_merge_changes_nothing(
        self, user: str
    ) -> None:
        merged = merge_env(OLD, NEW, user)
        kept = iter(merged.text.split("\n"))
        assert all(line in kept for line in user.split("\n"))
        assert set_lines(merged.text) == set_lines(user)
        assert merge_env(OLD, NEW, merged.text).text == merged.text

    @given(FILES)
    @settings(max_examples=100)
    def test_the_same_template_changes_not_one_byte(self, user: str) -> None:
        assert merge_env(OLD, OLD, user).text == user

    def test_what_is_new_comes_where_the_template_has_it(self) -> None:
        merged = merge_env(OLD, NEW, OLD.replace("#PORT=5173", "PORT=80"))
        assert merged.text == NEW.replace("#PORT=5173", "PORT=80")
        assert [change.kind for change in merged.changes] == ["added"]

    def test_a_line_nobody_touched_follows_the_template(self) -> None:
        merged = merge_env(OLD, OLD.replace("info", "warning"), OLD)
        assert "#LEVEL=warning" in merged.text

    def test_a_value_that_was_set_is_never_changed(self) -> None:
        user = OLD.replace("#LEVEL=info", "LEVEL=debug")
        assert merge_env(OLD, OLD.replace("info", "warning"), user).text == user

    def test_a_renamed_variable_keeps_its_value_and_its_export(self) -> None:
        user = "export PORT='80' # mine\n"
        merged = merge_env(OLD, OLD.replace("PORT", "DOOR"), user, renames={"PORT": "DOOR"})
        assert "export DOOR='80' # mine" in merged.text

    def test_a_rename_does_not_overwrite_what_has_the_new_name(self) -> None:
        user = "PORT=80\nDOOR=90\n"
        assert merge_env("", "", user, renames={"PORT": "DOOR"}).text == user

    def test_a_needed_secret_is_made_once(self) -> None:
        new = f"{OLD}\n# Signs things.\nSIGNING={GENERATED}\n"
        merged = merge_env(OLD, new, OLD, make_secret=lambda name: f"made-for-{name}")
        assert "SIGNING=made-for-SIGNING" in merged.text
        assert merge_env(new, new, merged.text, make_secret=lambda name: "other") == merge_env(
            new, new, merged.text
        )

    def test_a_secret_set_with_spaces_is_not_made_again(self) -> None:
        user = "SIGNING = mine\n"
        new = f"SIGNING={GENERATED}\n"
        assert merge_env("", new, user, make_secret=lambda name: "made").text == user

    def test_nothing_is_put_inside_a_value_of_several_lines(self) -> None:
        user = "PORT='80\nsecond'\n"
        merged = merge_env(OLD, NEW, user)
        assert merged.text.startswith(user)
        assert "#FRESH=1" in merged.text

    def test_all_lines_of_a_renamed_variable_are_renamed(self) -> None:
        merged = merge_env("", "", "PORT=1\nPORT=2\n", renames={"PORT": "DOOR"})
        assert merged.text == "DOOR=1\nDOOR=2\n"

    def test_a_name_that_is_part_of_the_line_is_renamed_only_where_it_is_the_name(self) -> None:
        merged = merge_env("", "", "export port=port\n", renames={"port": "door"})
        assert merged.text == "export door=port\n"

    def test_a_quote_that_is_never_closed_hides_nothing(self) -> None:
        user = "NAME='it begins\nPORT=80\n"
        merged = merge_env("", "", user, renames={"PORT": "DOOR"})
        assert merged.text == "NAME='it begins\nDOOR=80\n"

    def test_an_escaped_quote_does_not_end_a_value(self) -> None:
        user = 'NAME="a \\" b\nPORT=80"\nLEVEL=1\n'
        merged = merge_env("", "", user, renames={"PORT": "DOOR", "LEVEL": "DEPTH"})
        assert merged.text == 'NAME="a \\" b\nPORT=80"\nDEPTH=1\n'

    def test_says_what_stays_although_the_template_changed(self) -> None:
        user = OLD.replace("#LEVEL=info", "LEVEL=debug")
        merged = merge_env(OLD, OLD.replace("info", "warning"), user)
        assert merged.text == user
        assert [(change.kind, change.name) for change in merged.changes] == [("kept", "LEVEL")]

    @given(FILES)
    @settings(max_examples=200)
    def test_a_file_means_the_same_before_and_after(self, user: str) -> None:
        merged = merge_env(OLD, NEW, user)
        before, after = (dotenv_values(stream=StringIO(text)) for text in (user, merged.text))
        assert {name: after[name] for name in before} == before

    def test_line_ends_of_both_kinds_stay(self) -> None:
        user = "PORT=80\r\nOTHER=1\n"
        assert merge_env(OLD, NEW, user).text.endswith("OTHER=1\n")

    def test_what_is_gone_is_said_and_left(self) -> None:
        merged = merge_env(OLD, "", "PORT=80\n")
        assert merged.text == "PORT=80\n"
        assert [change.kind for change in merged.changes] == ["gone"]

    def test_keeps_the_line_ends_of_the_user(self) -> None:
        merged = merge_env(OLD, NEW, "PORT=80\r\n")
        assert "\n" not in merged.text.replace("\r\n", "")


class TestDiffEnv:
    def test_hides_secrets(self) -> None:
        shown = diff_env("A=1\n", "A=1\nHUB_TOKEN=abc\nPORT=5\n")
        assert "abc" not in shown
        assert "+PORT=5" in shown

    def test_hides_secrets_in_comments_and_over_several_lines(self) -> None:
        shown = diff_env("", "#HUB_TOKEN=abc\nMY_KEY='first\nsecond'\nPORT=5\n")
        assert not any(word in shown for word in ("abc", "first", "second"))
        assert "+PORT=5" in shown
