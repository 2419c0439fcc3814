"""What systemd.syntax(7), systemd.service(5) and systemd.exec(5) say, by example."""

import unittest

import systemd_unit
from systemd_unit import Unit, UnitError


def service(text):
    return Unit("web@blue.service", ["[Service]\n" + text])


def argv(text, variables=None):
    return [words for words, _ in service(text).commands("ExecStart", variables or {})]


class Lines(unittest.TestCase):
    def test_continued_lines_and_comments_between_them(self):
        self.assertEqual(argv("ExecStart=/bin/a \\\n  --b \\\n# not this\n; nor this\n  --c\n"), [["/bin/a", "--b", "--c"]])

    def test_an_empty_assignment_takes_back_what_was_before(self):
        self.assertEqual(argv("ExecStart=/bin/a\nExecStart=\nExecStart=/bin/b"), [["/bin/b"]])

    def test_a_line_that_is_nothing(self):
        with self.assertRaises(UnitError):
            service("ExecStart=/bin/a\n  --b\n")


class Words(unittest.TestCase):
    def test_quotes_around_a_whole_word(self):
        self.assertEqual(argv("""ExecStart=/bin/a "b c" '--d=e "f"' ''"""), [["/bin/a", "b c", '--d=e "f"', ""]])

    def test_quotes_within_a_word_are_refused(self):
        for word in ("--a='b'", "'a'b", '"a'):
            with self.assertRaises(UnitError):
                argv(f"ExecStart=/bin/a {word}")

    def test_escapes(self):
        self.assertEqual(argv(r"ExecStart=/bin/a \x41\102 \s \\ \" \u00e9"), [["/bin/a", "AB", " ", "\\", '"', "é"]])
        with self.assertRaises(UnitError):
            argv(r"ExecStart=/bin/a \q")

    def test_specifiers(self):
        self.assertEqual(argv("ExecStart=/bin/a 100%% %n %p %i"), [["/bin/a", "100%", "web@blue.service", "web", "blue"]])
        with self.assertRaises(UnitError):
            argv("ExecStart=/bin/a 50%z")

    def test_variables(self):
        known = {"A": "one two", "B": "three"}
        self.assertEqual(argv("ExecStart=/bin/a $A x$B ${B}y $$A $NONE ${NONE}", known), [["/bin/a", "one", "two", "x$B", "threey", "$A", ""]])

    def test_several_commands(self):
        self.assertEqual(argv("ExecStart=/bin/a ; /bin/b \\; c\nExecStart=/bin/d"), [["/bin/a"], ["/bin/b", ";", "c"], ["/bin/d"]])

    def test_failure_does_not_count_behind_a_dash(self):
        self.assertEqual(service("ExecStart=-/bin/a").commands("ExecStart", {}), [(["/bin/a"], False)])

    def test_a_path_must_be_absolute(self):
        with self.assertRaises(UnitError):
            argv("ExecStart=kubelet --v=2")


class Environment(unittest.TestCase):
    def test_several_on_a_line_and_files_that_win(self):
        unit = service('Environment=A=1 "B=two words" C=3\nEnvironmentFile=-/etc/none\nEnvironmentFile=/etc/default/web\n')
        files = {"/etc/default/web": "# comment\nC='from a file'\nD=\"x \\\"y\\\"\"\n"}
        self.assertEqual(unit.environment(files.get), {"A": "1", "B": "two words", "C": "from a file", "D": 'x "y"'})

    def test_a_missing_file(self):
        with self.assertRaises(UnitError):
            service("EnvironmentFile=/etc/none\n").environment(lambda _: None)


class DropIns(unittest.TestCase):
    def test_they_are_read_after_the_unit_in_the_order_of_their_names(self):
        files = {
            "/usr/lib/systemd/system/a.service": "[Service]\nExecStart=/bin/packaged\n",
            "/etc/systemd/system/a.service": "[Service]\nExecStart=/bin/ours\nEnvironment=A=1\n",
            "/etc/systemd/system/a.service.d/20-b.conf": "[Service]\nEnvironment=A=3\n",
            "/usr/lib/systemd/system/a.service.d/10-a.conf": "[Service]\nEnvironment=A=2 B=2\n",
            "/usr/lib/systemd/system/a.service.d/20-b.conf": "[Service]\nEnvironment=A=masked\n",
        }
        folders = {}
        for path in files:
            folders.setdefault(path.rsplit("/", 1)[0], []).append(path.rsplit("/", 1)[1])
        unit = systemd_unit.load("a.service", files.get, folders.get)
        self.assertEqual(unit.environment(files.get), {"A": "3", "B": "2"})
        self.assertEqual(unit.commands("ExecStart", {}), [(["/bin/ours"], True)])
        self.assertIsNone(systemd_unit.load("b.service", files.get, folders.get))


class Spans(unittest.TestCase):
    def test_spans(self):
        self.assertEqual([systemd_unit.seconds(span, 7) for span in (None, "5", "1min 30s", "100ms", "infinity")], [7, 5, 90, 0.1, float("inf")])


if __name__ == "__main__":
    unittest.main()
